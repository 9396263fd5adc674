import {
  h,
  card,
  describeButton,
  liveRegion,
  restarter,
  picker,
  radios,
  save,
  scrollRegion,
  slider,
  watch,
} from "./kit/ui/dom.js";
import { fixed, grouped, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { numberField } from "./kit/ui/field.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { LINKS, phasesOf, stepOf } from "./kit/math/link.js";

const STAGE_NAMES = ["DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3"];

function where({ stage, gpus }) {
  return `${STAGE_NAMES[stage]} on ${grouped(gpus)} ${gpus === 1 ? "GPU" : "GPUs"}`;
}

function seconds(value) {
  return `${fixed(value, 3)} s`;
}

/** The same sentences as time_question in step_time.py. */
export function timeQuestion(choice) {
  return (
    `A model of ${short(choice.parameters / 1e9, 3)} billion parameters trains under ` +
    `${where(choice)} of ${short(choice.teraflops)} TFLOPS, with ${grouped(choice.tokens)} ` +
    `tokens on each in a step. The link is ${LINKS[choice.link][0]}. How long does each ` +
    "compute and send, and is all of the sending hidden?"
  );
}

/** The same sentences as describe_time in step_time.py. */
export function describeTime(choice) {
  const { computing, sending, waiting, step } = stepOf(choice);
  const hidden =
    sending === 0
      ? "nothing is sent"
      : waiting === 0
        ? "all of the sending is hidden"
        : `${seconds(waiting)} of the sending are not hidden`;
  return (
    `${where(choice)}, ${grouped(choice.tokens)} tokens on each, over ${LINKS[choice.link][0]}: ` +
    `${seconds(computing)} of computing, ${seconds(sending)} of sending; ` +
    `${hidden}. A step takes ${seconds(step)}.`
  );
}

function render({ model, el }) {
  const again = restarter(model, ["choice", "step_seconds", "predicted", "revealed"], el, () =>
    draw(),
  );
  const draw = () => {
    const data = model.get("payload");
    const choice = { ...data.choice };
    const { node, body } = card(data, again);
    const live = liveRegion();
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const phasesSpot = scrollRegion("The phases of a step");
    const stagesSpot = scrollRegion("All four stages");
    const describe = describeButton(() => describeTime(choice));

    const bars = (label, labels, lines, most) =>
      barTable({
        label,
        names: ["computes", "sends", "waits"],
        labels,
        cells: (i) => [
          h("td", {}, fixed(lines[i].computing, 3)),
          h("td", {}, fixed(lines[i].sending, 3)),
          h("td", {}, fixed(lines[i].waiting, 3)),
          barCell([
            { share: lines[i].computing / most, kind: "one" },
            { share: lines[i].sending / most, kind: "two" },
          ]),
        ],
      });
    const highest = (lines) => Math.max(...lines.flatMap((one) => [one.computing, one.sending]));
    const update = (speak = true) => {
      const phases = phasesOf(choice);
      phasesSpot.replaceChildren(
        bars(
          "phase, in s",
          phases.map(({ name }) => name),
          phases,
          highest(phases),
        ),
      );
      const all = STAGE_NAMES.map((_, stage) => stepOf({ ...choice, stage }));
      stagesSpot.replaceChildren(bars("stage, in s", STAGE_NAMES, all, highest(all)));
      describe.update();
      save(model, { choice: { ...choice }, step_seconds: stepOf(choice).step });
      if (speak) live.say(describeTime(choice), 400);
    };
    const change = (name) => (value) => {
      choice[name] = value;
      update();
    };
    const field = (label, name, { scale = 1, ...range }) =>
      numberField({
        label,
        value: choice[name] / scale,
        ...range,
        change: (value) => change(name)(value * scale),
      }).node;
    const overlap = h("input", {
      type: "checkbox",
      checked: choice.overlap,
      on: { change: () => change("overlap")(overlap.checked) },
    });
    const said = h("p", { class: "cw-panel" });
    const open = (values, texts) => {
      ask.node.hidden = true;
      result.hidden = false;
      update(false);
      const guess = values
        ? `You predicted ${short(values.computing, 3)} s of computing, ` +
          `${short(values.sending, 3)} s of sending, and that ` +
          `${values.hidden === "yes" ? "all" : "not all"} of it is hidden. `
        : "";
      said.textContent = guess + describeTime(choice);
      live.whisper(said.textContent);
      save(model, { revealed: true, predicted: texts ?? {} });
      result.focus();
    };
    const ask = gate({
      say: live.whisper,
      open,
      text: timeQuestion(choice),
      fields: [
        { name: "computing", label: "Seconds of computing", kind: "number", low: 0 },
        { name: "sending", label: "Seconds of sending", kind: "number", low: 0 },
        {
          name: "hidden",
          label: "Is all of it hidden?",
          kind: "choice",
          options: [
            ["yes", "yes"],
            ["no", "no"],
          ],
        },
      ],
    });
    result.append(
      said,
      radios({
        legend: "Stage",
        value: String(choice.stage),
        options: STAGE_NAMES.map((name, stage) => [String(stage), name]),
        change: (stage) => change("stage")(Number(stage)),
      }),
      slider({
        label: "Tokens on each GPU, 2 to the power of",
        min: 5,
        max: 18,
        step: 1,
        value: Math.log2(choice.tokens),
        words: (power) => `${grouped(2 ** power)} tokens`,
        change: (power) => change("tokens")(2 ** power),
      }).node,
      h(
        "div",
        { class: "cw-row end" },
        picker({
          label: "Link",
          value: choice.link,
          options: Object.entries(LINKS).map(([key, [name]]) => [key, name]),
          change: change("link"),
        }).node,
        field("Parameters, billions", "parameters", { scale: 1e9, low: 0.001, high: 1e5 }),
        field("GPUs", "gpus", { low: 1, high: 1e6, whole: true }),
        field("TFLOPS of a GPU", "teraflops", { low: 1, high: 1e5 }),
        h("label", { class: "cw-choice" }, overlap, "computing goes on while it sends"),
      ),
      live.node,
      phasesSpot,
      stagesSpot,
      h("p", { class: "cw-legend" }, "Upper bar: computing. Lower bar: sending."),
      h("div", { class: "cw-row" }, describe.button),
      describe.text,
    );
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, result);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
