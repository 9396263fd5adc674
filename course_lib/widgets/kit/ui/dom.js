// DOM helpers shared by all widgets: native controls, one live region, tables with headers.
import { faultOf, short } from "./text.js";

const FOCUSABLE = /^(button|input|select|textarea|summary)$/;
let lastId = 0;

/** A new id; unique in the page because each module text is imported once. */
export function newId(name) {
  lastId += 1;
  return `cw-${name}-${lastId}-${Math.floor(performance.now())}`;
}

/**
 * An element. `attributes`: text values, `html`, `on: {event: listener}`; null and false are left
 * out.
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on")
      for (const event of Object.keys(value)) node.addEventListener(event, value[event]);
    else if (name === "html") node.innerHTML = value;
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  if (FOCUSABLE.test(tag) || "tabindex" in attributes)
    node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/**
 * The visible frame of every widget. Returns the card and the part to fill; `again` is what a
 * restarter made.
 */
export function card({ title, badge }, again = null) {
  const id = newId("title");
  const body = h("div", { class: "cw-body" });
  const node = h(
    "div",
    { class: "cw mathjax_ignore", role: "group", "aria-labelledby": id },
    h(
      "div",
      { class: "cw-head" },
      h("p", { class: "cw-title", id, role: "heading", "aria-level": 3, tabindex: "-1" }, title),
      again?.(),
      badge ? h("span", { class: "cw-badge" }, badge) : null,
    ),
    body,
  );
  return { node, body };
}

/**
 * "Start again" for a widget's head: the named values go back to what they were when the widget
 * was drawn first, and it is drawn anew.
 */
export function restarter(model, names, el, draw) {
  const first = structuredClone(Object.fromEntries(names.map((name) => [name, model.get(name)])));
  return () =>
    button(
      "Start again",
      () => {
        save(model, structuredClone(first));
        draw();
        el.querySelector(".cw-title").focus();
      },
      "quiet small",
    );
}

/**
 * One polite live region: `say` speaks and shows a result, `whisper` speaks what the page shows
 * elsewhere.
 */
export function liveRegion(visible = true) {
  const node = h("div", {
    class: visible ? "cw-say" : "cw-say out",
    role: "status",
    "aria-live": "polite",
    "aria-atomic": "true",
  });
  let timer = 0;
  const say = (text, wait = 0) => {
    clearTimeout(timer);
    const put = () => {
      node.classList.toggle("out", !visible);
      node.textContent = text;
    };
    if (wait) timer = setTimeout(put, wait);
    else put();
  };
  const whisper = (text) => {
    say(text);
    node.classList.add("out");
  };
  return { node, say, whisper };
}

export function button(text, listener, kind = "") {
  return h("button", { type: "button", class: kind, on: { click: listener } }, text);
}

/** Takes the focus from a button that was just switched off to the first of these that is on. */
export function passFocus(...buttons) {
  if (document.activeElement?.disabled) buttons.find((one) => !one.disabled)?.focus();
}

/**
 * A range and a number box that always agree; `words` puts the value into words for a screen
 * reader. The box says what it cannot take, and shows the last good number again when it is left.
 */
export function slider({ label, min, max, step, value, words, note, change }) {
  const id = newId("slider");
  const faultId = newId("fault");
  const range = h("input", { type: "range", id, min, max, step, value });
  const box = h("input", {
    type: "number",
    min,
    max,
    step,
    value,
    "aria-label": `${label}, as a number`,
    "aria-describedby": faultId,
  });
  const fault = h("span", { class: "cw-fault", id: faultId, role: "alert" });
  const tell = (text) => {
    fault.textContent = text;
    if (text) box.setAttribute("aria-invalid", "true");
    else box.removeAttribute("aria-invalid");
  };
  const put = (number) => {
    tell("");
    range.value = number;
    range.setAttribute("aria-valuetext", words(number));
    change(number);
  };
  const limits = { low: min, high: max, whole: Number.isInteger(step) };
  range.addEventListener("input", () => {
    box.value = range.value;
    put(Number(range.value));
  });
  box.addEventListener("input", () => {
    const wrong = faultOf(box.validity.badInput ? "" : box.value, limits);
    if (wrong) tell(`${wrong}; ${short(Number(range.value))} stays.`);
    else put(Number(box.value));
  });
  box.addEventListener("change", () => {
    box.value = range.value;
    box.removeAttribute("aria-invalid");
  });
  range.setAttribute("aria-valuetext", words(value));
  const node = h(
    "div",
    { class: "cw-slider" },
    h("label", { for: id }, h("span", { class: "cw-label" }, label)),
    range,
    box,
    note ? h("span", { class: "cw-note" }, note) : null,
    fault,
  );
  const set = (number) => {
    box.value = number;
    range.value = number;
    range.setAttribute("aria-valuetext", words(number));
    tell("");
  };
  return { node, range, box, set };
}

/** A select with its label; `options` are [value, text] pairs. */
export function picker({ label, options, value, change }) {
  const id = newId("pick");
  const select = h(
    "select",
    { id, on: { change: () => change(select.value) } },
    options.map(([key, text]) =>
      h("option", { value: key, selected: String(key) === String(value) }, text),
    ),
  );
  return { node: h("div", { class: "cw-field" }, h("label", { for: id }, label), select), select };
}

/** Radio buttons in a fieldset; `options` are [value, text] pairs. */
export function radios({ legend, options, value, change }) {
  const name = newId("radio");
  return h(
    "fieldset",
    {},
    h("legend", {}, legend),
    h(
      "div",
      { class: "cw-row" },
      options.map(([key, text]) =>
        h(
          "label",
          { class: "cw-choice" },
          h("input", {
            type: "radio",
            name,
            value: key,
            checked: key === value,
            on: { change: () => change(key) },
          }),
          text,
        ),
      ),
    ),
  );
}

/** A part that scrolls by itself, so that the page never does. */
export function scrollRegion(label, ...children) {
  return h(
    "div",
    { class: "cw-scroll", role: "group", "aria-label": label, tabindex: "0" },
    ...children,
  );
}

/**
 * "Describe this": shows the sentence that `sentence` makes from the current data and moves there.
 */
export function describeButton(sentence) {
  const id = newId("describe");
  const text = h("p", { class: "cw-panel", id, hidden: true, tabindex: "-1" });
  const open = h(
    "button",
    {
      type: "button",
      class: "quiet small",
      "aria-expanded": "false",
      "aria-controls": id,
      on: {
        click: () => {
          text.hidden = !text.hidden;
          open.setAttribute("aria-expanded", String(!text.hidden));
          update();
          if (!text.hidden) text.focus();
        },
      },
    },
    "Describe this",
  );
  const update = () => {
    if (!text.hidden) text.textContent = sentence();
  };
  return { button: open, text, update };
}

/** Word, icon and border style say the verdict; colour only repeats it. */
export function verdict(status, line, ...more) {
  const icon = { correct: "✓", incorrect: "✗", invalid: "?", not_attempted: "…" }[status];
  return h(
    "div",
    { class: `cw-verdict ${status}` },
    h("p", {}, h("span", { "aria-hidden": "true" }, `${icon} `), h("strong", {}, line)),
    ...more,
  );
}

/** A part of a payload that a page may keep in a file of its own until it is wanted. */
export function wanted(model, part) {
  return part?.later ? model.later(part.later) : Promise.resolve(part);
}

/** Saves to the model; a host without a kernel keeps the values in the page and says nothing. */
export function save(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  try {
    model.save_changes();
  } catch (error) {
    if (!/comm|kernel|disposed/i.test(String(error))) throw error;
  }
}

/** Calls `listener` on change of the named values; the returned function stops it. */
export function watch(model, names, listener) {
  for (const name of names) model.on(`change:${name}`, listener);
  return () => {
    for (const name of names) model.off(`change:${name}`, listener);
  };
}
