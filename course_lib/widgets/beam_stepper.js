import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  passFocus,
  picker,
  restarter,
  save,
  scrollRegion,
  watch,
} from "./kit/ui/dom.js";
import { fixed, listed } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { svg, words } from "./kit/ui/plot.js";
import { beamSteps, bestText } from "./kit/math/beams.js";

function named(n) {
  return `${n} beam${n === 1 ? "" : "s"}`;
}

/** The same sentences as describe_beams in beam_stepper.py. */
export function describeBeams(data, nBeams, step) {
  const steps = beamSteps(data, nBeams);
  if (step === 0) return `${named(nBeams)}, before the first word: the empty text.`;
  const here = steps[step - 1];
  const [kept, dropped] = [true, false].map((on) =>
    here.filter((one) => one.kept === on).map((one) => `${one.text} ${fixed(one.chance, 3)}`),
  );
  const lost = dropped.length ? ` Dropped: ${listed(dropped)}.` : "";
  const end = step === steps.length ? ` The best of them is the answer: ${here[0].text}.` : "";
  return `${named(nBeams)}, word ${step} of ${steps.length}: kept ${listed(kept)}.${lost}${end}`;
}

/** The same sentences as describe_search in beam_stepper.py. */
export function describeSearch(data) {
  const found = Array.from({ length: data.beams }, (_, i) => {
    const best = beamSteps(data, i + 1).at(-1)[0];
    return `${named(i + 1)}: ${best.text} ${fixed(best.chance, 3)}`;
  });
  const { text, chance } = bestText(data);
  return `${found.join("; ")}. The likeliest of all texts is ${text}, ${fixed(chance, 3)}.`;
}

/** The tree: what has been kept so far in full ink, the rest faint. The table has the numbers. */
function treePicture(data, steps, step) {
  const kept = new Set(
    steps.slice(0, step).flatMap((one) => one.filter((x) => x.kept).map(({ text }) => text)),
  );
  const seen = new Set(steps.slice(0, step).flatMap((one) => one.map(({ text }) => text)));
  const depth = steps.length;
  const rows = new Map(data.tree);
  const places = {};
  let leaves = 0;
  const visit = (text, level) => {
    const below = (rows.get(text) ?? []).map(([word]) =>
      visit(`${text} ${word}`.trim(), level + 1),
    );
    const y = below.length ? (below[0] + below.at(-1)) / 2 : 30 + 27 * leaves++;
    places[text] = { x: 50 + (430 * level) / depth, y };
    return y;
  };
  visit("", 0);
  const height = 20 + 27 * leaves;
  const parts = data.tree.flatMap(([text, row]) =>
    row.map(([word, p]) => {
      const to = `${text} ${word}`.trim();
      const [a, b] = [places[text], places[to]];
      const on = kept.has(to);
      const later = seen.has(to) ? "" : "fill:var(--cw-muted)";
      const weight = on ? "font-weight:700" : later;
      return svg(
        "g",
        {},
        svg("line", {
          x1: a.x + (text ? 52 : -12),
          y1: a.y,
          x2: b.x - 24,
          y2: b.y,
          style: `stroke:var(--cw-${on ? "accent" : "edge"});stroke-width:${on ? 3 : 1}`,
          "stroke-dasharray": on ? "" : "3 4",
        }),
        words(`${word} ${fixed(p)}`, {
          x: b.x - 20,
          y: b.y + 5,
          style: `font-size:13px;${weight}`,
        }),
      );
    }),
  );
  return svg(
    "svg",
    {
      viewBox: `0 0 560 ${height}`,
      width: 560,
      height,
      style: "min-width:490px",
      "aria-hidden": "true",
    },
    words("start", { x: 2, y: places[""].y + 5, style: "font-size:13px" }),
    ...parts,
  );
}

function render({ model, el }) {
  const again = restarter(model, ["beams", "step", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    const depth = beamSteps(data, 1).length;
    const texts = beamSteps(data, Infinity)
      .at(-1)
      .map(({ text }) => text)
      .sort();
    let beams = 1;
    let step = 0;
    const picture = scrollRegion("The tree");
    const region = scrollRegion("Candidates of this step");
    const said = h("p", { class: "cw-panel" });
    const describe = describeButton(() => describeSearch(data));
    const fill = () => {
      const steps = beamSteps(data, beams);
      const here = step ? steps[step - 1] : [];
      picture.replaceChildren(treePicture(data, steps, step));
      region.replaceChildren(
        here.length
          ? barTable({
              label: "text so far",
              names: ["chance", "kept"],
              labels: here.map(({ text }) => text),
              cells: (i) => [
                h("td", {}, fixed(here[i].chance, 3)),
                h("td", {}, here[i].kept ? "kept" : "dropped"),
                barCell([
                  { share: here[i].chance / here[0].chance, kind: here[i].kept ? "one" : "gone" },
                ]),
              ],
            })
          : h("p", {}, "Nothing is written yet."),
      );
      back.disabled = step === 0;
      next.disabled = step === depth;
      describe.update();
      save(model, { beams, step });
    };
    const go = (to) => {
      step = Math.max(0, Math.min(depth, to));
      fill();
      live.say(describeBeams(data, beams, step));
      passFocus(next, back);
    };
    const back = button("← Step back", () => go(step - 1));
    const next = button("Next step →", () => go(step + 1), "main");
    const which = picker({
      label: "Beams",
      options: Array.from({ length: data.beams }, (_, i) => [i + 1, i + 1]),
      value: 1,
      change: (value) => {
        beams = Number(value);
        go(step);
      },
    });
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const open = (values) => {
      const lines = [1, 2].map((k) => {
        const { text } = beamSteps(data, k).at(-1)[0];
        const mine = values?.[`beams${k}`];
        const you = !mine ? "" : mine === text ? " You had it." : ` You said: ${mine}.`;
        return `${named(k)} ${k === 1 ? "ends" : "end"} with: ${text}.${you}`;
      });
      said.textContent = lines.join(" ");
      ask.node.hidden = true;
      result.hidden = false;
      save(model, { revealed: true });
      live.whisper(lines.join(" "));
      result.focus();
    };
    const ask = gate({
      say: live.whisper,
      open,
      text: "The numbers are the chances of the next word. Which text does a search end with?",
      fields: [1, 2].map((k) => ({
        name: `beams${k}`,
        label: `With ${named(k)}`,
        kind: "choice",
        options: texts.map((text) => [text, text]),
      })),
    });
    fill();
    result.append(
      said,
      h("div", { class: "cw-row" }, which.node, back, next, describe.button),
      describe.text,
      region,
    );
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      picture,
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
