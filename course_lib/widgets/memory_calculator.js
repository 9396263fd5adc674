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
  watch,
} from "./kit/ui/dom.js";
import { fixed, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { numberField } from "./kit/ui/field.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { heatTable } from "./kit/ui/heat.js";
import { memoryOf } from "./kit/math/memory.js";

const STAGE_NAMES = ["DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3"];
const PART_NAMES = {
  parameters: "parameters",
  gradients: "gradients",
  optimizer: "optimizer state",
  activations: "activations",
};

function gigabytes(bytes) {
  return `${fixed(bytes / 1e9, 2)} GB`;
}

/** The same sentence as describe_memory in memory_calculator.py. */
export function describeMemory(choice) {
  const { total, traffic } = memoryOf(choice);
  const fits = total <= choice.memory * 1e9;
  return (
    `${STAGE_NAMES[choice.stage]} on ${choice.gpus} ${choice.gpus === 1 ? "GPU" : "GPUs"}: ` +
    `${gigabytes(total)} each, ` +
    `${fits ? "fits" : "does not fit"} in ${choice.memory} GB; ` +
    `${traffic === 1 ? "as much traffic as DDP" : "1.5 times the traffic of DDP"}.`
  );
}

function render({ model, el }) {
  const again = restarter(model, ["choice", "total_bytes", "predicted", "revealed"], el, () =>
    draw(),
  );
  const draw = () => {
    const data = model.get("payload");
    const choice = { ...data.choice };
    const { node, body } = card(data, again);
    const live = liveRegion();
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const partsSpot = scrollRegion("Memory of one GPU, by part");
    const stagesSpot = scrollRegion("All four stages");
    const formula = h("p", {});
    const describe = describeButton(() => describeMemory(choice));
    const shared = (stage, part) => ({ optimizer: 1, gradients: 2, parameters: 3 })[part] <= stage;

    const update = (speak = true) => {
      const { parts, total, each } = memoryOf(choice);
      const names = Object.keys(parts);
      partsSpot.replaceChildren(
        barTable({
          label: "part",
          names: ["on one GPU", "bytes a parameter", "split"],
          labels: [...names.map((name) => PART_NAMES[name]), "total"],
          cells: (i) =>
            i < names.length
              ? [
                  h("td", {}, gigabytes(parts[names[i]])),
                  h("td", {}, names[i] in each ? String(each[names[i]]) : "–"),
                  h(
                    "td",
                    {},
                    names[i] === "activations"
                      ? "never"
                      : shared(choice.stage, names[i])
                        ? `over ${choice.gpus}`
                        : "no",
                  ),
                  barCell([{ share: total ? parts[names[i]] / total : 0, kind: "one" }]),
                ]
              : [
                  h("td", {}, gigabytes(total)),
                  h("td", {}, ""),
                  h("td", {}, total <= choice.memory * 1e9 ? "fits" : "does not fit"),
                  barCell([{ share: 1, kind: "one" }]),
                ],
        }),
      );
      const size = short(choice.parameters / 1e9, 3);
      const term = (name) =>
        `${each[name]}${shared(choice.stage, name) ? ` / ${choice.gpus}` : ""}`;
      formula.replaceChildren(
        h("strong", {}, "Formula: "),
        `${size} billion parameters × ` +
          `(${["parameters", "gradients", "optimizer"].map(term).join(" + ")}) bytes = ` +
          gigabytes(total - parts.activations) +
          (parts.activations ? ` and ${gigabytes(parts.activations)} of activations` : ""),
      );
      const all = [0, 1, 2, 3].map((stage) => memoryOf({ ...choice, stage }));
      stagesSpot.replaceChildren(
        heatTable({
          corner: "stage",
          rows: STAGE_NAMES,
          columns: ["on one GPU", `in ${choice.memory} GB`, "traffic a step"],
          kind: "",
          cell: (i, j) =>
            h(
              "td",
              {},
              [
                gigabytes(all[i].total),
                all[i].total <= choice.memory * 1e9 ? "fits" : "does not fit",
                `${all[i].traffic} × DDP`,
              ][j],
            ),
        }),
      );
      describe.update();
      save(model, { choice: { ...choice }, total_bytes: total });
      if (speak) live.say(describeMemory(choice), 400);
    };
    const number = (label, name, { scale = 1, low = 0, high = 1e6, whole = true } = {}) =>
      numberField({
        label,
        value: choice[name] / scale,
        low,
        high,
        whole,
        change: (value) => {
          choice[name] = value * scale;
          update();
        },
      }).node;
    const pick = (label, name, options) =>
      picker({
        label,
        value: choice[name],
        options,
        change: (value) => {
          choice[name] = options.find(([key]) => String(key) === value)[0];
          update();
        },
      }).node;
    const recompute = h("input", {
      type: "checkbox",
      checked: choice.recompute,
      on: {
        change: () => {
          choice.recompute = recompute.checked;
          update();
        },
      },
    });
    const open = (values, texts) => {
      ask.node.hidden = true;
      result.hidden = false;
      update(false);
      const { total, parts } = memoryOf(choice);
      const guess = values
        ? `You predicted ${short(values.gb, 2)} GB for the states, and that it ` +
          `${values.fits === "yes" ? "fits" : "does not fit"}. `
        : "";
      const states = `The states need ${gigabytes(total - parts.activations)} on each GPU`;
      const more = parts.activations ? `, and activations ${gigabytes(parts.activations)}` : "";
      const text = `${guess}${states}${more}. ${describeMemory(choice)}`;
      said.textContent = text;
      live.whisper(text);
      save(model, { revealed: true, total_bytes: total, predicted: texts ?? {} });
      result.focus();
    };
    const said = h("p", { class: "cw-panel" });
    const { activations } = memoryOf(choice).parts;
    const ask = gate({
      say: live.whisper,
      open,
      text:
        `A model of ${short(choice.parameters / 1e9, 3)} billion parameters trains with ` +
        `${STAGE_NAMES[choice.stage]} on ${choice.gpus} GPUs, ` +
        `${choice.precision === "mixed" ? "in mixed precision" : "in float32"}, with Adam. ` +
        `How much memory do its states (parameters, gradients, optimizer state) need on each GPU?`,
      fields: [
        {
          name: "gb",
          label: "GB of states on each GPU",
          kind: "number",
          low: 0,
          units: { GB: 1, MB: 1e-3, TB: 1e3, GiB: 1.073741824, MiB: 0.001048576 },
        },
        {
          name: "fits",
          label:
            `Does it fit in ${choice.memory} GB` +
            (activations ? `, with ${gigabytes(activations)} of activations?` : "?"),
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
        change: (stage) => {
          choice.stage = Number(stage);
          update();
        },
      }),
      h(
        "div",
        { class: "cw-row end" },
        number("Parameters, billions", "parameters", { scale: 1e9, high: 1e5, whole: false }),
        number("GPUs", "gpus", { low: 1 }),
        pick("Precision", "precision", [
          ["mixed", "mixed: 16 bit with a float32 copy"],
          ["float32", "float32"],
        ]),
        pick("Optimizer", "optimizer", [
          ["adam", "Adam"],
          ["momentum", "SGD with momentum"],
          ["sgd", "SGD"],
        ]),
        pick(
          "Memory of a GPU",
          "memory",
          [16, 24, 32, 40, 80, 141, 192].map((gb) => [gb, `${gb} GB`]),
        ),
      ),
      h(
        "details",
        {},
        h("summary", {}, "Activations"),
        h(
          "div",
          { class: "cw-row end" },
          number("Layers", "layers"),
          number("Width", "width"),
          number("Tokens", "tokens"),
          number("Sequences on a GPU", "sequences"),
          h(
            "label",
            { class: "cw-choice" },
            recompute,
            "keep each layer's input only, compute the rest again",
          ),
        ),
      ),
      live.node,
      formula,
      partsSpot,
      stagesSpot,
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
