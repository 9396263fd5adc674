import { h, button, card, liveRegion, newId, watch } from "./kit/ui/dom.js";
import {
  exportProgress,
  importProgress,
  isDamaged,
  isKept,
  onProgress,
  readAll,
  writeAll,
} from "./kit/exercise/store.js";

/** Solved, tried and open exercises of one chapter, counted from the records. */
export function countProgress(records, exercises) {
  const counts = { solved: 0, tried: 0, total: exercises.length, revealed: 0, changed: 0 };
  for (const { id, v } of exercises) {
    const record = records[id];
    if (!record) continue;
    if (record.v < v) counts.changed += 1;
    else if (record.status === "correct") counts.solved += 1;
    else if (record.attempts) counts.tried += 1;
    if (record.revealed) counts.revealed += 1;
  }
  return counts;
}

export function saidProgress({ solved, tried, total, revealed, changed }) {
  const more = [
    tried ? `${tried} tried` : "",
    revealed ? `${revealed} shown` : "",
    changed ? `${changed} changed since you solved it` : "",
  ].filter(Boolean);
  const rest = more.length ? `; ${more.join(", ")}` : "";
  return `${solved} of ${total} solved${rest}`;
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion();
    const where = h("p", { class: "cw-note" });
    const list = h("tbody", {});
    const box = h("textarea", {
      id: newId("text"),
      rows: 3,
      spellcheck: "false",
      autocomplete: "off",
      style: "width:100%",
    });
    const refresh = () => {
      const records = readAll();
      where.textContent = isKept()
        ? "Kept in this browser only. Nothing is sent."
        : "Progress is not kept in this browser; carry it with the text below.";
      if (isDamaged())
        where.textContent +=
          " What was kept before could not be read; it is set aside, and a clean record begins.";
      list.replaceChildren(
        ...data.chapters.map(({ title, exercises }) => {
          const counts = countProgress(records, exercises);
          return h(
            "tr",
            {},
            h("th", { scope: "row" }, title),
            h("td", {}, saidProgress(counts)),
            h(
              "td",
              { class: "bar", "aria-hidden": "true" },
              h("span", {
                style: `width:${counts.total ? (100 * counts.solved) / counts.total : 0}%`,
              }),
            ),
          );
        }),
      );
    };
    const take = button("Show my progress as text", () => {
      box.value = exportProgress();
      box.focus();
      box.select();
      live.say(
        "Your progress stands in the box; copy it and bring it to another browser or to " +
          "exercises.import_(text).",
      );
    });
    const bring = button(
      "Bring my progress",
      () => {
        try {
          const n = importProgress(box.value);
          live.say(`${n} ${n === 1 ? "record" : "records"} taken in.`);
        } catch (error) {
          live.say(`Nothing was changed: ${error.message}.`);
        }
      },
      "main",
    );
    let asked = false;
    const clear = button(
      "Clear my progress",
      () => {
        if (asked) writeAll({});
        live.say(
          asked
            ? "Your progress in this browser is cleared."
            : "This cannot be undone. Press again to clear.",
        );
        asked = !asked;
        clear.textContent = asked ? "Yes, clear it" : "Clear my progress";
      },
      "quiet",
    );
    const table = h(
      "table",
      { class: "cw-bars" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "chapter"),
          h("th", { scope: "col" }, "exercises"),
          h("td", { "aria-hidden": "true" }),
        ),
      ),
      list,
    );
    body.append(
      data.chapters.length
        ? h(
            "div",
            {
              class: "cw-scroll",
              role: "group",
              "aria-label": "Progress by chapter",
              tabindex: "0",
            },
            table,
          )
        : "",
      where,
      h("div", { class: "cw-field" }, h("label", { for: box.id }, "Progress as text"), box),
      h("div", { class: "cw-row" }, take, bring, clear),
      live.node,
    );
    refresh();
    const stop = onProgress(refresh);
    el.replaceChildren(node);
    return stop;
  };
  let stopDraw = draw();
  const stopWatch = watch(model, ["payload"], () => {
    stopDraw();
    stopDraw = draw();
  });
  return () => {
    stopDraw();
    stopWatch();
  };
}

export default { render };
