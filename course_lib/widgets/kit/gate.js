// Prediction before reveal: fields to fill in, "commit", and "just show me" beside it.
import { h, button, newId, verdict } from "./dom.js";
import { parseNumber } from "./number.js";

/**
 * A gate. `fields`: {name, label, hint, kind: "number" | "percent" | "choice", options: [[value, text]]};
 * `open(values, texts)` is called once with the committed values, or with null for "just show me".
 * A percent is returned as a share; `31 %`, `31` and `0.31` are the same.
 */
export function gate({ title = "Predict first", text, fields, say, open }) {
  const spot = h("div", {});
  const inputs = fields.map(({ label, hint, kind, options }) => {
    const id = newId("gate");
    const input = kind === "choice"
      ? h("select", { id }, h("option", { value: "" }, "choose…"), options.map(([value, words]) => h("option", { value }, words)))
      : h("input", { type: "text", id, size: 9, autocomplete: "off", spellcheck: "false" });
    return { input, node: h("div", { class: "cw-field" }, h("label", { for: id }, label), input, hint ? h("span", { class: "cw-note" }, hint) : null) };
  });
  const commit = () => {
    const values = {};
    const texts = {};
    for (const [i, { name, label, kind, options }] of fields.entries()) {
      const given = inputs[i].input.value;
      const parsed = kind === "choice" ? given : parseNumber(given);
      if (!parsed) {
        const words = kind === "choice" ? `Choose an answer first: ${label}` : `Type a number first: ${label}`;
        spot.replaceChildren(verdict("not_attempted", words));
        say(words);
        inputs[i].input.focus();
        return;
      }
      texts[name] = kind === "choice" ? options.find(([value]) => String(value) === given)[1] : given.trim();
      if (kind === "choice") values[name] = given;
      else values[name] = kind === "percent" && (parsed.unit === "%" || parsed.readings[0] > 1) ? parsed.readings[0] / 100 : parsed.readings[0];
    }
    open(values, texts);
  };
  const node = h("div", { class: "cw-panel" }, h("p", { class: "cw-title" }, title), text ? h("p", {}, text) : null,
    h("form", { class: "cw-body", style: "padding:0", novalidate: true,
      on: { submit: (event) => { event.preventDefault(); commit(); }, keydown: (event) => event.stopPropagation() } },
    h("div", { class: "cw-row end" }, inputs.map((one) => one.node)),
    h("div", { class: "cw-row" }, h("button", { type: "submit", class: "main" }, "Commit my prediction"), button("Just show me", () => open(null, null), "quiet")), spot));
  return { node, first: inputs[0].input };
}
