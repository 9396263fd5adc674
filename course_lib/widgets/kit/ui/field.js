// A number to set: what cannot be used is said beside the field, and the last good number stays.
import { h, newId } from "./dom.js";
import { faultOf, grouped } from "./text.js";

/** What a seed may be: one word of 32 bits. */
export const SEEDS = { low: 0, high: 2 ** 32 - 1, whole: true };

/**
 * A number box with its label. `change(value)` is called with good numbers only; `tell(text)` shows
 * a fault elsewhere, where a box without a label has no room for it.
 */
export function numberField({ label, name, value, low, high, whole, change, tell, style }) {
  const id = newId("field");
  const noteId = newId("fault");
  let good = value;
  const note = h("span", { class: "cw-fault", id: noteId, role: "alert" });
  const say = tell ?? ((text) => note.replaceChildren(text));
  const read = () => {
    const text = input.value;
    const fault = input.validity.badInput ? faultOf("", range) : faultOf(text, range);
    if (fault) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    const line = fault ? `${fault}; ${grouped(good)} stays.` : "";
    say(line);
    if (fault || Number(text) === good) return;
    good = Number(text);
    change(good);
  };
  const range = { low, high, whole };
  const input = h("input", {
    type: "number",
    id,
    min: low,
    max: high,
    step: whole ? 1 : "any",
    value,
    style,
    "aria-label": label ? null : name,
    "aria-describedby": tell ? null : noteId,
    on: { input: read, keydown: (event) => event.stopPropagation() },
  });
  const set = (number) => {
    input.value = number;
    good = number;
    input.removeAttribute("aria-invalid");
    say("");
  };
  const node = tell
    ? input
    : h("div", { class: "cw-field" }, h("label", { for: id }, label), input, note);
  return { node, input, set };
}
