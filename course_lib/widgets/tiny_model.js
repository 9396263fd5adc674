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
  wanted,
  watch,
} from "./kit/ui/dom.js";
import { percent, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { SEEDS, numberField } from "./kit/ui/field.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { drawCounts, makeRandom, openness, samplerStages } from "./kit/math/sampling.js";
import { softmax } from "./kit/math/attention.js";
import { tinyModel } from "./kit/math/tiny.js";
import { makePieces, textOf } from "./kit/math/pieces.js";

const SHOWN = 10;

/** What comes next, in one sentence: the same as describe_next in tiny_model.py. */
export function describeNext(names, chances, n) {
  const [first, second] = chances.map((_, i) => i).sort((a, b) => chances[b] - chances[a] || a - b);
  return (
    `After ${n} ${n === 1 ? "token" : "tokens"}, “${names[first]}” is the most likely next ` +
    `token with ${percent(chances[first])}, ` +
    `then “${names[second]}” with ${percent(chances[second])}. The choice is as open as among ` +
    `${short(openness(chances), 1)} equally likely tokens.`
  );
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { names } = data;
    const { node, body } = card(data);
    const live = liveRegion();
    let net = null; // a page fetches the weights when the model is opened
    const pieces = makePieces(data.tokenizer);
    const settings = { temperature: model.get("temperature"), topP: model.get("top_p") };
    let seedNow = model.get("seed");
    let random = makeRandom(seedNow);
    let ids = [];
    let chances = null;
    let logits = [];
    let timer = 0;

    const boxId = newId("prompt");
    const box = h("textarea", {
      id: boxId,
      rows: 3,
      spellcheck: "false",
      autocomplete: "off",
      style: "width:100%;box-sizing:border-box",
      on: {
        input: () => {
          clearTimeout(timer);
          timer = setTimeout(() => look(true), 250);
        },
        keydown: (event) => event.stopPropagation(),
      },
    });
    box.value = model.get("prompt");
    const said = h("p", { class: "cw-panel" });
    const strip = h("p", { class: "cw-note" });
    const trouble = h("p", { class: "cw-note" });
    const region = scrollRegion("What comes next");
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const sentence = () =>
      chances ? describeNext(names, chances, ids.length) : "Nothing has been read yet.";
    const describe = describeButton(sentence);

    const fill = () => {
      if (!chances) {
        region.replaceChildren(h("p", {}, "Nothing has been read yet."));
        return;
      }
      const stages = samplerStages(logits, {
        temperature: settings.temperature,
        topK: logits.length,
        topP: settings.topP,
      });
      const after = stages.at(-1).chances;
      const list = chances
        .map((_, i) => i)
        .sort((a, b) => chances[b] - chances[a] || a - b)
        .slice(0, SHOWN);
      const most = Math.max(...chances, ...after);
      region.replaceChildren(
        barTable({
          label: "token",
          names: ["the model", "drawn with"],
          labels: list.map((i) => names[i]),
          cells: (r) => [
            h("td", {}, percent(chances[list[r]])),
            h("td", {}, after[list[r]] > 0 ? percent(after[list[r]]) : "dropped"),
            barCell([
              { share: chances[list[r]] / most, kind: "one" },
              { share: after[list[r]] / most, kind: "two" },
            ]),
          ],
        }),
      );
    };
    /** Reads the text in the box. Returns whether there is something to continue. */
    const look = (speak) => {
      const { ids: found, unknown } = pieces.encode(box.value);
      const tooMany = found.length > data.context;
      ids = tooMany ? found.slice(-data.context) : found;
      trouble.textContent = [
        unknown.length
          ? `Not in the vocabulary, and left out: ${[...new Set(unknown)].join(", ")}.`
          : "",
        tooMany
          ? `The model reads ${data.context} tokens at most: only the last ones are read.`
          : "",
      ]
        .join(" ")
        .trim();
      strip.textContent =
        `${ids.length} of ${data.context} tokens: ` + `${ids.map((id) => names[id]).join(" · ")}`;
      logits = ids.length ? net.read(ids) : [];
      chances = ids.length ? softmax(logits) : null;
      fill();
      describe.update();
      save(model, { prompt: box.value });
      if (box.value !== data.prompts[0]) said.hidden = true; // it speaks of the first prompt
      if (speak) live.say([trouble.textContent, sentence()].join(" ").trim(), 400);
      return Boolean(chances);
    };
    const write = (n) => {
      clearTimeout(timer);
      if (!look(false)) {
        live.say("Type a prompt first.");
        return;
      }
      const written = [];
      while (written.length < n && ids.length < data.context) {
        const last = samplerStages(logits, {
          temperature: settings.temperature,
          topK: logits.length,
          topP: settings.topP,
        }).at(-1).chances;
        const [id] = drawCounts(last, 1, random).drawn;
        written.push(id);
        ids = [...ids, id];
        logits = net.read(ids);
      }
      if (!written.length) {
        live.say(`The context of ${data.context} tokens is full.`);
        return;
      }
      box.value = pieces.append
        ? written.reduce((text, id) => pieces.append(text, id), box.value)
        : box.value + textOf(data.tokenizer.bytes, written);
      look(false);
      live.say(`Written: ${written.map((id) => `“${names[id]}”`).join(" ")}.`);
    };

    const seed = numberField({
      label: "Seed",
      value: model.get("seed"),
      ...SEEDS,
      change: (value) => {
        seedNow = value;
        random = makeRandom(seedNow);
        save(model, { seed: seedNow });
      },
    });
    const set = (name, trait) => (value) => {
      settings[name] = value;
      save(model, { [trait]: value });
      fill();
    };
    const heat = slider({
      label: "Temperature",
      note: "0 always takes the most likely",
      min: 0,
      max: 2,
      step: 0.05,
      value: settings.temperature,
      words: (value) => (value === 0 ? "0, always the most likely" : short(value)),
      change: set("temperature", "temperature"),
    });
    const topP = slider({
      label: "Top-p",
      note: "keep the most likely until they reach p",
      min: 0.05,
      max: 1,
      step: 0.05,
      value: settings.topP,
      words: (value) => short(value),
      change: set("topP", "top_p"),
    });
    const start = picker({
      label: "Start from",
      value: data.prompts[0],
      options: data.prompts.map((text) => [text, text]),
      change: (text) => {
        box.value = text;
        random = makeRandom(seedNow);
        look(true);
      },
    });

    const ask = gate({
      text: `The prompt is “${box.value}”.`,
      say: live.whisper,
      fields: [
        {
          name: "chance",
          label: "How likely will its most likely next token be?",
          hint: "such as 40 %",
          kind: "percent",
        },
      ],
      open: async (values) => {
        if (data.packed.later) live.say("The model is on its way.");
        try {
          net ??= tinyModel(await wanted(model, data.packed));
        } catch {
          live.say("The weights of the model could not be loaded. Try again.");
          return;
        }
        ask.node.hidden = true;
        result.hidden = false;
        look(false);
        const mine = values ? ` You predicted ${percent(values.chance)}.` : "";
        said.textContent = `${sentence()}${mine}`;
        save(model, { revealed: true });
        live.whisper(said.textContent);
        result.focus();
      },
    });
    result.append(
      said,
      h("div", { class: "cw-row end" }, start.node, seed.node),
      h(
        "div",
        { class: "cw-field" },
        h("label", { for: boxId }, "Prompt, and what the model writes"),
        box,
      ),
      strip,
      trouble,
      h(
        "div",
        { class: "cw-row" },
        button("Write 1 token", () => write(1), "main"),
        button("Write 10 tokens", () => write(10)),
        describe.button,
      ),
      describe.text,
      h("div", { class: "cw-sliders" }, heat.node, topP.node),
      region,
    );
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, live.node, result);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
