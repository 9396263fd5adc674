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
  watch,
} from "./kit/ui/dom.js";
import { listed, percent, shade } from "./kit/ui/text.js";
import { heatLegend, heatTable } from "./kit/ui/heat.js";
import { strongest, weightsOf } from "./kit/math/maps.js";

/** "“are” gives 61 % to “keys”, …": the same sentence as describe_row in attention_map.py. */
export function describeLook(data, layer, head, query) {
  const weights = weightsOf(data, layer, head, query);
  const parts = strongest(weights, 3).map((j) => `${percent(weights[j])} to ${data.names[j]}`);
  const where =
    head === "mean"
      ? `averaged over the ${data.heads} heads of layer ${layer + 1}`
      : `in layer ${layer + 1}, head ${head + 1}`;
  return `${data.names[query]} gives ${listed(parts)}, ${where}.`;
}

/** The whole row in words. */
export function describeAll(data, layer, head, query) {
  const weights = weightsOf(data, layer, head, query);
  const seen = data.causal ? query + 1 : data.size;
  const all = data.names.slice(0, seen).map((name, j) => `${name} ${percent(weights[j])}`);
  const later = data.size - seen;
  return (
    `${describeLook(data, layer, head, query)} Every word: ` +
    `${listed(all)}.${later ? ` Words that come later, and so are hidden: ${later}.` : ""}`
  );
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion();
    let layer = model.get("layer");
    let head = model.get("head") < 0 ? "mean" : model.get("head");
    let query = model.get("query");
    let open = false;
    let marks = new Set();
    const seenBy = (i) => (data.causal ? i + 1 : data.size);

    const askName = newId("look");
    const asks = data.shown.map((text, i) =>
      h(
        "button",
        {
          type: "button",
          class: "cw-token ask",
          "aria-pressed": "false",
          "aria-label": `${data.names[i]} looks`,
          on: { click: () => choose(i) },
        },
        text,
      ),
    );
    const keys = h("ul", { class: "cw-strip" });
    const keysLabel = h("p", { class: "cw-label", id: askName });
    const revealButton = button("Reveal", () => reveal(true), "main");
    const showButton = button("Just show me", () => reveal(false), "quiet");
    const again = button("Predict for another word", () => {
      open = false;
      marks = new Set();
      live.say("");
      update();
      asks[query].focus();
    });
    const buttons = h("div", { class: "cw-row" });
    const whole = h("details", {}, h("summary", {}, "The whole map as a table"), h("div", {}));
    const glance = h("details", {}, h("summary", {}, "Every head at a glance"), h("div", {}));
    const describe = describeButton(() => describeAll(data, layer, head, query));

    const choose = (i) => {
      query = i;
      if (!open) marks = new Set();
      update();
      if (open) say();
    };
    const say = () => {
      const weights = weightsOf(data, layer, head, query);
      const sum = [...marks]
        .filter((j) => j < seenBy(query))
        .reduce((total, j) => total + weights[j], 0);
      const marked = marks.size
        ? ` You marked ${listed([...marks].sort((a, b) => a - b).map((j) => data.names[j]))}: ` +
          `together ${percent(sum)}.`
        : "";
      const truth = data.truth[query]?.length
        ? ` The sentence itself asks for ${listed(data.truth[query].map((j) => data.names[j]))}.`
        : "";
      live.say(describeLook(data, layer, head, query) + marked + truth);
    };
    const reveal = () => {
      open = true;
      update();
      say();
      again.focus();
    };
    const keyToken = (text, j, weights) => {
      if (!open) {
        return h(
          "button",
          {
            type: "button",
            class: "cw-token",
            disabled: j >= seenBy(query),
            "aria-pressed": String(marks.has(j)),
            "aria-label":
              j >= seenBy(query)
                ? `${data.names[j]}, comes later, hidden`
                : `${data.names[j]} will matter`,
            on: {
              click: (event) => {
                marks.has(j) ? marks.delete(j) : marks.add(j);
                event.currentTarget.setAttribute("aria-pressed", String(marks.has(j)));
              },
            },
          },
          text,
        );
      }
      const kinds = [
        "cw-token",
        j < seenBy(query) && `sh${shade(weights[j])}`,
        marks.has(j) && "marked",
        data.truth[query]?.includes(j) && "asked",
      ];
      return h(
        "span",
        { class: kinds.filter(Boolean).join(" ") },
        h("span", {}, text),
        h("small", {}, j < seenBy(query) ? percent(weights[j]) : "hidden"),
        marks.has(j) ? h("small", {}, "marked") : null,
      );
    };
    const fillWhole = () => {
      if (!whole.open) return;
      const rows = data.shown.map((_, i) => weightsOf(data, layer, head, i));
      whole.lastElementChild.replaceChildren(
        scrollRegion(
          "Attention weights, from each word to each word",
          heatTable({
            corner: "from ↓ to →",
            rows: data.shown,
            columns: data.shown,
            kind: "cw-heat by-query to-key",
            cell: (i, j) =>
              j < seenBy(i)
                ? h("td", { class: `sh${shade(rows[i][j])}` }, percent(rows[i][j]))
                : h("td", { class: "gone" }, "hidden"),
          }),
        ),
      );
    };
    const fillGlance = () => {
      if (!glance.open) return;
      const rows = data.packed.flatMap((heads, l) => heads.map((_, k) => [l, k]));
      const best = rows.map(([l, k]) => {
        const weights = weightsOf(data, l, k, query);
        return strongest(weights, 3).map((j) => [
          weights[j],
          `${data.shown[j]} ${percent(weights[j])}`,
        ]);
      });
      glance.lastElementChild.replaceChildren(
        scrollRegion(
          "Strongest links of every head",
          heatTable({
            corner: `${data.shown[query]} looks at`,
            rows: rows.map(([l, k]) => `layer ${l + 1}, head ${k + 1}`),
            columns: ["most", "then", "then"],
            cell: (i, j) =>
              best[i][j]
                ? h("td", { class: `sh${shade(best[i][j][0])}` }, best[i][j][1])
                : h("td", {}, "–"),
          }),
        ),
      );
    };
    const update = () => {
      asks.forEach((token, i) => token.setAttribute("aria-pressed", String(i === query)));
      keysLabel.textContent = open
        ? `Where ${data.names[query]} looks`
        : `Mark the words that should matter to ${data.names[query]}`;
      const weights = weightsOf(data, layer, head, query);
      keys.replaceChildren(...data.shown.map((text, j) => h("li", {}, keyToken(text, j, weights))));
      buttons.replaceChildren(...(open ? [again] : [revealButton, showButton]), describe.button);
      describe.button.hidden = !open;
      if (!open) describe.text.hidden = true;
      legend.hidden = glance.hidden = whole.hidden = !open;
      describe.update();
      fillWhole();
      fillGlance();
      save(model, {
        layer,
        head: head === "mean" ? -1 : head,
        query,
        revealed: open,
        marked: [...marks].sort((a, b) => a - b),
      });
    };
    const legend = heatLegend(0, 1, percent);
    whole.addEventListener("toggle", fillWhole);
    glance.addEventListener("toggle", fillGlance);
    const move = () => {
      update();
      if (open) say();
    };
    const layerPick = picker({
      label: "Layer",
      value: layer,
      options: data.packed.map((_, l) => [l, `${l + 1} of ${data.packed.length}`]),
      change: (value) => {
        layer = Number(value);
        move();
      },
    });
    const headPick = picker({
      label: "Head",
      value: head,
      options: [
        ["mean", "average of all heads"],
        ...Array.from({ length: data.heads }, (_, k) => [k, `${k + 1} of ${data.heads}`]),
      ],
      change: (value) => {
        head = value === "mean" ? value : Number(value);
        move();
      },
    });
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      h("div", { class: "cw-row end" }, layerPick.node, headPick.node),
      h(
        "fieldset",
        {},
        h("legend", {}, "The word that looks"),
        h("div", { class: "cw-strip" }, asks),
      ),
      h("div", { role: "group", "aria-labelledby": askName }, keysLabel, keys),
      buttons,
      legend,
      live.node,
      describe.text,
      glance,
      whole,
    );
    update();
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
