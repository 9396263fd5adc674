// A plain text box for a program: works with a keyboard, a screen reader and a phone as it is.
import { h, newId } from "./dom.js";

const INDENT = "    ";

/** Types as a person would, so that undo takes it back. */
function type(box, text) {
  if (!document.execCommand("insertText", false, text)) {
    box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input"));
  }
}

/** Each line's indent in blanks: Python takes no line in tabs beside one in blanks. */
const inBlanks = (text) =>
  text.replace(/^[ \t\u00a0]+/gm, (indent) => {
    let width = 0;
    for (const one of indent) width += one === "\t" ? 4 - (width % 4) : 1;
    return " ".repeat(width);
  });

/** Moves the selected lines by one indent, or those blanks that are there back. */
function shift(box, back) {
  const from = box.value.lastIndexOf("\n", box.selectionStart - 1) + 1;
  const lines = box.value.slice(from, box.selectionEnd).split("\n");
  const moved = lines.map((line) => (back ? line.replace(/^(\t| {1,4})/, "") : INDENT + line));
  if (moved.join() === lines.join()) return;
  const [start, end] = [box.selectionStart, box.selectionEnd];
  box.setSelectionRange(from, end);
  type(box, moved.join("\n"));
  const first = moved[0].length - lines[0].length;
  box.setSelectionRange(Math.max(from, start + first), from + moved.join("\n").length);
}

/**
 * The box with its label. Tab indents and Shift+Tab takes it back; after Esc, Tab leaves the box.
 * Enter keeps the indent of the line. `change` is called with the text, `run` at Ctrl+Enter.
 */
export function editor({ label, value, change, run }) {
  const id = newId("program");
  const box = h("textarea", {
    id,
    class: "cw-program",
    rows: 4,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    autocorrect: "off",
    wrap: "off",
    "aria-describedby": `${id}-keys`,
    value,
  });
  const keys = h(
    "p",
    { class: "cw-note", id: `${id}-keys` },
    "Tab indents. Press Esc, then Tab, to leave the box.",
  );
  let leaving = false;
  const size = () => {
    box.rows = Math.min(30, Math.max(4, box.value.split("\n").length + 1));
  };
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.isComposing || event.altKey) return;
    if (event.key === "Escape") {
      leaving = true;
      return;
    }
    if (event.key === "Tab" && !leaving && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      if (event.shiftKey || box.value.slice(box.selectionStart, box.selectionEnd).includes("\n"))
        shift(box, event.shiftKey);
      else type(box, INDENT);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) run();
      else {
        const from = box.value.lastIndexOf("\n", box.selectionStart - 1) + 1;
        const line = box.value.slice(from, box.selectionStart);
        const deeper = /:\s*(#.*)?$/.test(line) ? INDENT : "";
        type(box, `\n${/^[ \t]*/.exec(line)[0]}${deeper}`);
      }
    }
    if (event.key !== "Shift") leaving = false;
  });
  box.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain").replace(/\r\n?/g, "\n") ?? "";
    if (inBlanks(text) === text) return;
    event.preventDefault();
    type(box, inBlanks(text));
  });
  box.addEventListener("blur", () => {
    leaving = false;
  });
  box.addEventListener("input", () => {
    size();
    change(box.value);
  });
  size();
  const put = (text) => {
    box.value = text;
    size();
    change(text);
  };
  const node = h("div", { class: "cw-field" }, h("label", { for: id }, label), box, keys);
  return { node, box, put };
}
