// A sampler's tokens with their chances after each stage, and what its settings do, in words.
import { h } from "./dom.js";
import { barCell } from "./bar.js";
import { openness } from "../math/sampling.js";
import { percent, short } from "./text.js";

const AT_ONCE = 100; // rows that a moved slider repaints without a pause
const MARGIN = 20; // rows above and below those in view, since rows may differ in height
const PAUSE_MS = 150; // of a reader who has stopped moving

/** Which of some rows the reader can see, as two places; none while they are hidden. */
function inView(body, n) {
  const { top, height } = body.getBoundingClientRect();
  const each = height / n;
  return each ? [-top / each - MARGIN, (innerHeight - top) / each + MARGIN] : [0, 0];
}

/** Write an attribute or a text only where it is another one: each lays out the table again. */
function put(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

/**
 * A table; `build` makes its rows anew, `fill` writes the numbers into the rows there are: those in
 * view at once, those out of view when the reader pauses.
 */
export function chanceTable() {
  const node = h("table", { class: "cw-bars" });
  let rows = [];
  let waiting = null;
  const build = (ids, tokens, nStages) => {
    clearTimeout(waiting);
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
      put(node.tHead.rows[0].cells[i], "textContent", text);
    });
    const last = stages.at(-1).chances;
    const most = Math.max(...last, total ? Math.max(...counts) / total : 0);
    const write = ({ i, cells, bars }) => {
      stages.forEach(({ chances, logits }, s) => {
        const gone = logits[i] === -Infinity;
        put(cells[s], "textContent", gone ? "dropped" : percent(chances[i]));
        put(cells[s], "className", gone ? "gone" : "");
      });
      put(cells.at(-1), "textContent", total ? String(counts[i]) : "–");
      const [model, drawn] = bars.children;
      put(model.style, "width", `${short((100 * last[i]) / most, 1)}%`);
      put(drawn.style, "width", `${short(total ? (100 * counts[i]) / total / most : 0, 1)}%`);
      put(drawn, "hidden", !total);
    };
    clearTimeout(waiting);
    const [first, end] =
      rows.length > AT_ONCE ? inView(node.tBodies[0], rows.length) : [0, AT_ONCE];
    const later = rows.filter((row, place) => {
      const now = place >= first && place <= end;
      if (now) write(row);
      return !now;
    });
    const go = () => {
      later.splice(0, AT_ONCE).forEach(write);
      if (later.length) waiting = setTimeout(go, 0);
    };
    if (later.length) waiting = setTimeout(go, PAUSE_MS);
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
