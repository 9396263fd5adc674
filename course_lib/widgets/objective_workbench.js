import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  newId,
  radios,
  save,
  scrollRegion,
  verdict,
  watch,
} from "./kit/ui/dom.js";
import { heatTable } from "./kit/ui/heat.js";
import { describeDraw, inputFault, targetFault } from "./kit/math/asked.js";
import { maskOf } from "./kit/math/mask.js";

const FAULTS = {
  "text-as-it-is": "a causal model reads the text as it is; nothing is hidden in it.",
  "not-chosen": "this word was not chosen, so it is shown as it is.",
  "left-in": "what is asked for still stands in the input; the answer could be copied.",
  "always-hidden": "not every chosen word is hidden: see what was drawn for this one.",
  "shown-otherwise": "a chosen word is shown as the draw says.",
  "one-mark-a-span": "a span leaves one mark, however many words it had.",
  order: "the words that stay keep their order.",
  "not-cut": "this word was not cut; it stays.",
  end: "the strip ends with </s>.",
  "loss-everywhere": "no loss here. Only the chosen words are asked for.",
  "no-loss": "a hidden word is asked for.",
  "only-hidden":
    "this word was chosen, so it counts, although it is not hidden. The model cannot know which.",
  "asks-for-mask": "what is asked for is a word of the text, never the mark that hides it.",
  "another-word": "asked for is what stands there in the text.",
  "every-place": "every place of this target carries loss.",
  "not-shifted": "the model reads this word here. It is asked for the word that comes next.",
  "shifted-back": "this is the word before. It is asked for the word that comes next.",
  "whole-text": "the decoder says the whole text, what stayed as well as what was cut.",
  mark: "before the words of a span stands the mark of the span.",
  "last-mark": "one mark more closes the last span.",
  "says-what-stayed": "this stayed in the input. Only what was cut is said.",
};

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion(false);
    let kind = model.get("objective");
    let at = Math.min(model.get("draw"), data.draws[kind].length - 1);
    let given = [];
    const chosen = h("p", {});
    const bench = h("div", {});
    const spot = h("div", {});
    const shown = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const now = () => data.draws[kind][at];
    const keep = () => save(model, { objective: kind, draw: at, given: given.map((s) => [...s]) });
    const describe = describeButton(() =>
      shown.hidden ? `Nothing is shown yet. ${now().drawn}` : describeDraw(now()),
    );

    const strip = (name, which) => {
      const id = newId("strip");
      const blanks = given[which];
      const options = which ? ["-", ...data.options[kind]] : data.options[kind];
      const fields = blanks.map((value, i) => {
        const field = h(
          "select",
          {
            "aria-label": `${name}, position ${i + 1}`,
            on: {
              change: () => {
                given[which][i] = field.value;
                spot.replaceChildren();
                keep();
              },
            },
          },
          h("option", { value: "" }, "…"),
          options.map((one) => h("option", { value: one }, one === "-" ? "no loss" : one)),
        );
        field.value = value;
        return h("li", {}, field);
      });
      const copy = () => {
        given[which] = blanks.map((_, i) => data.words[i] ?? "");
        fill();
        bench.querySelectorAll("ol")[which].querySelector("select").focus();
        live.say(`${name}: the sentence, word by word. Now change it.`);
      };
      return [
        h(
          "p",
          { id },
          h("strong", {}, name),
          " ",
          button("Copy the sentence", copy, "quiet small"),
        ),
        h("ol", { class: "cw-strip", "aria-labelledby": id }, fields),
      ];
    };
    const names = () => [
      now().decoder ? "Encoder reads" : "Model reads",
      now().decoder ? "Decoder is asked for" : "Asked for",
    ];
    const fill = () => {
      const { drawn } = now();
      chosen.textContent = drawn;
      bench.replaceChildren(...names().flatMap(strip));
      spot.replaceChildren();
      shown.hidden = true;
      shown.replaceChildren();
      another.hidden = data.draws[kind].length < 2;
      describe.update();
      keep();
    };
    const begin = () => {
      given = [now().input.map(() => ""), now().target.map(() => "")];
      fill();
    };

    const table = (label, rows, columns, cells) => {
      const region = scrollRegion(label);
      region.append(heatTable({ corner: "position", rows, columns, cell: (i, j) => cells[i][j] }));
      return region;
    };
    const cell = (word, state) =>
      word === null
        ? h("td", { class: "gone" }, "no loss")
        : h("td", { class: state ? "sh4" : "sh0" }, state ? `${word} (${state})` : word);
    const reveal = (text, status) => {
      const { input, decoder, target, states } = now();
      const numbers = (list) => list.map((_, i) => String(i + 1));
      const asked = target.map((word) => cell(word, word ? "counts" : ""));
      const read = input.map((word, i) => cell(word, states[i]));
      const queries = decoder ?? input;
      const sees = (label, rows, columns, mask) =>
        table(
          label,
          rows,
          columns,
          mask.map((row) =>
            row.map((one) =>
              one ? h("td", { class: "sh7" }, "sees") : h("td", { class: "gone" }, "hidden"),
            ),
          ),
        );
      const own = kind === "masked" ? "encoder" : "decoder";
      const n = target.filter((word) => word !== null).length;
      const line = `${n} of ${target.length} positions carry loss.`;
      shown.replaceChildren(
        ...(decoder
          ? [
              table("Encoder", ["encoder reads"], numbers(input), [read]),
              table("Decoder", ["decoder reads", "asked for"], numbers(target), [
                decoder.map((word) => cell(word, "")),
                asked,
              ]),
            ]
          : [table("Question and answer", ["reads", "asked for"], numbers(input), [read, asked])]),
        h("p", {}, line),
        h(
          "details",
          {},
          h("summary", {}, "Who may see whom"),
          decoder
            ? h(
                "p",
                {},
                "In the encoder each place sees all places; the decoder sees them all too.",
              )
            : "",
          sees(
            own === "encoder" ? "Each place sees all" : "Each place sees itself and those before",
            queries,
            queries,
            maskOf(own, queries.length, queries.length),
          ),
        ),
      );
      shown.hidden = false;
      spot.replaceChildren(verdict(status, text));
      live.say(`${text} ${line}`);
      describe.update();
      shown.focus();
    };
    const check = () => {
      const faults = [
        inputFault(kind, given[0], now(), data.words),
        targetFault(kind, given[1], now()),
      ];
      const which = faults.findIndex(Boolean);
      if (which < 0) {
        save(model, { solved: true });
        return reveal("Correct: this is what the objective makes of the sentence.", "correct");
      }
      const { place, kind: why } = faults[which];
      const where = `${names()[which]}, position ${place + 1}`;
      const text =
        why === "blank" ? `Fill in first: ${where}.` : `Not yet: ${where}: ${FAULTS[why]}`;
      spot.replaceChildren(verdict(why === "blank" ? "not_attempted" : "incorrect", text));
      live.say(text);
      bench.querySelectorAll("ol")[which].querySelectorAll("select")[place].focus();
    };
    const another = button("Another draw", () => {
      at = (at + 1) % data.draws[kind].length;
      begin();
      live.say(now().drawn);
    });
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      radios({
        legend: "Objective",
        value: kind,
        options: data.names,
        change: (value) => {
          kind = value;
          at = 0;
          begin();
        },
      }),
      h("p", {}, "The sentence: ", h("strong", {}, data.words.join(" "))),
      chosen,
      bench,
      h(
        "div",
        { class: "cw-row" },
        button("Check", check, "main"),
        button("Just show me", () => reveal("Shown.", "not_attempted"), "quiet"),
        another,
        describe.button,
      ),
      describe.text,
      spot,
      shown,
      live.node,
    );
    const kept = model.get("given");
    if (kept[0]?.length === now().input.length && kept[1]?.length === now().target.length) {
      given = kept.map((one) => [...one]);
      fill();
    } else begin();
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
