import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  picker,
  restarter,
  save,
  scrollRegion,
  watch,
} from "./kit/ui/dom.js";
import { grouped, percent } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { funnelOf } from "./kit/math/funnel.js";

const SHOWN = 3;

function wordsOf(data) {
  return Math.max(
    1,
    data.words.reduce((sum, n) => sum + n, 0),
  );
}

/** The same sentence as describe_funnel in data_funnel.py. */
export function describeFunnel(data, order) {
  const total = wordsOf(data);
  const said = `${grouped(data.words.length)} pages with ${grouped(total)} words`;
  const stages = funnelOf(data, order);
  if (!stages.length) return `No filter is on: all ${said} are left.`;
  const steps = stages.map(
    (one) =>
      `after “${one.name}” ${grouped(one.pages)} pages and ${percent(one.words / total)} of the ` +
      `words, ${grouped(one.wrong.length)} good pages dropped`,
  );
  return `Of ${said}: ${steps.join("; ")}.`;
}

function render({ model, el }) {
  const again = restarter(model, ["order", "kept", "predicted", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    const total = wordsOf(data);
    let row = [...data.order]; // every filter, in the reader's order
    const off = new Set();
    let asked = data.order[0];
    const on = () => row.filter((name) => !off.has(name));
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const region = scrollRegion("The funnel");
    const dropped = h("div", { class: "cw-panel" });
    const describe = describeButton(() => describeFunnel(data, on()));
    const left = (stages) => stages.at(-1)?.words ?? total;

    const showDropped = (stages) => {
      const one = stages.find(({ name }) => name === asked);
      const wrong = one?.wrong ?? [];
      dropped.replaceChildren(
        h(
          "p",
          {},
          one
            ? `“${asked}” drops ${one.dropped} pages here, ${wrong.length} of them good.` +
                (wrong.length > SHOWN ? ` The first ${SHOWN}:` : "")
            : `“${asked}” is off.`,
        ),
        wrong.length
          ? h(
              "ul",
              {},
              wrong
                .slice(0, SHOWN)
                .map((i) =>
                  h(
                    "li",
                    {},
                    h("strong", {}, `${data.groups[i]}: `),
                    data.texts[i],
                    h("br"),
                    h("span", { class: "cw-note" }, data.why[asked][i]),
                  ),
                ),
            )
          : "",
      );
    };
    const fill = () => {
      const stages = funnelOf(data, on());
      const of = (name) => stages.find((one) => one.name === name);
      const act = (name, what, text, disabled, change) =>
        h(
          "button",
          {
            type: "button",
            class: "small quiet",
            "data-at": `${what} ${name}`,
            "aria-label": `${name}: ${what}`,
            "aria-disabled": disabled ? "true" : null,
            on: {
              click: () => {
                if (disabled) return;
                change();
                refresh(`${what} ${name}`);
              },
            },
          },
          text,
        );
      const swap = (i, j) => ([row[i], row[j]] = [row[j], row[i]]);
      region.replaceChildren(
        barTable({
          label: "filter",
          names: ["on", "order", "pages left", "words left", "dropped", "good ones among them"],
          labels: row,
          cells: (i) => {
            const name = row[i];
            const one = of(name);
            const box = h("input", {
              type: "checkbox",
              checked: !off.has(name),
              "data-at": `on ${name}`,
              "aria-label": `${name} is on`,
              on: {
                change: () => {
                  if (!off.delete(name)) off.add(name);
                  refresh(`on ${name}`);
                },
              },
            });
            return [
              h("td", {}, h("label", { class: "cw-choice" }, box)),
              h(
                "td",
                {},
                act(name, "earlier", "↑", i === 0, () => swap(i, i - 1)),
                act(name, "later", "↓", i === row.length - 1, () => swap(i, i + 1)),
              ),
              ...(one
                ? [one.pages, percent(one.words / total), one.dropped, one.wrong.length]
                : ["–", "–", "–", "–"]
              ).map((value) => h("td", {}, String(value))),
              barCell([{ share: one ? one.words / total : 0, kind: "one" }]),
            ];
          },
        }),
      );
      showDropped(stages);
      describe.update();
      save(model, { order: on(), kept: left(stages) / total });
      return stages;
    };
    const refresh = (at) => {
      const stages = fill();
      region.querySelector(`[data-at="${CSS.escape(at)}"]`)?.focus();
      const wrong = stages.reduce((sum, one) => sum + one.wrong.length, 0);
      live.say(
        `${percent(left(stages) / total)} of the words left, ${wrong} good pages dropped.`,
        200,
      );
    };
    const said = h("p", { class: "cw-panel" });
    const open = (values, texts) => {
      ask.node.hidden = true;
      result.hidden = false;
      const stages = fill();
      const most = Math.max(...stages.map((one) => one.wrong.length));
      const worst = stages.filter((one) => one.wrong.length === most).map((one) => `“${one.name}”`);
      const guess = values
        ? `You predicted ${percent(values.share)}, and most good pages dropped by ` +
          `“${values.worst}”. `
        : "";
      const text =
        `${guess}${percent(left(stages) / total)} of the words are left. ` +
        (most
          ? `Most good pages are dropped by ${worst.join(" and ")}: ${most}.`
          : "No good page is dropped.");
      said.textContent = text;
      live.whisper(text);
      save(model, { revealed: true, predicted: texts ?? {} });
      result.focus();
    };
    const ask = gate({
      say: live.whisper,
      open,
      text:
        `${grouped(data.words.length)} pages with ${grouped(total)} words go through ` +
        `${data.order.length} filters: ${data.order.join(", ")}. ` +
        `${grouped(data.keep.filter(Boolean).length)} of the pages are good.`,
      fields: [
        { name: "share", label: "Percent of the words left at the end", kind: "percent" },
        {
          name: "worst",
          label: "The filter that drops most good pages",
          kind: "choice",
          options: data.order.map((name) => [name, name]),
        },
      ],
    });
    const pick = picker({
      label: "Good pages dropped by",
      value: asked,
      options: data.order.map((name) => [name, name]),
      change: (name) => {
        asked = name;
        showDropped(funnelOf(data, on()));
        live.whisper(dropped.innerText);
      },
    });
    result.append(
      said,
      region,
      live.node,
      pick.node,
      dropped,
      h(
        "div",
        { class: "cw-row" },
        button("All filters, as at first", () => {
          row = [...data.order];
          off.clear();
          refresh(`on ${row[0]}`);
        }),
        describe.button,
      ),
      describe.text,
    );
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, result);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
