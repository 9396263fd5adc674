import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  newId,
  radios,
  save,
  scrollRegion,
  verdict,
  watch,
} from "./kit/ui/dom.js";
import { listed } from "./kit/ui/text.js";
import { heatTable } from "./kit/ui/heat.js";
import { maskOf, rowFault } from "./kit/math/mask.js";

const FAULTS = {
  padding: "padding holds no word: no row may look at it.",
  later: "a later word is seen; while it writes, a decoder does not have it yet.",
  itself: "the word itself is missing; a word may always see itself.",
  missing: "a word that may be seen is missing.",
};

/** "position 3 may see 1, 2 and 3": the same as describe_mask in mask_switch.py. */
export function describeMask(rows, columns, mask) {
  return (
    mask
      .map((row, i) => {
        const seen = row.flatMap((one, j) => (one ? [`“${columns[j]}”`] : []));
        return `“${rows[i]}” may see ${seen.length ? listed(seen) : "nothing"}`;
      })
      .join("; ") + "."
  );
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion(false);
    let kind = model.get("family");
    let padded = false;
    let grid = [];
    let settled = false;
    const spot = h("div", {});
    const facts = h("div", { class: "cw-panel", hidden: true, tabindex: "-1" });
    const region = scrollRegion("Who may see whom");
    const axes = () =>
      kind === "cross"
        ? [data.target, data.source]
        : kind === "encoder"
          ? [data.source, data.source]
          : [data.target, data.target];
    // Where a side looks at itself, the padding is a row as well as a column.
    const labels = () =>
      axes().map((words, axis) =>
        words.map((word, i) =>
          (axis || kind !== "cross") && i >= words.length - padding() ? "(padding)" : word,
        ),
      );
    const padding = () => (padded ? 1 : 0);
    const wanted = () => maskOf(kind, axes()[0].length, axes()[1].length, padding());
    const describe = describeButton(
      () => (settled ? "" : "So far: ") + describeMask(...labels(), grid),
    );

    const clear = () => {
      settled = false;
      grid = axes()[0].map(() => axes()[1].map(() => false));
      spot.replaceChildren();
      facts.hidden = true;
      fill();
    };
    const fill = () => {
      const [rows, columns] = labels();
      const right = wanted();
      const table = heatTable({
        corner: "sees ↓\nwhom →",
        rows,
        columns,
        rowHead: (i) =>
          h(
            "button",
            {
              type: "button",
              "aria-label": `${rows[i]}: turn the whole row`,
              on: {
                click: () => {
                  const all = grid[i].every(Boolean);
                  grid[i] = grid[i].map(() => !all);
                  refresh(`row ${rows[i]} ${all ? "empty" : "full"}`);
                },
              },
            },
            rows[i],
          ),
        cell: (i, j) =>
          h(
            "td",
            { class: grid[i][j] ? "sh7" : "sh0" },
            h(
              "button",
              {
                type: "button",
                "aria-pressed": String(grid[i][j]),
                "data-at": `${i}-${j}`,
                "aria-label": `${rows[i]} sees ${columns[j]}`,
                on: {
                  click: () => {
                    grid[i][j] = !grid[i][j];
                    refresh("");
                  },
                },
              },
              grid[i][j] ? (settled && !right[i][j] ? "✗" : "✓") : "·",
            ),
          ),
      });
      table.classList.add("cw-toggles");
      region.replaceChildren(table);
      describe.update();
      save(model, { family: kind, grid: grid.map((row) => [...row]) });
    };
    const refresh = (text) => {
      const at = document.activeElement?.dataset?.at;
      const label = document.activeElement?.getAttribute("aria-label");
      settled = false;
      spot.replaceChildren();
      fill();
      (at
        ? region.querySelector(`[data-at="${at}"]`)
        : [...region.querySelectorAll("button")].find(
            (one) => one.getAttribute("aria-label") === label,
          )
      )?.focus();
      if (text) live.say(text);
    };
    const done = (text) => {
      settled = true;
      const { objective, example, tasks, models } = data.facts[kind];
      const given = [
        ["Open cells", `${grid.flat().filter(Boolean).length} of ${grid.flat().length}`],
        ["Trained to", objective],
        ["Example", example],
        ["Good at", tasks],
        ["Models", models],
      ];
      facts.replaceChildren(
        h(
          "dl",
          {},
          given.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
        ),
      );
      facts.hidden = false;
      spot.replaceChildren(verdict("correct", text));
      live.say(`${text} ${given.map(([name, value]) => `${name}: ${value}`).join(". ")}`);
      save(model, { solved: true });
      facts.focus();
    };
    const check = () => {
      const right = wanted();
      settled = true;
      const faults = right.map((row, i) => rowFault(grid[i], row, i, kind, padding()));
      const first = faults.findIndex(Boolean);
      fill();
      if (first < 0) return done("Correct: every row is as this family needs it.");
      const wrong = faults.filter(Boolean).length;
      const text =
        `Not yet: in row “${labels()[0][first]}”, ` +
        `${FAULTS[faults[first]]}${wrong > 1 ? ` ${wrong} rows differ.` : ""} In the table, ✗ ` +
        `is seen by mistake.`;
      spot.replaceChildren(verdict("incorrect", text));
      live.say(text);
    };
    const show = () => {
      grid = wanted();
      settled = true;
      fill();
      done("Shown: every row as this family needs it.");
    };
    const pad = h("input", {
      type: "checkbox",
      id: newId("pad"),
      on: {
        change: () => {
          padded = pad.checked;
          clear();
        },
      },
    });
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      radios({
        legend: "Attention in",
        value: kind,
        options: [
          ["encoder", "an encoder"],
          ["decoder", "a decoder"],
          ["cross", "a decoder looking at an encoder"],
        ],
        change: (value) => {
          kind = value;
          clear();
        },
      }),
      h("label", { class: "cw-choice" }, pad, "the last column is padding"),
      h(
        "p",
        { class: "cw-note" },
        "Press each pair that may see, or a row's name for the whole row. Then check.",
      ),
      region,
      h(
        "div",
        { class: "cw-row" },
        button("Check", check, "main"),
        button("Just show me", show, "quiet"),
        button("Empty the table", clear),
        describe.button,
      ),
      describe.text,
      spot,
      facts,
      live.node,
    );
    clear();
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
