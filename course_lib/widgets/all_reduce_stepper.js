import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  passFocus,
  save,
  scrollRegion,
  watch,
} from "./kit/ui/dom.js";
import { listed, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { heatTable } from "./kit/ui/heat.js";
import { ringPicture } from "./kit/ui/ring.js";
import { ringStates } from "./kit/math/ring.js";

/**
 * What a step did and what each rank holds: the same as describe_state in all_reduce_stepper.py.
 */
export function describeState(state, last) {
  const n = state.rows.length;
  const done = state.held.map((row) => row.filter((held) => held === n).length);
  if (state.phase === "start") return `Start: each of ${n} ranks holds its own ${n} numbers.`;
  const moves = state.sent.map(
    ([from, to, slot]) => `rank ${from + 1} sends slot ${slot + 1} to rank ${to + 1}`,
  );
  const owned = state.held.map((row, rank) => `rank ${rank + 1}: ${done[rank]} of ${n}`);
  return (
    `${state.phase}, step ${state.step} of ${n - 1}: ${listed(moves)}. Finished sums on ` +
    `${listed(owned)}.${last ? " Every rank holds every sum." : ""}`
  );
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion();
    const states = ringStates(data.rows);
    const n = data.rows.length;
    const sums = data.rows[0].map((_, c) => data.rows.reduce((sum, row) => sum + row[c], 0));
    let at = 0;
    const region = scrollRegion("What each rank holds");
    const ring = h("div", {});
    const said = h("div", {});
    const describe = describeButton(() => describeState(states[at], at === states.length - 1));
    const back = button("← Step back", () => go(at - 1));
    const next = button("Next step →", () => go(at + 1), "main");
    const finish = button("To the end", () => go(states.length - 1), "quiet");
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const fill = () => {
      const { rows, held, sent } = states[at];
      ring.innerHTML = ringPicture(states[at]);
      region.replaceChildren(
        heatTable({
          corner: "rank",
          rows: rows.map((_, r) => `rank ${r + 1}`),
          columns: rows[0].map((_, c) => `slot ${c + 1}`),
          cell: (r, c) =>
            h(
              "td",
              { class: `sh${held[r][c] === n ? 8 : held[r][c] > 1 ? 3 : 0}` },
              short(rows[r][c], 4),
              h("br"),
              h(
                "small",
                {},
                held[r][c] === n ? "the sum" : held[r][c] > 1 ? `${held[r][c]} added` : "own",
                sent.some(([, to, slot]) => to === r && slot === c) ? ", received" : "",
              ),
            ),
        }),
      );
      back.disabled = at === 0;
      next.disabled = finish.disabled = at === states.length - 1;
      describe.update();
      save(model, { step: at, held: rows.map((row) => [...row]) });
    };
    const go = (to) => {
      at = Math.max(0, Math.min(states.length - 1, to));
      fill();
      live.say(describeState(states[at], at === states.length - 1));
      passFocus(next, back);
    };
    const open = (values) => {
      const lines = data.rows.map((_, r) => {
        const truth =
          `After reduce-scatter, rank ${r + 1} owns the sum of slot ${r + 1}: ` +
          `${short(sums[r], 4)}.`;
        if (!values) return truth;
        const mine = values[`rank${r}`];
        const why =
          Math.abs(mine - sums[r]) < 1e-6
            ? " You had it."
            : Math.abs(mine * n - sums[r]) < 1e-6
              ? ` You wrote ${short(mine, 4)}, the mean; divide after the sum, or not at all.`
              : mine === data.rows[r][r]
                ? ` You wrote ${short(mine, 4)}, its own number alone.`
                : ` You wrote ${short(mine, 4)}.`;
        return truth + why;
      });
      const sent = 2 * (n - 1);
      lines.push(
        `In all, each rank sends ${sent} of these numbers, 2 · (${n} − 1) / ${n} of its ` +
          `${n}.${values ? ` You wrote ${short(values.sent, 2)}.` : ""}`,
      );
      said.replaceChildren(
        h(
          "ul",
          {},
          lines.map((line) => h("li", {}, line)),
        ),
      );
      ask.node.hidden = true;
      result.hidden = false;
      save(model, { revealed: true });
      live.whisper(lines.join(" "));
      result.focus();
    };
    const ask = gate({
      say: live.whisper,
      open,
      text:
        "The ranks add up their gradients around a ring. After reduce-scatter each rank " +
        "holds one finished sum. Fill them in.",
      fields: [
        ...data.rows.map((_, r) => ({
          name: `rank${r}`,
          label: `Rank ${r + 1}, slot ${r + 1}`,
          kind: "number",
        })),
        {
          name: "sent",
          label: "Numbers that each rank sends in the whole all-reduce",
          kind: "number",
        },
      ],
    });
    fill();
    result.append(
      said,
      ring,
      h("div", { class: "cw-row" }, back, next, finish, describe.button),
      describe.text,
    );
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      region,
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
