// Prediction before reveal: fields to fill in, "commit", and "just show me" beside it.
import { h, button, newId, verdict } from "./dom.js";
import { readPrediction } from "../exercise/predicted.js";

/**
 * A gate. `fields` are {name, label, hint, kind: "number" | "percent" | "choice"}: a choice has
 * `options`, [value, text] pairs; a number may have what readPrediction takes; an `optional` field
 * may stay blank. `open(values, texts)` is called once with the committed values, or with null for
 * "just show me". A percentage is returned as a share.
 */
export function gate({ title = "Predict first", text, fields, say, open }) {
  const spot = h("div", {});
  const inputs = fields.map(({ label, hint, kind, options }) => {
    const id = newId("gate");
    const input =
      kind === "choice"
        ? h(
            "select",
            { id },
            h("option", { value: "" }, "choose…"),
            options.map(([value, words]) => h("option", { value }, words)),
          )
        : h("input", { type: "text", id, size: 9, autocomplete: "off", spellcheck: "false" });
    return {
      input,
      node: h(
        "div",
        { class: "cw-field" },
        h("label", { for: id }, label),
        input,
        hint ? h("span", { class: "cw-note" }, hint) : null,
      ),
    };
  });
  const refuse = (i, words) => {
    const line = `${words} ${fields[i].label}`;
    spot.replaceChildren(verdict("not_attempted", line));
    say(line);
    inputs[i].input.setAttribute("aria-invalid", "true");
    inputs[i].input.focus();
  };
  const commit = () => {
    const values = {};
    const texts = {};
    for (const [i, field] of fields.entries()) {
      const { name, kind, options, optional } = field;
      const given = inputs[i].input.value.trim();
      inputs[i].input.removeAttribute("aria-invalid");
      if (optional && given === "") continue;
      if (kind === "choice") {
        if (given === "") return refuse(i, "Choose an answer first:");
        values[name] = given;
        texts[name] = options.find(([value]) => String(value) === given)[1];
        continue;
      }
      const { value, error } = readPrediction(given, field);
      if (value === undefined) return refuse(i, error ?? "Type a number first:");
      values[name] = value;
      texts[name] = given;
    }
    open(values, texts);
  };
  const node = h(
    "div",
    { class: "cw-panel" },
    h("p", { class: "cw-title" }, title),
    text ? h("p", {}, text) : null,
    h(
      "form",
      {
        class: "cw-body",
        style: "padding:0",
        novalidate: true,
        on: {
          submit: (event) => {
            event.preventDefault();
            commit();
          },
          keydown: (event) => event.stopPropagation(),
        },
      },
      h(
        "div",
        { class: "cw-row end" },
        inputs.map((one) => one.node),
      ),
      h(
        "div",
        { class: "cw-row" },
        h("button", { type: "submit", class: "main" }, "Commit my prediction"),
        button("Just show me", () => open(null, null), "quiet"),
      ),
      spot,
    ),
  );
  return { node, first: inputs[0].input };
}
