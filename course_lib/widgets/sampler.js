import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  picker,
  radios,
  save,
  scrollRegion,
  slider,
  watch,
} from "./kit/ui/dom.js";
import { percent, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { heatTable } from "./kit/ui/heat.js";
import { SEEDS, numberField } from "./kit/ui/field.js";
import { chanceTable, describeSampler, heatWords } from "./kit/ui/chances.js";
import { drawCounts, makeRandom, openness, samplerStages } from "./kit/math/sampling.js";

const FEW = 12;
const MORE = 100; // rows that a moved slider repaints without a pause

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const goal = data.predict;
    const { node, body } = card(data);
    const live = liveRegion();
    const settings = {
      temperature: model.get("temperature"),
      topK: model.get("top_k"),
      topP: model.get("top_p"),
      temperatureLast: model.get("temperature_last"),
    };
    let at = Math.max(
      0,
      data.prompts.findIndex(({ name }) => name === model.get("prompt")),
    );
    let open = false;
    let seedNow = model.get("seed");
    let shown = FEW;
    let stages;
    let random = null;
    let counts = [];
    let total = 0;
    let lastDrawn = null;
    const prompt = () => data.prompts[at];
    const tokens = () => prompt().tokens ?? data.tokens;
    const names = () => tokens().map((text) => `“${text}”`);
    const order = () => prompt().order;
    const top = () => order()[0];
    const size = () => tokens().length;

    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true });
    const gateSpot = h("div", {});
    const said = h("div", {});
    const promptText = h("p", { style: "font-size:1.08rem" });
    const stageSpot = h("div", {});
    const table = chanceTable();
    const drawnText = h("p", { class: "cw-note" });
    const describe = describeButton(
      () => `With ${heatWords(settings.temperature)}: ${describeSampler(names(), stages, top())}`,
    );

    const isOff = (name) =>
      (name === "top-k" && !settings.topK) ||
      (name === "top-p" && settings.topP === 1) ||
      (name === "temperature" && settings.temperature === 1);
    const label = (name) => (isOff(name) ? `${name} (off)` : name);
    const compute = () => {
      stages = samplerStages(prompt().logits, { ...settings, topK: settings.topK || size() });
    };
    const resetDraws = () => {
      random = null;
      total = 0;
      lastDrawn = null;
      counts = new Array(size()).fill(0);
    };
    const publish = () =>
      save(model, {
        prompt: prompt().name,
        temperature: settings.temperature,
        top_k: settings.topK,
        top_p: settings.topP,
        temperature_last: settings.temperatureLast,
        kept: stages.at(-1).kept,
        draws: total,
        drawn: Object.fromEntries(
          counts.map((count, i) => [i, count]).filter(([, count]) => count),
        ),
      });

    const changed = (speak = true) => {
      resetDraws();
      compute();
      fillStages();
      fillRows();
      describe.update();
      publish();
      if (speak && open) live.say(describeSampler(names(), stages, top()), 500);
    };
    const fillStages = () => {
      const list = heatTable({
        corner: "stage",
        rows: stages.map(({ name }, s) => (s ? `${s}. ${label(name)}` : "the model")),
        kind: "",
        columns: ["tokens left", `chance of ${names()[top()]}`, "as open as"],
        cell: (s, c) =>
          h(
            "td",
            {},
            [
              String(stages[s].kept),
              percent(stages[s].chances[top()]),
              `${short(openness(stages[s].chances), 1)} tokens`,
            ][c],
          ),
      });
      stageSpot.replaceChildren(scrollRegion("Stages", list));
    };
    const buildRows = () => {
      nameMore();
      table.build(order().slice(0, shown), tokens(), stages.length);
      fillRows();
    };
    const fillRows = () => {
      table.fill(stages, label, { counts, total });
      drawnText.textContent = total
        ? `${total} ${total === 1 ? "token" : "tokens"} drawn with seed ` +
          `${seedNow}.${lastDrawn === null ? "" : ` Last: ${names()[lastDrawn]}.`}`
        : "Nothing drawn yet.";
    };

    const takeDraws = (n) => {
      random ??= makeRandom(seedNow);
      const { counts: fresh, drawn } = drawCounts(stages.at(-1).chances, n, random);
      counts = counts.map((count, i) => count + fresh[i]);
      total += n;
      lastDrawn = drawn.at(-1);
      fillRows();
      publish();
      const i = top();
      live.say(
        n === 1
          ? `Drew ${names()[lastDrawn]}, which had a chance of ` +
              `${percent(stages.at(-1).chances[lastDrawn])}.`
          : `${total} draws: ${names()[i]} came ${counts[i]} times, ` +
              `${percent(counts[i] / total)}; its chance is ${percent(stages.at(-1).chances[i])}.`,
      );
    };
    const seed = numberField({
      label: "Seed",
      value: model.get("seed"),
      ...SEEDS,
      change: (value) => {
        seedNow = value;
        resetDraws();
        fillRows();
        save(model, { seed: value });
        publish();
      },
    });

    const heat = slider({
      label: "Temperature",
      note: "below 1 sharper, above 1 flatter",
      min: 0,
      max: 3,
      step: 0.05,
      value: settings.temperature,
      words: heatWords,
      change: (value) => {
        settings.temperature = value;
        changed();
      },
    });
    const limit = Math.min(
      100,
      Math.max(...data.prompts.map((one) => (one.tokens ?? data.tokens).length)),
    );
    let k = settings.topK || Math.min(10, limit);
    const useK = h("input", {
      type: "checkbox",
      checked: settings.topK > 0,
      on: {
        change: () => {
          settings.topK = useK.checked ? k : 0;
          changed();
        },
      },
    });
    const topK = slider({
      label: "Top-k",
      note: "keep the k most likely tokens",
      min: 1,
      max: limit,
      step: 1,
      value: k,
      words: (value) => `keep the ${value} most likely`,
      change: (value) => {
        k = Math.round(value);
        useK.checked = true;
        settings.topK = k;
        changed();
      },
    });
    const topP = slider({
      label: "Top-p",
      note: "keep the most likely until they reach p",
      min: 0.05,
      max: 1,
      step: 0.01,
      value: settings.topP,
      words: (value) =>
        value === 1
          ? "1, everything stays"
          : `${short(value)}, keep the most likely until they reach ${percent(value)}`,
      change: (value) => {
        settings.topP = value;
        changed();
      },
    });
    const orders = radios({
      legend: "Order of the steps",
      value: settings.temperatureLast ? "last" : "first",
      options: [
        ["first", "temperature first"],
        ["last", "temperature last"],
      ],
      change: (value) => {
        settings.temperatureLast = value === "last";
        changed();
      },
    });
    const more = button(
      "",
      () => {
        shown = shown < size() ? Math.min(size(), shown + MORE) : FEW;
        more.setAttribute("aria-expanded", String(shown > FEW));
        buildRows();
      },
      "small",
    );
    const nameMore = () => {
      const left = Math.min(MORE, size() - shown);
      more.textContent =
        left > 0 ? `Show ${left} more of ${size()} tokens` : `Show the first ${FEW}`;
    };

    const openUp = (text) => {
      open = true;
      result.hidden = false;
      gateSpot.hidden = true;
      settings.temperature = goal.temperature;
      settings.topP = goal.top_p;
      settings.topK = 0;
      heat.set(goal.temperature);
      topP.set(goal.top_p);
      useK.checked = false;
      changed(false);
      said.replaceChildren(
        h(
          "div",
          { class: "cw-panel" },
          text.map((line) => h("p", {}, line)),
        ),
      );
      live.whisper(text.join(" "));
      heat.range.focus();
    };
    const ask = () => {
      const then = names()[top()];
      const heated = short(goal.temperature);
      const p = short(goal.top_p);
      const first = samplerStages(prompt().logits, {
        temperature: goal.temperature,
        topK: size(),
        topP: goal.top_p,
      });
      const answers = [
        `At temperature ${heated}, ${then} has ${percent(first[1].chances[top()])}; ` +
          `the model gave ${percent(first[0].chances[top()])}.`,
        `Top-p ${p} then keeps ${first.at(-1).kept} of ${size()} tokens.`,
      ];
      const fields = gate({
        text:
          `The model gives ${then} a chance of ${percent(first[0].chances[top()])}. You set the ` +
          `temperature to ${heated}, then top-p to ${p}.`,
        say: live.whisper,
        fields: [
          {
            name: "chance",
            label: `Chance of ${then} at temperature ${heated}`,
            hint: "such as 50 %",
            kind: "percent",
          },
          {
            name: "kept",
            label: `Tokens that top-p ${p} keeps (may stay blank)`,
            kind: "number",
            whole: true,
            low: 0,
            high: size(),
            units: { tokens: 1, token: 1 },
            optional: true,
          },
        ],
        open: (values) => {
          const said = values && [percent(values.chance), values.kept && `${values.kept} tokens`];
          openUp(answers.map((line, i) => (said?.[i] ? `You predicted ${said[i]}. ` : "") + line));
        },
      });
      gateSpot.replaceChildren(fields.node);
    };
    const setPrompt = (name) => {
      at = data.prompts.findIndex((one) => one.name === name);
      promptText.replaceChildren(
        h("span", { class: "cw-note" }, "Text so far: "),
        prompt().name,
        " ",
        h("span", { class: "cw-token asked", style: "min-height:0" }, "?"),
      );
      said.replaceChildren();
      resetDraws();
      compute();
      buildRows();
      if (!open) ask();
      changed();
    };
    const pick = picker({
      label: "Prompt",
      value: prompt().name,
      options: data.prompts.map(({ name }) => [name, name]),
      change: setPrompt,
    });

    const draws = h(
      "fieldset",
      {},
      h("legend", {}, "Draw from the last stage"),
      h(
        "div",
        { class: "cw-row end" },
        seed.node,
        button("Draw 1", () => takeDraws(1)),
        button("Draw 100", () => takeDraws(100)),
        button("Draw 1000", () => takeDraws(1000)),
        button(
          "Start again",
          () => {
            resetDraws();
            fillRows();
            publish();
            live.say("Nothing drawn yet.");
          },
          "quiet",
        ),
      ),
    );
    result.append(
      said,
      h(
        "div",
        { class: "cw-sliders" },
        heat.node,
        topP.node,
        h(
          "div",
          {},
          topK.node,
          h("label", { class: "cw-choice", style: "margin-top:.3rem" }, useK, "use top-k"),
        ),
        orders,
      ),
      stageSpot,
      draws,
      live.node,
      scrollRegion("Tokens and their chances", table.node),
      drawnText,
      h("div", { class: "cw-row" }, more, describe.button),
      describe.text,
    );
    if (data.describe) body.append(h("p", {}, data.describe));
    body.append(data.prompts.length > 1 ? pick.node : "", promptText, gateSpot, result);
    setPrompt(prompt().name);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
