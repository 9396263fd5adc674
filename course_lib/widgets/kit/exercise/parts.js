// The controls of the parts of an exercise: choices, a number, a match, an order.
import { h, newId } from "../ui/dom.js";
import { ledBy } from "./judge.js";

function choicePart(part, title) {
  const name = newId("choice");
  const inputs = part.options.map(({ id }) =>
    h("input", { type: part.multiple ? "checkbox" : "radio", name, value: id }),
  );
  const node = h(
    "fieldset",
    {},
    h("legend", { html: part.prompt || title }),
    part.multiple ? h("p", { class: "cw-note" }, "Choose all that apply.") : null,
    part.options.map(({ text }, i) =>
      h("label", { class: "cw-choice" }, inputs[i], h("span", { html: text })),
    ),
  );
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  const said = () =>
    part.options
      .filter(({ id }) => chosen().includes(id))
      .map(({ text }) => text)
      .join("; ");
  return {
    node,
    get: () => (part.multiple ? chosen() : (chosen()[0] ?? null)),
    said,
    first: inputs[0],
  };
}

function numberPart(part) {
  const id = newId("number");
  const hint = newId("hint");
  const input = h("input", {
    type: "text",
    id,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": hint,
  });
  const node = h(
    "div",
    { class: "cw-field" },
    h("label", { for: id, html: part.prompt || "Your answer" }),
    h("div", { class: "cw-row" }, input, h("span", { class: "cw-note", id: hint }, part.unit_hint)),
  );
  return { node, get: () => input.value, said: () => input.value, first: input };
}

function matchPart(part, title) {
  const selects = {};
  const lines = part.rows.map((row) => {
    const id = newId("match");
    selects[row.id] = h(
      "select",
      { id },
      h("option", { value: "" }, "choose…"),
      part.options.map((option) => h("option", { value: option.id, html: option.text })),
    );
    return h(
      "div",
      { class: "cw-match" },
      h("label", { for: id, html: row.text }),
      selects[row.id],
    );
  });
  const node = h("fieldset", {}, h("legend", { html: part.prompt || title }), lines);
  const get = () =>
    Object.fromEntries(
      Object.entries(selects)
        .filter(([, select]) => select.value)
        .map(([id, select]) => [id, select.value]),
    );
  const said = () =>
    part.rows
      .filter(({ id }) => selects[id].value)
      .map(
        (row) => `${row.text}: ${part.options.find(({ id }) => id === selects[row.id].value).text}`,
      )
      .join("; ");
  return { node, get, said, first: Object.values(selects)[0] };
}

function orderPart(part, title, live) {
  let order = []; // the ticked lines
  const list = h("ol", { class: "cw-order" });
  const lines = Object.fromEntries(
    part.items.map((item) => {
      const box = h("input", {
        type: "checkbox",
        on: { change: () => use(box.checked) },
      });
      const text = h("span", { html: item.text });
      const plain = text.textContent;
      const up = h(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": `Move up: ${plain}`,
          on: { click: () => move(-1, up) },
        },
        "↑",
      );
      const down = h(
        "button",
        {
          type: "button",
          class: "small",
          "aria-label": `Move down: ${plain}`,
          on: { click: () => move(1, down) },
        },
        "↓",
      );
      const spot = h("span", { class: "cw-place", "aria-hidden": "true" });
      const place_select = h("select", {
        "aria-label": `Place of: ${plain}`,
        on: { change: () => goTo(Number(place_select.value), place_select) },
      });
      // A line that is ticked joins the end of the order; one that is not has no place in it.
      const use = (ticked) => {
        order = order.filter((id) => id !== item.id);
        if (ticked) order.push(item.id);
        place();
        box.focus();
        const n = order.length;
        live.say(ticked ? `${plain}: place ${n} of ${n}.` : `${plain}: left out.`);
      };
      const goTo = (to, focused) => {
        order = order.filter((id) => id !== item.id);
        order.splice(to, 0, item.id);
        place();
        focused.focus();
        live.say(`${plain}: place ${to + 1} of ${order.length}.`);
      };
      const move = (by, focused) => {
        const to = order.indexOf(item.id) + by;
        if (to >= 0 && to < order.length) goTo(to, focused);
        else live.say(`${plain} is ${by < 0 ? "first" : "last"} already.`);
      };
      const movers = h("span", { class: "cw-row" }, up, down, place_select);
      const node = h("li", {}, spot, h("label", {}, box, text), movers);
      return [item.id, { node, spot, place_select, movers }];
    }),
  );
  const place = () => {
    const rest = part.items.map(({ id }) => id).filter((id) => !order.includes(id));
    [...order, ...rest].forEach((id, i) => {
      const { node, spot, place_select, movers } = lines[id];
      const used = i < order.length;
      node.classList.toggle("off", !used);
      movers.hidden = !used;
      spot.textContent = used ? `${i + 1}.` : "–";
      place_select.replaceChildren(
        ...order.map((_, at) => h("option", { value: at }, `${at + 1}`)),
      );
      place_select.value = i;
      if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
    });
  };
  place();
  const node = h(
    "fieldset",
    {},
    h("legend", { html: part.prompt || title }),
    h("p", { class: "cw-note" }, "Tick the lines that belong, then move them into order."),
    list,
  );
  const get = () => [...order];
  const said = () =>
    get()
      .map((id) => part.items.find((item) => item.id === id).text)
      .join("; ");
  return { node, get, said, first: list.querySelector("input") };
}

/** The controls of each kind of part: its node, what was answered, and that in words. */
export const PARTS = { choice: choicePart, number: numberPart, match: matchPart, order: orderPart };

/** The right answer of a part as HTML; where there are several parts, led by what was asked. */
export function labelledKey(part, several) {
  const key = keyOf(part);
  if (!several || !part.prompt) return `<div>${key}</div>`;
  const block = /^<[ou]l>/.test(key);
  return `<p>${ledBy(`<strong>${part.prompt}</strong>`, block ? "" : key)}</p>${block ? key : ""}`;
}

/** The right answer of a part as HTML, from its payload. */
export function keyOf(part) {
  if (part.type === "choice") {
    const right = part.options.filter(({ correct }) => correct).map(({ text }) => text);
    return right.length === 1
      ? right[0]
      : `<ul>${right.map((text) => `<li>${text}</li>`).join("")}</ul>`;
  }
  if (part.type === "number") return h("span", {}, part.key_text).innerHTML;
  if (part.type === "match")
    return part.rows
      .map((row) =>
        ledBy(
          row.text,
          row.correct.map((id) => part.options.find((o) => o.id === id).text).join(" or "),
        ),
      )
      .join("<br>");
  const items = part.items.filter(({ distractor }) => !distractor);
  const sorted = [];
  while (sorted.length < items.length) {
    const left = items.filter((item) => !sorted.includes(item));
    sorted.push(
      left.find(
        (item) =>
          !part.before.some(
            ({ first, then }) => then === item.id && left.some(({ id }) => id === first),
          ),
      ) ?? left[0],
    );
  }
  return `<ol>${sorted.map(({ text }) => `<li>${text}</li>`).join("")}</ol>`;
}
