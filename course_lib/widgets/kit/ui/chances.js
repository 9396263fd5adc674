// A sampler's tokens with their chances after each stage, and what its settings do, in words.
import { h } from "./dom.js";
import { barCell } from "./bar.js";
import { openness } from "../math/sampling.js";
import { percent, short } from "./text.js";

/** A table; `build` makes its rows anew, `fill` writes the numbers into the rows there are. */
export function chanceTable() {
  const node = h("table", { class: "cw-bars" });
  let rows = [];
  const build = (ids, tokens, nStages) => {
    rows = ids.map((i) => {
      const cells = Array.from({ length: nStages + 1 }, () => h("td", {}));
      const bars = barCell([
        { share: 0, kind: "one" },
        { share: 0, kind: "two" },
      ]);
      return {
        i,
        cells,
        bars,
        line: h("tr", {}, h("th", { scope: "row" }, tokens[i]), cells, bars),
      };
    });
    const heads = Array.from({ length: nStages + 2 }, () => h("th", { scope: "col" }));
    node.replaceChildren(
      h("thead", {}, h("tr", {}, heads, h("td", { "aria-hidden": "true" }, ""))),
      h(
        "tbody",
        {},
        rows.map(({ line }) => line),
      ),
    );
  };
  const fill = (stages, label, { counts, total }) => {
    const after = stages.slice(1).map(({ name }) => `after ${label(name)}`);
    const heads = ["token", "the model", ...after, "drawn"];
    heads.forEach((text, i) => {
      node.tHead.rows[0].cells[i].textContent = text;
    });
    const last = stages.at(-1).chances;
    const most = Math.max(...last, total ? Math.max(...counts) / total : 0);
    for (const { i, cells, bars } of rows) {
      stages.forEach(({ chances, logits }, s) => {
        const gone = logits[i] === -Infinity;
        cells[s].textContent = gone ? "dropped" : percent(chances[i]);
        cells[s].className = gone ? "gone" : "";
      });
      cells.at(-1).textContent = total ? String(counts[i]) : "–";
      bars.children[0].style.width = `${(100 * last[i]) / most}%`;
      bars.children[1].style.width = `${total ? (100 * counts[i]) / total / most : 0}%`;
      bars.children[1].hidden = !total;
    }
  };
  return { node, build, fill };
}

/** A temperature in words. */
export function heatWords(t) {
  if (t === 0) return "temperature 0, always the most likely token";
  return (
    `temperature ${short(t)}, ` +
    `${t === 1 ? "the model's own" : t < 1 ? "sharper than the model" : "flatter than the model"}`
  );
}

/** What the settings do, in one sentence: the same as describe_sampler in sampler.py. */
export function describeSampler(names, stages, top) {
  const last = stages.at(-1);
  return (
    `${last.kept} of ${names.length} tokens stay. ${names[top]} goes from ` +
    `${percent(stages[0].chances[top])} to ${percent(last.chances[top])}. ` +
    `The choice is as open as among ${short(openness(last.chances), 1)} equally likely tokens; ` +
    `before it was ${short(openness(stages[0].chances), 1)}.`
  );
}
