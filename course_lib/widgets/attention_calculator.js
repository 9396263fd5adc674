import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  restarter,
  newId,
  save,
  scrollRegion,
  verdict,
  watch,
} from "./kit/ui/dom.js";
import { fixed, listed, short } from "./kit/ui/text.js";
import { attentionStages } from "./kit/math/attention.js";
import { blankOf, cellArithmetic, likelyMistakes } from "./kit/math/arithmetic.js";
import { numberField } from "./kit/ui/field.js";
import { heatCell, heatTable } from "./kit/ui/heat.js";
import { parseNumber } from "./kit/exercise/number.js";

const STAGES = [
  [
    "score",
    "1. Score",
    "Query times key, summed over the width: one number for each pair of words.",
  ],
  [
    "scaled",
    "2. Scale",
    "Divide by the square root of the width, so that a wider head is not a sharper one.",
  ],
  ["masked", "3. Mask", "A word may not see a later word: that score becomes −∞."],
  ["weight", "4. Normalise", "Softmax over each row: exp of each score, divided by the row's sum."],
  ["output", "5. Mix", "Each word's output is the average of the values, weighted by its row."],
];
const TOLERANCE = 0.0151;

function render({ model, el }) {
  const again = restarter(
    model,
    ["q", "k", "v", "causal", "scaled", "output", "open_stages"],
    el,
    () => draw(),
  );
  const draw = () => {
    const fixedData = model.get("payload");
    const data = {
      ...fixedData,
      q: model.get("q").map((row) => [...row]),
      k: model.get("k").map((row) => [...row]),
      v: model.get("v").map((row) => [...row]),
      causal: model.get("causal"),
      scaled: model.get("scaled"),
    };
    const n = data.labels.length;
    const { node, body } = card(data, again);
    const live = liveRegion();
    let stages = attentionStages(data.q, data.k, data.v, data);
    let open = 0;
    let focused = null;
    const columns = (name) =>
      name === "output" ? data.v[0].map((_, c) => `number ${c + 1}`) : data.labels;

    const describe = describeButton(() => {
      const rows = stages.weight.map(
        (row, i) =>
          `“${data.labels[i]}” gives ${listed(
            row
              .map((share, j) => [share, j])
              .filter(([share]) => share > 0)
              .map(([share, j]) => `${fixed(share)} to “${data.labels[j]}”`),
          )} and gets ${listed(stages.output[i].map((one) => fixed(one)))}`,
      );
      return open > 3
        ? `${rows.join("; ")}.`
        : `${open} of 5 stages are open; the weights are not shown yet.`;
    });

    const fault = h("p", { class: "cw-fault", role: "alert" });
    const inputTable = (letter, what) => {
      const table = heatTable({
        corner: `${letter.toUpperCase()}: ${what}`,
        rows: data.labels,
        columns: data[letter][0].map((_, c) => `${c + 1}`),
        kind: `of-${what}`,
        cell: (i, c) =>
          h(
            "td",
            {},
            numberField({
              name: `${what} of ${data.labels[i]}, number ${c + 1}`,
              value: data[letter][i][c],
              low: -1000,
              high: 1000,
              style: "width:3.7rem;min-height:32px;padding:.2rem .35rem",
              tell: (text) => fault.replaceChildren(text),
              change: (value) => {
                data[letter][i][c] = value;
                recompute();
              },
            }).node,
          ),
      });
      return scrollRegion(what, table);
    };
    const toggle = (text, name) => {
      const box = h("input", {
        type: "checkbox",
        checked: data[name],
        on: {
          change: () => {
            data[name] = box.checked;
            recompute();
          },
        },
      });
      return h("label", { class: "cw-choice" }, box, text);
    };
    const spots = STAGES.map(() => h("div", {}));
    const recompute = () => {
      stages = attentionStages(data.q, data.k, data.v, data);
      spots.forEach((_, s) => fill(s));
      describe.update();
      publish();
      if (focused && focused[0] < open) sayCell(...focused, 400);
      else live.say("");
    };
    const publish = () =>
      save(model, {
        q: data.q.map((row) => [...row]),
        k: data.k.map((row) => [...row]),
        v: data.v.map((row) => [...row]),
        causal: data.causal,
        scaled: data.scaled,
        output: stages.output,
        open_stages: open,
      });
    const arith = h(
      "div",
      { class: "cw-panel cw-arith" },
      h("p", { class: "cw-note" }, "Choose a number in a table: its arithmetic stands here."),
      live.node,
    );
    // The arithmetic stands under the table of the chosen number.
    const placeArith = () => {
      const spot = focused && focused[0] < open ? spots[focused[0]] : null;
      if (spot && spot.lastElementChild !== arith) spot.append(arith);
    };
    const sayCell = (s, i, j, wait = 0) => {
      placeArith();
      live.say(cellArithmetic(STAGES[s][0], i, j, data, stages), wait);
    };

    const openStage = (s, focus = true) => {
      const [i, j] = blankOf(STAGES[s][0], n);
      const earlier = focused?.[0];
      open = s + 1;
      focused = [s, i, j];
      if (earlier !== undefined && earlier !== s) fill(earlier);
      fill(s);
      if (s + 1 < STAGES.length) fill(s + 1);
      describe.update();
      publish();
      sayCell(s, i, j);
      if (focus) spots[s].querySelector('td button[aria-pressed="true"]')?.focus();
    };
    const ask = (s) => {
      const [name] = STAGES[s];
      const [i, j] = blankOf(name, n);
      const id = newId("blank");
      const right = stages[name][i][j];
      const where =
        name === "output"
          ? `output of “${data.labels[i]}”, number ${j + 1}`
          : `query “${data.labels[i]}”, key “${data.labels[j]}”`;
      const spot = h("div", {});
      let field;
      if (name === "masked") {
        field = h(
          "select",
          { id },
          [
            ["", "choose…"],
            ["stay", "it stays as it is"],
            ["zero", "it becomes 0"],
            ["gone", "it becomes −∞"],
          ].map(([value, text]) => h("option", { value }, text)),
        );
      } else
        field = h("input", { type: "text", id, size: 8, autocomplete: "off", spellcheck: "false" });
      const check = () => {
        if (name === "masked") {
          if (!field.value) return tell("not_attempted", "Choose one first.");
          const wanted = right === -Infinity ? "gone" : "stay";
          if (field.value === wanted) return openStage(s);
          if (field.value === "zero")
            return tell("incorrect", "A score of 0 still gets weight: exp(0) = 1.");
          return tell(
            "incorrect",
            wanted === "gone"
              ? "This key comes after the query: it must get no weight at all."
              : "Nothing is hidden here.",
          );
        }
        if (!field.value.trim()) return tell("not_attempted", "Type a number first.");
        const parsed = parseNumber(field.value);
        if (!parsed) return tell("invalid", "This is not a number I can read.");
        const near = (target) =>
          parsed.readings.some((value) => Math.abs(value - target) <= TOLERANCE);
        if (near(right)) return openStage(s);
        const mistake = likelyMistakes(name, i, j, data, stages).find(
          ([value]) => Math.abs(value - right) > 2 * TOLERANCE && near(value),
        );
        return tell(
          "incorrect",
          mistake ? mistake[1] : "Not this number. Two decimals are enough.",
        );
      };
      const tell = (status, text) => {
        const words = {
          incorrect: "Not yet",
          invalid: "Cannot judge this yet",
          not_attempted: "Blank",
        };
        spot.replaceChildren(verdict(status, `${words[status]}: ${text}`));
        live.whisper(`${words[status]}: ${text}`);
      };
      return h(
        "form",
        {
          class: "cw-body",
          style: "padding:0",
          novalidate: true,
          on: {
            submit: (event) => {
              event.preventDefault();
              check();
            },
            keydown: (event) => event.stopPropagation(),
          },
        },
        h(
          "div",
          { class: "cw-row end" },
          h(
            "div",
            { class: "cw-field" },
            h("label", { for: id }, `Fill in first: ${where}`),
            field,
          ),
          h("button", { type: "submit", class: "main" }, "Check"),
          button("Just show me", () => openStage(s), "quiet"),
          button(
            "Show all stages",
            () => {
              for (let t = s; t < STAGES.length; t += 1) openStage(t, false);
              spots[s].querySelector("td button")?.focus();
            },
            "quiet",
          ),
        ),
        spot,
      );
    };
    const fill = (s) => {
      const [name, title, text] = STAGES[s];
      const head = [h("p", { class: "cw-title" }, title), h("p", { class: "cw-note" }, text)];
      const active = document.activeElement?.dataset?.cell;
      spots[s].className = s === open ? "cw-full" : "";
      if (s > open) return spots[s].replaceChildren();
      if (s === open)
        return spots[s].replaceChildren(h("div", { class: "cw-panel" }, ...head, ask(s)));
      const values = stages[name];
      const flat = values.flat().filter(Number.isFinite);
      const range =
        name === "weight"
          ? { low: 0, high: 1 }
          : { low: Math.min(...flat), high: Math.max(...flat) };
      const pressed = (i, j) =>
        Boolean(focused && focused[0] === s && focused[1] === i && focused[2] === j);
      const table = heatTable({
        corner: name === "output" ? "word" : "query ↓ key →",
        rows: data.labels,
        columns: columns(name),
        kind: `cw-heat by-query to-${name === "output" ? "value" : "key"}`,
        cell: (i, j) =>
          heatCell(values[i][j], {
            ...range,
            inside: (shown) =>
              h(
                "button",
                {
                  type: "button",
                  "aria-pressed": String(pressed(i, j)),
                  "data-cell": `${name}-${i}-${j}`,
                  on: {
                    click: (event) => {
                      const old = focused;
                      focused = [s, i, j];
                      for (const one of node.querySelectorAll('td button[aria-pressed="true"]'))
                        one.setAttribute("aria-pressed", "false");
                      event.currentTarget.setAttribute("aria-pressed", "true");
                      if (old !== focused) sayCell(s, i, j);
                    },
                  },
                },
                shown,
              ),
          }),
      });
      spots[s].replaceChildren(...head, scrollRegion(title, table));
      if (focused?.[0] === s) placeArith();
      if (active) spots[s].querySelector(`[data-cell="${active}"]`)?.focus();
    };
    spots.forEach((_, s) => fill(s));
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      h(
        "div",
        { class: "cw-side" },
        inputTable("q", "query"),
        inputTable("k", "key"),
        inputTable("v", "value"),
      ),
      fault,
      h(
        "div",
        { class: "cw-row" },
        toggle("hide later words (causal mask)", "causal"),
        toggle("divide by the root of the width", "scaled"),
      ),
      h("div", { class: "cw-stages" }, spots),
      arith,
      h("div", { class: "cw-row" }, describe.button),
      describe.text,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
