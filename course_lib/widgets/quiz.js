import { h, button, card, liveRegion, newId, save, verdict, watch } from "./kit/dom.js";
import { judge } from "./kit/judge.js";
import { isKept, noteProgress, onProgress, readAll } from "./kit/store.js";

const KINDS = { choice: "Question", number: "Number", match: "Match", order: "Put in order", predict: "Predict first", code: "Code" };

function choicePart(part, title) {
  const name = newId("choice");
  const inputs = part.options.map(({ id }) => h("input", { type: part.multiple ? "checkbox" : "radio", name, value: id }));
  const node = h("fieldset", {}, h("legend", { html: part.prompt || title }),
    part.multiple ? h("p", { class: "cw-note" }, "Choose all that apply.") : null,
    part.options.map(({ text }, i) => h("label", { class: "cw-choice" }, inputs[i], h("span", { html: text }))));
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  const said = () => part.options.filter(({ id }) => chosen().includes(id)).map(({ text }) => text).join("; ");
  return { node, get: () => (part.multiple ? chosen() : chosen()[0] ?? null), said, first: inputs[0] };
}

function numberPart(part) {
  const id = newId("number");
  const hint = newId("hint");
  const input = h("input", { type: "text", id, autocomplete: "off", spellcheck: "false", "aria-describedby": hint });
  const node = h("div", { class: "cw-field" }, h("label", { for: id, html: part.prompt || "Your answer" }),
    h("div", { class: "cw-row" }, input, h("span", { class: "cw-note", id: hint }, part.unit_hint)));
  return { node, get: () => input.value, said: () => input.value, first: input };
}

function matchPart(part, title) {
  const selects = {};
  const lines = part.rows.map((row) => {
    const id = newId("match");
    selects[row.id] = h("select", { id }, h("option", { value: "" }, "choose…"),
      part.options.map((option) => h("option", { value: option.id, html: option.text })));
    return h("div", { class: "cw-match" }, h("label", { for: id, html: row.text }), selects[row.id]);
  });
  const node = h("fieldset", {}, h("legend", { html: part.prompt || title }), lines);
  const get = () => Object.fromEntries(Object.entries(selects).filter(([, select]) => select.value).map(([id, select]) => [id, select.value]));
  const said = () => part.rows.filter(({ id }) => selects[id].value).map((row) => `${row.text}: ${part.options.find(({ id }) => id === selects[row.id].value).text}`).join("; ");
  return { node, get, said, first: Object.values(selects)[0] };
}

function orderPart(part, title, live) {
  let order = part.items.map(({ id }) => id);
  const used = new Set();
  const list = h("ol", { class: "cw-order" });
  const lines = Object.fromEntries(part.items.map((item) => {
    const box = h("input", { type: "checkbox", on: { change: () => { box.checked ? used.add(item.id) : used.delete(item.id); place(); } } });
    const text = h("span", { html: item.text });
    const plain = text.textContent;
    const up = h("button", { type: "button", class: "small", "aria-label": `Move up: ${plain}`, on: { click: () => move(-1, up) } }, "↑");
    const down = h("button", { type: "button", class: "small", "aria-label": `Move down: ${plain}`, on: { click: () => move(1, down) } }, "↓");
    const spot = h("span", { class: "cw-place", "aria-hidden": "true" });
    const place_select = h("select", { "aria-label": `Place of: ${plain}`, on: { change: () => goTo(Number(place_select.value), place_select) } },
      part.items.map((_, i) => h("option", { value: i }, `${i + 1}`)));
    const goTo = (to, focused) => {
      const rest = order.filter((id) => id !== item.id);
      rest.splice(to, 0, item.id);
      order = rest;
      place();
      focused.focus();
      live.say(`${plain}: place ${to + 1} of ${order.length}.`);
    };
    const move = (by, focused) => {
      const to = order.indexOf(item.id) + by;
      if (to >= 0 && to < order.length) goTo(to, focused);
      else live.say(`${plain} is ${by < 0 ? "first" : "last"} already.`);
    };
    const node = h("li", {}, spot, h("label", {}, box, text), h("span", { class: "cw-row" }, up, down, place_select));
    return [item.id, { node, spot, place_select }];
  }));
  const place = () => {
    let n = 0;
    order.forEach((id, i) => {
      const { node, spot, place_select } = lines[id];
      node.classList.toggle("off", !used.has(id));
      spot.textContent = used.has(id) ? `${(n += 1)}.` : "–";
      place_select.value = i;
      if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
    });
  };
  place();
  const node = h("fieldset", {}, h("legend", { html: part.prompt || title }),
    h("p", { class: "cw-note" }, "Tick the lines that belong, then move them into order."), list);
  const get = () => order.filter((id) => used.has(id));
  const said = () => get().map((id) => part.items.find((item) => item.id === id).text).join("; ");
  return { node, get, said, first: list.querySelector("input") };
}

const PARTS = { choice: choicePart, number: numberPart, match: matchPart, order: orderPart };

/** The right answer of a part as HTML, from its payload. */
export function keyOf(part) {
  if (part.type === "choice") {
    const right = part.options.filter(({ correct }) => correct).map(({ text }) => text);
    return right.length === 1 ? right[0] : `<ul>${right.map((text) => `<li>${text}</li>`).join("")}</ul>`;
  }
  if (part.type === "number") return h("span", {}, part.key_text).innerHTML;
  if (part.type === "match") return part.rows.map((row) => `${row.text}: ${row.correct.map((id) => part.options.find((o) => o.id === id).text).join(" or ")}`).join("<br>");
  const items = part.items.filter(({ distractor }) => !distractor);
  const sorted = [];
  while (sorted.length < items.length) {
    const left = items.filter((item) => !sorted.includes(item));
    sorted.push(left.find((item) => !part.before.some(({ first, then }) => then === item.id && left.some(({ id }) => id === first))) ?? left[0]);
  }
  return `<ol>${sorted.map(({ text }) => `<li>${text}</li>`).join("")}</ol>`;
}

function plainText(html) {
  return h("div", { html }).textContent.trim();
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const inPage = model.page === true;
    const { node, body } = card({ title: data.title, badge: `${KINDS[data.kind]} · ${data.id}` });
    const live = liveRegion(false);
    const history = h("p", { class: "cw-note" });
    const controls = data.parts.map((part) => PARTS[part.type](part, data.title, live));
    const spots = data.parts.map(() => h("div", {}));
    const below = h("div", {});
    const hints = h("div", { hidden: true });
    const extra = h("div", { hidden: true, class: "cw-panel" });
    let shown = 0;
    let attempts = model.get("attempts") ?? 0;

    const keep = (event, values) => {
      if (inPage && Object.keys(event).length) noteProgress(data.id, data.version, event);
      save(model, values);
    };
    const past = () => {
      const record = inPage ? readAll()[data.id] : null;
      const words = [];
      if (record && record.v !== data.version) words.push("This exercise changed since you solved it.");
      else if (record?.status === "correct") words.push(`Solved before${record.first_ok ? ", at the first try" : ""}.`);
      else if (record?.attempts) words.push(`Tried before: ${record.attempts} ${record.attempts === 1 ? "time" : "times"}.`);
      if (inPage && !isKept()) words.push("Progress is not kept in this browser.");
      history.textContent = words.join(" ");
      history.hidden = !words.length;
    };
    const reveal = (given) => {
      const answers = data.parts.map((part, i) => [part, controls[i]]);
      const said = given === null ? [] : answers.filter(([, one]) => one.said()).map(([part, one]) =>
        h("p", {}, h("strong", {}, "You predicted: "), h("span", part.type === "number" ? {} : { html: one.said() }, part.type === "number" ? one.said() : "")));
      extra.replaceChildren(...(data.kind === "predict" ? said : []), h("div", { html: data.reveal }));
      extra.hidden = !(data.reveal || (data.kind === "predict" && said.length));
    };
    const check = () => {
      const answer = Object.fromEntries(data.parts.map((part, i) => [part.id, controls[i].get()]));
      const result = judge(data, answer);
      const judged = result.status === "correct" || result.status === "incorrect";
      const several = data.parts.length > 1;
      const words = { correct: "Correct", incorrect: "Not yet", invalid: "Cannot judge this yet", not_attempted: "Blank" };
      data.parts.forEach((part, i) => {
        const { status, messages } = result.parts[part.id];
        const lines = messages.map((html) => h("p", { html }));
        spots[i].replaceChildren(verdict(status, several ? words[status] : data.messages[result.status], ...lines));
      });
      below.replaceChildren(several ? verdict(result.status, data.messages[result.status]) : "");
      if (judged) {
        attempts += 1;
        reveal(answer);
        if (result.status === "correct") explain();
      }
      keep(judged ? { status: result.status } : {}, { answer, status: result.status, attempts });
      past();
      history.hidden = true;
      const wrong = data.parts.filter((part) => result.parts[part.id].status !== "correct");
      const said = (wrong.length ? wrong : data.parts).flatMap((part) => result.parts[part.id].messages).map(plainText);
      live.say([data.messages[result.status], ...said, extra.hidden ? "" : plainText(data.reveal)].join(" ").trim());
    };
    const explanation = h("div", { class: "cw-panel", hidden: true });
    const explain = (withKey = false) => {
      explanation.replaceChildren(h("p", { class: "cw-h" }, withKey ? "Answer" : "Why"),
        ...(withKey ? data.parts.map((part) => h("div", { html: `<p>${keyOf(part)}</p>` })) : []), h("div", { html: data.explain }));
      explanation.hidden = !(withKey || data.explain);
    };
    const hint = button(`Hint (${data.hints.length})`, () => {
      if (shown < data.hints.length) {
        hints.append(h("div", { class: "cw-panel" }, h("p", { class: "cw-h" }, `Hint ${shown + 1} of ${data.hints.length}`), h("div", { html: data.hints[shown] })));
        live.say(`Hint ${shown + 1}: ${plainText(data.hints[shown])}`);
        shown += 1;
      }
      hints.hidden = false;
      hint.textContent = shown < data.hints.length ? `Next hint (${data.hints.length - shown})` : "No more hints";
      keep({ hints: shown }, { hints_shown: shown });
    });
    const give = button(data.kind === "predict" ? "Just show me" : "Show the answer", () => {
      reveal(null);
      explain(true);
      keep({ revealed: true }, { revealed: true });
      live.say(`Answer shown. ${plainText(explanation.innerHTML)}`);
    }, "quiet");

    body.append(h("div", { html: data.prompt }));
    if (data.kind === "code") {
      body.append(h("pre", { tabindex: "0", "aria-label": "Program to begin with" }, h("code", {}, data.starter ?? "")),
        h("p", { class: "cw-note" }, "Code is checked in a notebook: open this page with the launch button (the rocket) or in JupyterLab."));
    } else {
      const form = h("form", { class: "cw-body", style: "padding:0", novalidate: true,
        on: { submit: (event) => { event.preventDefault(); check(); }, keydown: (event) => event.stopPropagation() } });
      controls.forEach((control, i) => form.append(control.node, spots[i]));
      const outdate = () => {
        for (const line of form.querySelectorAll(".cw-verdict:not(.stale) strong:first-of-type")) line.prepend("Your earlier answer: ");
        for (const box of form.querySelectorAll(".cw-verdict")) box.classList.add("stale");
      };
      form.addEventListener("input", outdate);
      form.addEventListener("click", (event) => { if (event.target.closest(".cw-order button")) outdate(); });
      form.append(below, h("div", { class: "cw-row" }, h("button", { type: "submit", class: "main" }, data.kind === "predict" ? "Commit my prediction" : "Check"),
        data.hints.length ? hint : null, give));
      body.append(form);
    }
    if (data.kind === "code" && data.hints.length) body.append(h("div", { class: "cw-row" }, hint));
    body.append(hints, extra, explanation, history, live.node);
    past();
    stop();
    stop = inPage ? onProgress(() => attempts || past()) : () => {};
    el.replaceChildren(node);
  };
  let stop = () => {};
  draw();
  const unwatch = watch(model, ["payload"], draw);
  return () => {
    stop();
    unwatch();
  };
}

export default { render };
