// Bars as a table: label, numbers, and a bar that only repeats the number.
import { h } from "./dom.js";

/** The drawn bars of one row; `series` are {share: 0 to 1, kind: "one", "two" or "gone"}. */
export function barCell(series) {
  return h(
    "td",
    { class: "bar", "aria-hidden": "true" },
    series.map(({ share, kind }) =>
      h("span", { class: kind, style: `width:${(100 * share).toFixed(2)}%` }),
    ),
  );
}

/** A table of bars. `cells(i)` gives the td nodes of row i. */
export function barTable({ label, names, labels, cells, caption = "" }) {
  return h(
    "table",
    { class: "cw-bars" },
    caption ? h("caption", {}, caption) : null,
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        [label, ...names].map((name) => h("th", { scope: "col" }, name)),
        h("td", { "aria-hidden": "true" }),
      ),
    ),
    h(
      "tbody",
      {},
      labels.map((name, i) => h("tr", {}, h("th", { scope: "row" }, name), cells(i))),
    ),
  );
}
