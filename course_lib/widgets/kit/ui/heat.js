// A heat map as a table with headers: the numbers are the content, the shade is decoration.
import { h } from "./dom.js";
import { fixed, shadeClass } from "./text.js";

/** One cell; null is a hidden value. `inside(text)` may wrap the text, for example in a button. */
export function heatCell(value, { decimals = 2, low = 0, high = 1, inside = (text) => text }) {
  if (value === null || value === -Infinity) return h("td", { class: "gone" }, inside("−∞"));
  return h("td", { class: shadeClass(value, low, high) }, inside(fixed(value, decimals)));
}

/** A table. `rowHead(i)` may give a node for a row header; `cell(i, j)` gives a td. */
export function heatTable({
  corner,
  rows,
  columns,
  cell,
  rowHead = (i) => rows[i],
  caption = "",
  kind = "cw-heat",
}) {
  return h(
    "table",
    { class: kind },
    caption ? h("caption", {}, caption) : null,
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        [corner, ...columns].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((_, i) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, rowHead(i)),
          columns.map((_, j) => cell(i, j)),
        ),
      ),
    ),
  );
}

/** The scale of a heat map between two values, each written by `text`. */
export function heatLegend(low, high, text = String) {
  const most = Math.max(-low, high);
  const signed = low < 0 && high > 0;
  const swatches = Array.from({ length: 11 }, (_, level) => `sh${level}`);
  if (signed) swatches.unshift(...Array.from({ length: 10 }, (_, i) => `ng${10 - i}`));
  return h(
    "p",
    { class: "cw-legend", "aria-hidden": "true" },
    h("span", {}, text(signed ? -most : low)),
    swatches.map((name) => h("i", { class: name })),
    h("span", {}, text(signed ? most : high)),
  );
}
