import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  passFocus,
  restarter,
  save,
  scrollRegion,
  watch,
} from "./kit/ui/dom.js";
import { fixed, percent } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { heatTable } from "./kit/ui/heat.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { firstWords, keptShare, restOf, roundWithSeed } from "./kit/math/draft.js";

const ROUNDS = 2000;
const QUESTION =
  "How likely is the first guess kept? It is drawn from the draft and kept with " + "min(1, p/q).";

/** The same sentences as describe_kept in draft_stepper.py. */
export function describeKept(data) {
  return (
    `A first guess is kept with a chance of ${percent(keptShare(data))}: the sum, over the ` +
    "words, of the smaller of the two chances. What is rejected is drawn again where the " +
    "model has more than the draft, so each word is written as often as the model alone " +
    "would write it."
  );
}

/** The same sentences as describe_check in draft_stepper.py. */
export function describeCheck({ words }, steps, at) {
  if (at === 0) return "Nothing is checked yet.";
  const { guess, chance, drawn, kept, written } = steps[at - 1];
  if (guess === null)
    return (
      `All ${steps.length - 1} guesses are kept, and the model adds a word: ` + `${words[written]}.`
    );
  const line =
    `Guess ${at}: ${words[guess]}, kept with a chance of ${percent(chance)}. ` +
    `The number drawn is ${fixed(drawn)}: `;
  return kept
    ? `${line}kept.`
    : `${line}rejected, and ${words[written]} is drawn from what the model has more. ` +
        "The round ends.";
}

function render({ model, el }) {
  const again = restarter(model, ["seed", "step", "predicted", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    let seed = model.get("seed");
    let step = 0;
    let steps = roundWithSeed(data, seed);
    const tally = h("div", {});
    const region = scrollRegion("Chances at this place");
    const story = scrollRegion("The round so far");
    const said = h("p", { class: "cw-panel" });
    const describe = describeButton(() => describeKept(data));
    const fill = () => {
      const place = Math.min(Math.max(step, 1), steps.length) - 1;
      const one = steps[place];
      const p = data.model[place];
      const q = data.draft[place];
      const rest = q ? restOf(p, q) : p;
      region.replaceChildren(
        barTable({
          label: `word ${place + 1}`,
          names: ["model", "draft", "if rejected"],
          labels: data.words,
          cells: (i) => [
            h("td", {}, fixed(p[i])),
            h("td", {}, q ? fixed(q[i]) : "–"),
            h("td", {}, q ? fixed(rest[i]) : "–"),
            barCell([
              { share: p[i], kind: step && one.written === i ? "one" : "two" },
              ...(q ? [{ share: q[i], kind: "gone" }] : []),
            ]),
          ],
        }),
      );
      story.replaceChildren(
        heatTable({
          corner: "place",
          kind: "",
          rows: steps.slice(0, step).map((_, i) => String(i + 1)),
          columns: ["guess", "kept with", "drawn", "verdict", "written"],
          cell: (i, j) => {
            const { guess, chance, drawn, kept, written } = steps[i];
            const row =
              guess === null
                ? ["–", "–", "–", "the model's own", data.words[written]]
                : [
                    data.words[guess],
                    percent(chance),
                    fixed(drawn),
                    kept ? "kept" : "rejected",
                    data.words[written],
                  ];
            return h("td", {}, row[j]);
          },
        }),
      );
      next.disabled = step === steps.length;
      back.disabled = step === 0;
      save(model, { seed, step });
    };
    const go = (to) => {
      step = Math.max(0, Math.min(steps.length, to));
      fill();
      live.say(describeCheck(data, steps, step));
      passFocus(next, another);
    };
    const back = button("← Step back", () => go(step - 1));
    const next = button("Next step →", () => go(step + 1), "main");
    const another = button("Another round", () => {
      seed += 1;
      steps = roundWithSeed(data, seed);
      go(1);
    });
    const many = button(
      `${ROUNDS} rounds`,
      () => {
        const counts = firstWords(data, seed, ROUNDS);
        tally.replaceChildren(
          scrollRegion(
            "First words",
            barTable({
              label: "first word",
              names: ["written", "model", "draft"],
              labels: data.words,
              cells: (i) => [
                h("td", {}, percent(counts[i] / ROUNDS)),
                h("td", {}, percent(data.model[0][i])),
                h("td", {}, percent(data.draft[0][i])),
                barCell([{ share: counts[i] / ROUNDS, kind: "one" }]),
              ],
            }),
          ),
        );
        live.say(
          `In ${ROUNDS} rounds the first word was ` +
            `${data.words.map((word, i) => `${word} ${percent(counts[i] / ROUNDS)}`).join(", ")}.`,
        );
      },
      "quiet",
    );
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const open = (values) => {
      const you = values ? `You predicted ${percent(values.kept)}. ` : "";
      said.textContent = `${you}${describeKept(data)}`;
      ask.node.hidden = true;
      result.hidden = false;
      save(model, { predicted: values?.kept ?? null, revealed: true });
      live.whisper(said.textContent);
      result.focus();
    };
    const ask = gate({
      say: live.whisper,
      open,
      text: QUESTION,
      fields: [{ name: "kept", label: "The first guess is kept with", kind: "percent" }],
    });
    fill();
    result.append(
      said,
      h("div", { class: "cw-row" }, back, next, another, many, describe.button),
      describe.text,
      story,
      tally,
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
