import { h, button, card, liveRegion, save, verdict, watch } from "./kit/ui/dom.js";
import { judge, ledBy } from "./kit/exercise/judge.js";
import { PARTS, labelledKey } from "./kit/exercise/parts.js";
import { isKept, noteProgress, onProgress, readAll } from "./kit/exercise/store.js";

const KINDS = {
  choice: "Question",
  number: "Number",
  match: "Match",
  order: "Put in order",
  predict: "Predict first",
};

function plainText(html) {
  return h("div", { html }).textContent.trim();
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const inPage = model.page === true;
    const { node, body } = card({ title: data.title, badge: `${KINDS[data.kind]} · ${data.id}` });
    const live = liveRegion(false);
    const history = h("p", { class: "cw-note" });
    const controls = data.parts.map((part) => PARTS[part.type](part, data.title, live));
    const spots = data.parts.map(() => h("div", {}));
    const below = h("div", {});
    const hints = h("div", { hidden: true });
    const extra = h("div", { hidden: true, class: "cw-panel" });
    let shown = 0;
    let attempts = model.get("attempts") ?? 0;

    const keep = (event, values) => {
      if (inPage && Object.keys(event).length) noteProgress(data.id, data.version, event);
      save(model, values);
    };
    const past = () => {
      const record = inPage ? readAll()[data.id] : null;
      const words = [];
      if (record && record.v !== data.version)
        words.push("This exercise changed since you solved it.");
      else if (record?.status === "correct")
        words.push(`Solved before${record.first_ok ? ", at the first try" : ""}.`);
      else if (record?.attempts)
        words.push(`Tried before: ${record.attempts} ${record.attempts === 1 ? "time" : "times"}.`);
      if (inPage && !isKept()) words.push("Progress is not kept in this browser.");
      history.textContent = words.join(" ");
      history.hidden = !words.length;
    };
    const several = data.parts.length > 1;
    const reveal = (given) => {
      const answers = data.parts.map((part, i) => [part, controls[i]]);
      const said =
        given === null
          ? []
          : answers
              .filter(([, one]) => one.said())
              .map(([part, one]) =>
                h(
                  "p",
                  {},
                  several && part.prompt ? h("span", { html: `${ledBy(part.prompt, "")} ` }) : null,
                  h("strong", {}, "You predicted: "),
                  h(
                    "span",
                    part.type === "number" ? {} : { html: one.said() },
                    part.type === "number" ? one.said() : "",
                  ),
                ),
              );
      extra.replaceChildren(
        ...(data.kind === "predict" ? said : []),
        h("div", { html: data.reveal }),
      );
      extra.hidden = !(data.reveal || (data.kind === "predict" && said.length));
    };
    const check = () => {
      const answer = Object.fromEntries(data.parts.map((part, i) => [part.id, controls[i].get()]));
      const result = judge(data, answer);
      const judged = result.status === "correct" || result.status === "incorrect";
      const words = {
        correct: "Correct",
        incorrect: "Not yet",
        invalid: "Cannot judge this yet",
        not_attempted: "Blank",
      };
      data.parts.forEach((part, i) => {
        const { status, messages } = result.parts[part.id];
        const lines = messages.map((html) => h("p", { html }));
        spots[i].replaceChildren(
          verdict(status, several ? words[status] : data.messages[result.status], ...lines),
        );
      });
      below.replaceChildren(several ? verdict(result.status, data.messages[result.status]) : "");
      if (judged) {
        attempts += 1;
        reveal(answer);
        if (result.status === "correct") explain();
      }
      keep(judged ? { status: result.status } : {}, { answer, status: result.status, attempts });
      past();
      history.hidden = true;
      const wrong = data.parts.filter((part) => result.parts[part.id].status !== "correct");
      const said = (wrong.length ? wrong : data.parts)
        .flatMap((part) => result.parts[part.id].messages)
        .map(plainText);
      live.say(
        [data.messages[result.status], ...said, extra.hidden ? "" : plainText(data.reveal)]
          .join(" ")
          .trim(),
      );
    };
    const explanation = h("div", { class: "cw-panel", hidden: true });
    const explain = (withKey = false) => {
      explanation.replaceChildren(
        h("p", { class: "cw-h" }, withKey ? "Answer" : "Why"),
        ...(withKey
          ? data.parts.map((part) => h("div", { html: labelledKey(part, several) }))
          : []),
        h("div", { html: data.explain }),
      );
      explanation.hidden = !(withKey || data.explain);
    };
    const hint = button(`Hint (${data.hints.length})`, () => {
      if (shown < data.hints.length) {
        hints.append(
          h(
            "div",
            { class: "cw-panel" },
            h("p", { class: "cw-h" }, `Hint ${shown + 1} of ${data.hints.length}`),
            h("div", { html: data.hints[shown] }),
          ),
        );
        live.say(`Hint ${shown + 1}: ${plainText(data.hints[shown])}`);
        shown += 1;
      }
      hints.hidden = false;
      hint.textContent =
        shown < data.hints.length ? `Next hint (${data.hints.length - shown})` : "No more hints";
      keep({ hints: shown }, { hints_shown: shown });
    });
    const give = button(
      data.kind === "predict" ? "Just show me" : "Show the answer",
      () => {
        reveal(null);
        explain(true);
        keep({ revealed: true }, { revealed: true });
        live.say(`Answer shown. ${plainText(explanation.innerHTML)}`);
      },
      "quiet",
    );

    body.append(h("div", { html: data.prompt }));
    const form = h("form", {
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
    });
    controls.forEach((control, i) => form.append(control.node, spots[i]));
    const outdate = () => {
      for (const line of form.querySelectorAll(".cw-verdict:not(.stale) strong:first-of-type"))
        line.prepend("Your earlier answer: ");
      for (const box of form.querySelectorAll(".cw-verdict")) box.classList.add("stale");
    };
    form.addEventListener("input", outdate);
    form.addEventListener("click", (event) => {
      if (event.target.closest(".cw-order button")) outdate();
    });
    form.append(
      below,
      h(
        "div",
        { class: "cw-row" },
        h(
          "button",
          { type: "submit", class: "main" },
          data.kind === "predict" ? "Commit my prediction" : "Check",
        ),
        data.hints.length ? hint : null,
        give,
      ),
    );
    body.append(form);
    body.append(hints, extra, explanation, history, live.node);
    past();
    stop();
    stop = inPage ? onProgress(() => attempts || past()) : () => {};
    el.replaceChildren(node);
  };
  let stop = () => {};
  draw();
  const unwatch = watch(model, ["payload"], draw);
  return () => {
    stop();
    unwatch();
  };
}

export default { render };
