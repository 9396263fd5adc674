import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  passFocus,
  newId,
  save,
  scrollRegion,
  watch,
} from "./kit/ui/dom.js";
import { gate } from "./kit/ui/gate.js";
import { heatTable } from "./kit/ui/heat.js";
import { mergeStates, shownToken } from "./kit/math/merge.js";

const LONGEST_TEXT = 600;

const howOften = (count) => (count === 1 ? "once" : `${count} times`);

/** What a step did: the same as describe_state in merge_stepper.py. */
export function describeMerge(tokens, states, at) {
  const state = states[at];
  if (!state.pair)
    return (
      `Start: ${state.tokens} tokens, one for each byte, out of a vocabulary of ` +
      `${state.vocabulary}.`
    );
  const [left, right] = state.pair.map((id) => shownToken(tokens[id]));
  return (
    `Merge ${at}: “${left}” + “${right}”, ${howOften(state.count)}. ` +
    `${states[at - 1].tokens} → ${state.tokens} tokens, vocabulary ${state.vocabulary}.`
  );
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion();
    let { tokens, states } = mergeStates(data.text, data.n_merges);
    let at = 0;
    const strip = scrollRegion("The text, cut into tokens");
    const counts = scrollRegion("The most frequent pairs");
    const sums = h("p", {});
    const describe = describeButton(() => describeMerge(tokens, states, at));
    const back = button("← Undo", () => go(at - 1));
    const next = button("Next merge →", () => go(at + 1), "main");
    const finish = button("To the end", () => go(states.length - 1), "quiet");
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const said = h("p", {});
    const fill = () => {
      const state = states[at];
      strip.replaceChildren(
        h(
          "p",
          { style: "padding:.5rem .7rem;line-height:2.1" },
          state.words.flat().flatMap((id) => [
            id === state.id
              ? h(
                  "code",
                  {
                    style: "border:2px solid var(--cw-accent);font-weight:700",
                    "data-token": id,
                  },
                  shownToken(tokens[id]),
                )
              : h("code", { "data-token": id }, shownToken(tokens[id])),
            "\u200b",
          ]),
        ),
      );
      counts.replaceChildren(
        heatTable({
          corner: "next",
          rows: state.next.map((_, i) => String(i + 1)),
          columns: ["pair", "count"],
          kind: "cw-heat",
          cell: (r, c) =>
            h(
              "td",
              { class: r ? "sh0" : "sh2" },
              c
                ? String(state.next[r][2])
                : `${shownToken(tokens[state.next[r][0]])} + ` +
                    `${shownToken(tokens[state.next[r][1]])}`,
            ),
        }),
      );
      sums.textContent =
        `${state.tokens} tokens · vocabulary ` +
        `${state.vocabulary}${at ? ` · ${at} merge${at > 1 ? "s" : ""} learned` : ""}`;
      back.disabled = at === 0;
      next.disabled = finish.disabled = at === states.length - 1;
      describe.update();
      save(model, { step: at, n_tokens: state.tokens, vocabulary: state.vocabulary });
    };
    const go = (to) => {
      at = Math.max(0, Math.min(states.length - 1, to));
      fill();
      live.say(describeMerge(tokens, states, at));
      passFocus(next, back);
    };
    const open = (values, texts) => {
      const first = states[1];
      const name = (pair) => pair.map((id) => `“${shownToken(tokens[id])}”`).join(" + ");
      let line =
        `First comes ${name(first.pair)}: it stands there ${howOften(first.count)}. ` +
        `${states[0].tokens} tokens become ${first.tokens}.`;
      if (values) {
        const hit = values.pair === first.pair.join(" ");
        const other = states[0].next.find((pair) => pair.slice(0, 2).join(" ") === values.pair);
        const tie =
          other[2] === first.count ? "; of equals the pair with the smaller ids comes first" : "";
        line += hit
          ? " You chose it."
          : ` You chose ${texts.pair}, which stands there ${howOften(other[2])}${tie}.`;
        line +=
          values.left === first.tokens
            ? " Your number of tokens is right."
            : ` You wrote ${values.left}: each merge saves one token for each place where it ` +
              `happens.`;
      }
      said.textContent = line;
      ask.node.hidden = true;
      result.hidden = false;
      save(model, { revealed: true });
      live.whisper(line);
      result.focus();
    };
    const options = states[0].next
      .slice(0, 4)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map((pair) => [
        pair.slice(0, 2).join(" "),
        pair
          .slice(0, 2)
          .map((id) => `“${shownToken(tokens[id])}”`)
          .join(" + "),
      ]);
    const ask = gate({
      say: live.whisper,
      open,
      text:
        `The text is ${states[0].tokens} bytes, and each is a token. The pair of neighbours ` +
        `that occurs most often is merged first; no pair reaches from one word into the next.`,
      fields: [
        { name: "pair", label: "Which pair is merged first?", kind: "choice", options },
        { name: "left", label: "How many tokens are left then?", kind: "number" },
      ],
    });
    const id = newId("own");
    const own = h("textarea", {
      id,
      rows: 3,
      maxlength: LONGEST_TEXT,
      style: "width:100%",
      on: { keydown: (event) => event.stopPropagation() },
    });
    const use = button("Learn merges from this text", () => {
      const made = mergeStates(own.value.slice(0, LONGEST_TEXT), data.n_merges);
      if (made.states.length < 2) {
        live.say("Type at least one word of two letters first.");
        own.focus();
        return;
      }
      ({ tokens, states } = made);
      said.textContent = "";
      go(0);
    });
    fill();
    result.append(
      said,
      h("div", { class: "cw-row" }, back, next, finish, describe.button),
      describe.text,
      counts,
      h(
        "details",
        {},
        h("summary", {}, "Your own text"),
        h(
          "div",
          { class: "cw-field" },
          h("label", { for: id }, `Up to ${LONGEST_TEXT} characters`),
          own,
          h("div", {}, use),
        ),
      ),
    );
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      strip,
      sums,
      ask.node,
      result,
      live.node,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
