import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  newId,
  picker,
  save,
  scrollRegion,
  slider,
  watch,
} from "./kit/ui/dom.js";
import { percent, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { compareLogits } from "./kit/math/logits.js";

/** The effect of a change in one sentence: the same as describe_change in logits_to_words.py. */
export function describeChange(tokens, order, { before, after, same }) {
  const top = order[0];
  return (
    `The ranking ${same ? "did not change" : "changed"}. “${tokens[top]}” goes from ` +
    `${percent(before[top])} to ${percent(after[top])}.`
  );
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { tokens, logits, order } = data;
    const { node, body } = card(data);
    const live = liveRegion();
    const change = { all: 0, times: 1, one: 0, at: order[1] };
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const region = scrollRegion("Chances before and after");
    let shown = 12;
    let found = compareLogits(logits, change);
    const describe = describeButton(() => describeChange(tokens, order, found));
    const fill = () => {
      const list = order.slice(0, shown);
      const most = Math.max(...found.before, ...found.after);
      region.replaceChildren(
        barTable({
          label: "word",
          names: ["before", "after"],
          labels: list.map((i) => tokens[i]),
          cells: (r) => [
            h("td", {}, percent(found.before[list[r]])),
            h("td", {}, percent(found.after[list[r]])),
            barCell([
              { share: found.before[list[r]] / most, kind: "one" },
              { share: found.after[list[r]] / most, kind: "two" },
            ]),
          ],
        }),
      );
    };
    const update = () => {
      found = compareLogits(logits, change);
      fill();
      describe.update();
      save(model, {
        add_to_all: change.all,
        times: change.times,
        add_to_one: change.one,
        one: change.at,
        chances: found.after,
      });
      live.say(describeChange(tokens, order, found), 400);
    };
    const all = slider({
      label: "Add to every logit",
      min: -5,
      max: 5,
      step: 0.5,
      value: 0,
      words: (x) => `${short(x)} added to every logit`,
      change: (x) => {
        change.all = x;
        update();
      },
    });
    const times = slider({
      label: "Multiply every logit",
      min: 0.1,
      max: 3,
      step: 0.1,
      value: 1,
      words: (x) => `every logit times ${short(x)}`,
      change: (x) => {
        change.times = x;
        update();
      },
    });
    const one = slider({
      label: "Add to one logit",
      min: -5,
      max: 5,
      step: 0.5,
      value: 0,
      words: (x) => `${short(x)} added to one logit`,
      change: (x) => {
        change.one = x;
        update();
      },
    });
    const which = picker({
      label: "that one word",
      value: change.at,
      options: order.slice(0, 20).map((i) => [i, tokens[i]]),
      change: (i) => {
        change.at = Number(i);
        update();
      },
    });
    const back = button("Back to the model", () => {
      Object.assign(change, { all: 0, times: 1, one: 0 });
      all.set(0);
      times.set(1);
      one.set(0);
      update();
    });
    const more = button(
      `Show all ${tokens.length}`,
      () => {
        shown = shown < tokens.length ? tokens.length : 12;
        more.textContent =
          shown < tokens.length ? `Show all ${tokens.length}` : "Show the first 12";
        more.setAttribute("aria-expanded", String(shown > 12));
        fill();
      },
      "small",
    );
    more.setAttribute("aria-expanded", "false");
    const verdictOf = (before, after) =>
      Math.abs(after - before) < 5e-4 ? "same" : after > before ? "up" : "down";
    const words = { up: "it rises", same: "it stays", down: "it falls" };
    const questions = [
      ["all", "Add 3 to every logit", { all: 3 }],
      ["times", "Multiply every logit by 2", { times: 2 }],
      ["one", `Add 3 to “${tokens[order[1]]}” alone`, { one: 3, at: order[1] }],
    ];
    const open = (values) => {
      const rows = questions.map(([name, text, step]) => {
        const { before, after } = compareLogits(logits, step);
        const truth = verdictOf(before[order[0]], after[order[0]]);
        const mine = values ? ` You predicted: ${words[values[name]]}.` : "";
        return (
          `${text}: ${words[truth]}, from ${percent(before[order[0]])} to ` +
          `${percent(after[order[0]])}.${mine}`
        );
      });
      said.replaceChildren(...rows.map((row) => h("li", {}, row)));
      ask.node.hidden = true;
      result.hidden = false;
      fill();
      save(model, { revealed: true });
      live.whisper(rows.join(" "));
      result.focus();
    };
    const said = h("ul", { id: newId("said") });
    const ask = gate({
      text:
        `“${tokens[order[0]]}” is the most likely word, with ` +
        `${percent(found.before[order[0]])}. What happens to its chance?`,
      say: live.whisper,
      open,
      fields: questions.map(([name, text]) => ({
        name,
        label: text,
        kind: "choice",
        options: Object.entries(words),
      })),
    });
    result.append(
      said,
      h("div", { class: "cw-sliders" }, all.node, times.node, one.node, which.node),
      h("div", { class: "cw-row" }, back, more, describe.button),
      describe.text,
      region,
    );
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, live.node, result);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
