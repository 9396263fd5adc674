import { h, button, card, describeButton, liveRegion, newId, picker, radios, save, scrollRegion, slider, verdict, watch } from "./kit/dom.js";
import { percent, short } from "./kit/text.js";
import { heatTable } from "./kit/heat.js";
import { barCell } from "./kit/bar.js";
import { drawCounts, makeRandom, samplerStages } from "./kit/sampling.js";
import { parseNumber } from "./kit/number.js";

/** exp of the entropy: among how many equally likely tokens the choice would be as open. */
export function openness(chances) {
  return Math.exp(-chances.reduce((sum, chance) => sum + (chance > 0 ? chance * Math.log(chance) : 0), 0));
}

function heatWords(t) {
  if (t === 0) return "temperature 0, always the most likely token";
  return `temperature ${short(t)}, ${t === 1 ? "the model's own" : t < 1 ? "sharper than the model" : "flatter than the model"}`;
}

/** What the settings do, in one sentence: the same as describe_sampler in sampler.py. */
export function describeSampler(names, stages, top) {
  const last = stages.at(-1);
  return `${last.kept} of ${names.length} tokens stay. ${names[top]} goes from ${percent(stages[0].chances[top])} to ${percent(last.chances[top])}. ` +
    `The choice is as open as among ${short(openness(last.chances), 1)} equally likely tokens; before it was ${short(openness(stages[0].chances), 1)}.`;
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const goal = data.predict;
    const { node, body } = card(data);
    const live = liveRegion();
    const settings = { temperature: model.get("temperature"), topK: model.get("top_k"), topP: model.get("top_p"), temperatureLast: model.get("temperature_last") };
    let at = Math.max(0, data.prompts.findIndex(({ name }) => name === model.get("prompt")));
    let open = false;
    let shown = 12;
    let rows = [];
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
    const gate = h("div", { class: "cw-panel" });
    const said = h("div", {});
    const promptText = h("p", { style: "font-size:1.08rem" });
    const stageSpot = h("div", {});
    const tokenTable = h("table", { class: "cw-bars" });
    const drawnText = h("p", { class: "cw-note" });
    const describe = describeButton(() => `With ${heatWords(settings.temperature)}: ${describeSampler(names(), stages, top())}`);

    const isOff = (name) => (name === "top-k" && !settings.topK) || (name === "top-p" && settings.topP === 1) || (name === "temperature" && settings.temperature === 1);
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
    const publish = () => save(model, { prompt: prompt().name, temperature: settings.temperature, top_k: settings.topK, top_p: settings.topP,
      temperature_last: settings.temperatureLast, kept: stages.at(-1).kept, draws: total,
      drawn: Object.fromEntries(counts.map((count, i) => [i, count]).filter(([, count]) => count)) });

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
      const table = heatTable({ corner: "stage", rows: stages.map(({ name }, s) => (s ? `${s}. ${label(name)}` : "the model")), kind: "",
        columns: ["tokens left", `chance of ${names()[top()]}`, "as open as"],
        cell: (s, c) => h("td", {}, [String(stages[s].kept), percent(stages[s].chances[top()]), `${short(openness(stages[s].chances), 1)} tokens`][c]) });
      stageSpot.replaceChildren(scrollRegion("Stages", table));
    };
    const buildRows = () => {
      const heads = ["the model", ...stages.slice(1).map(({ name }) => `after ${name}`), "drawn"];
      const list = order().slice(0, shown).map((i) => {
        const cells = [...stages.map(() => h("td", {})), h("td", {})];
        const bars = barCell([{ share: 0, kind: "one" }, { share: 0, kind: "two" }]);
        return { i, cells, bars, line: h("tr", {}, h("th", { scope: "row" }, tokens()[i]), cells, bars) };
      });
      rows = list;
      tokenTable.replaceChildren(h("thead", {}, h("tr", {}, ["token", ...heads].map((name) => h("th", { scope: "col" }, name)), h("td", { "aria-hidden": "true" }, ""))),
        h("tbody", {}, list.map(({ line }) => line)));
    };
    const fillRows = () => {
      const heads = [...tokenTable.tHead.rows[0].cells];
      stages.forEach(({ name }, s) => { if (s) heads[s + 1].textContent = `after ${label(name)}`; });
      const last = stages.at(-1).chances;
      const most = Math.max(...last, total ? Math.max(...counts) / total : 0);
      for (const { i, cells, bars } of rows) {
        stages.forEach(({ chances, logits }, s) => {
          const gone = logits[i] === -Infinity;
          cells[s].textContent = gone ? "dropped" : percent(chances[i]);
          cells[s].className = gone ? "gone" : "";
        });
        cells.at(-1).textContent = total ? String(counts[i]) : "–";
        bars.children[0].style.width = `${(100 * last[i]) / most}%`;
        bars.children[1].style.width = `${total ? (100 * counts[i]) / total / most : 0}%`;
        bars.children[1].hidden = !total;
      }
      drawnText.textContent = total ? `${total} ${total === 1 ? "token" : "tokens"} drawn with seed ${seed.value}.${lastDrawn === null ? "" : ` Last: ${names()[lastDrawn]}.`}` : "Nothing drawn yet.";
    };

    const takeDraws = (n) => {
      random ??= makeRandom(Number(seed.value) || 0);
      const { counts: fresh, drawn } = drawCounts(stages.at(-1).chances, n, random);
      counts = counts.map((count, i) => count + fresh[i]);
      total += n;
      lastDrawn = drawn.at(-1);
      fillRows();
      publish();
      const i = top();
      live.say(n === 1 ? `Drew ${names()[lastDrawn]}, which had a chance of ${percent(stages.at(-1).chances[lastDrawn])}.`
        : `${total} draws: ${names()[i]} came ${counts[i]} times, ${percent(counts[i] / total)}; its chance is ${percent(stages.at(-1).chances[i])}.`);
    };
    const seedId = newId("seed");
    const seed = h("input", { type: "number", id: seedId, value: model.get("seed"), step: 1, min: 0, max: 4294967295, on: { change: () => {
      resetDraws();
      fillRows();
      save(model, { seed: Number(seed.value) || 0 });
      publish();
    } } });

    const heat = slider({ label: "Temperature", note: "below 1 sharper, above 1 flatter", min: 0, max: 3, step: 0.05, value: settings.temperature, words: heatWords,
      change: (value) => { settings.temperature = value; changed(); } });
    const limit = Math.min(100, Math.max(...data.prompts.map((one) => (one.tokens ?? data.tokens).length)));
    let k = settings.topK || Math.min(10, limit);
    const useK = h("input", { type: "checkbox", checked: settings.topK > 0, on: { change: () => { settings.topK = useK.checked ? k : 0; changed(); } } });
    const topK = slider({ label: "Top-k", note: "keep the k most likely tokens", min: 1, max: limit, step: 1, value: k, words: (value) => `keep the ${value} most likely`,
      change: (value) => { k = Math.round(value); useK.checked = true; settings.topK = k; changed(); } });
    const topP = slider({ label: "Top-p", note: "keep the most likely until they reach p", min: 0.05, max: 1, step: 0.01, value: settings.topP,
      words: (value) => (value === 1 ? "1, everything stays" : `${short(value)}, keep the most likely until they reach ${percent(value)}`),
      change: (value) => { settings.topP = value; changed(); } });
    const orders = radios({ legend: "Order of the steps", value: settings.temperatureLast ? "last" : "first", options: [["first", "temperature first"], ["last", "temperature last"]],
      change: (value) => { settings.temperatureLast = value === "last"; changed(); } });
    const more = button("", () => {
      shown = shown < size() ? size() : 12;
      more.setAttribute("aria-expanded", String(shown > 12));
      nameMore();
      buildRows();
      fillRows();
    }, "small");
    const nameMore = () => { more.textContent = shown < size() ? `Show all ${size()} tokens` : "Show the first 12"; };

    const openUp = (text) => {
      open = true;
      result.hidden = false;
      gate.hidden = true;
      settings.temperature = goal.temperature;
      settings.topP = goal.top_p;
      settings.topK = 0;
      heat.set(goal.temperature);
      topP.set(goal.top_p);
      useK.checked = false;
      changed(false);
      said.replaceChildren(h("div", { class: "cw-panel" }, text.map((line) => h("p", {}, line))));
      live.whisper(text.join(" "));
      heat.range.focus();
    };
    const ask = () => {
      const chanceId = newId("chance");
      const keptId = newId("kept");
      const chance = h("input", { type: "text", id: chanceId, size: 7, autocomplete: "off" });
      const kept = h("input", { type: "text", id: keptId, size: 7, autocomplete: "off" });
      const spot = h("div", {});
      const [first, then] = [samplerStages(prompt().logits, { temperature: goal.temperature, topK: size(), topP: goal.top_p }), names()[top()]];
      const answers = [`At temperature ${short(goal.temperature)}, ${then} has ${percent(first[1].chances[top()])}; the model gave ${percent(first[0].chances[top()])}.`,
        `Top-p ${short(goal.top_p)} then keeps ${first.at(-1).kept} of ${size()} tokens.`];
      const commit = () => {
        const guess = parseNumber(chance.value);
        const count = kept.value.trim() ? parseNumber(kept.value) : null;
        if (!guess || (kept.value.trim() && !count)) {
          spot.replaceChildren(verdict("invalid", "Type a number, such as 50 %, in the first box."));
          live.whisper("Type a number, such as 50 %, in the first box.");
          return;
        }
        const value = guess.unit === "%" || guess.readings[0] > 1 ? guess.readings[0] / 100 : guess.readings[0];
        const lines = [`You predicted ${percent(Math.min(1, Math.max(0, value)))}. ${answers[0]}`, count ? `You predicted ${short(count.readings[0])} tokens. ${answers[1]}` : answers[1]];
        openUp(lines);
      };
      gate.replaceChildren(h("p", { class: "cw-title" }, "Predict first"),
        h("p", {}, `The model gives ${then} a chance of ${percent(first[0].chances[top()])}. You set the temperature to ${short(goal.temperature)}, then top-p to ${short(goal.top_p)}.`),
        h("form", { class: "cw-body", style: "padding:0", novalidate: true, on: { submit: (event) => { event.preventDefault(); commit(); }, keydown: (event) => event.stopPropagation() } },
          h("div", { class: "cw-row end" }, h("div", { class: "cw-field" }, h("label", { for: chanceId }, `Chance of ${then} at temperature ${short(goal.temperature)}`), chance),
            h("div", { class: "cw-field" }, h("label", { for: keptId }, `Tokens that top-p ${short(goal.top_p)} keeps (may stay blank)`), kept)),
          h("div", { class: "cw-row" }, h("button", { type: "submit", class: "main" }, "Commit my prediction"), button("Just show me", () => openUp(answers), "quiet")), spot));
    };
    const setPrompt = (name) => {
      at = data.prompts.findIndex((one) => one.name === name);
      promptText.replaceChildren(h("span", { class: "cw-note" }, "Text so far: "), prompt().name, " ", h("span", { class: "cw-token asked", style: "min-height:0" }, "?"));
      said.replaceChildren();
      resetDraws();
      compute();
      buildRows();
      nameMore();
      if (!open) ask();
      changed();
    };
    const pick = picker({ label: "Prompt", value: prompt().name, options: data.prompts.map(({ name }) => [name, name]), change: setPrompt });

    const draws = h("fieldset", {}, h("legend", {}, "Draw from the last stage"), h("div", { class: "cw-row end" },
      h("div", { class: "cw-field" }, h("label", { for: seedId }, "Seed"), seed),
      button("Draw 1", () => takeDraws(1)), button("Draw 100", () => takeDraws(100)), button("Draw 1000", () => takeDraws(1000)),
      button("Start again", () => {
        resetDraws();
        fillRows();
        publish();
        live.say("Nothing drawn yet.");
      }, "quiet")));
    result.append(said, h("div", { class: "cw-sliders" }, heat.node, topP.node, h("div", {}, topK.node, h("label", { class: "cw-choice", style: "margin-top:.3rem" }, useK, "use top-k")), orders),
      stageSpot, draws, live.node, scrollRegion("Tokens and their chances", tokenTable), drawnText, h("div", { class: "cw-row" }, more, describe.button), describe.text);
    if (data.describe) body.append(h("p", {}, data.describe));
    body.append(data.prompts.length > 1 ? pick.node : "", promptText, gate, result);
    setPrompt(prompt().name);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
