import { h, button, card, liveRegion, scrollRegion, describeButton, watch } from "./kit/ui/dom.js";
import { fixed, percent } from "./kit/ui/text.js";
import { barCell, barTable } from "./kit/ui/bar.js";

function amount(value, { unit, decimals }) {
  return unit === "percent" ? percent(value) : `${fixed(value, decimals)} ${unit}`.trim();
}

/** How many bars there are and the three largest, as describe_bars in bars.py says them. */
export function describeBars(data) {
  const order = data.values
    .map((_, i) => i)
    .sort((a, b) => data.values[b] - data.values[a])
    .slice(0, 3);
  const said = (values) =>
    order.map((i) => `“${data.labels[i]}” ${amount(values[i], data)}`).join(", ");
  const more = data.other ? ` ${data.names[1]}: ${said(data.other)}.` : "";
  return `${data.values.length} bars. Largest: ${said(data.values)}.${more}`;
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion(false);
    const describe = describeButton(() => `${data.describe} ${describeBars(data)}`.trim());
    const series = data.other ? [data.values, data.other] : [data.values];
    const top = Math.max(...series.flat()) || 1;
    let all = false;
    const region = scrollRegion(data.title);
    const fill = () =>
      region.replaceChildren(
        barTable({
          label: data.label_name,
          names: data.names.slice(0, series.length),
          labels: data.labels.slice(0, all ? undefined : data.shown),
          cells: (i) => [
            ...series.map((values) => h("td", {}, amount(values[i], data))),
            barCell(
              series.map((values, k) => ({ share: values[i] / top, kind: ["one", "two"][k] })),
            ),
          ],
        }),
      );
    fill();
    const more = button(
      `Show all ${data.values.length}`,
      () => {
        all = !all;
        more.textContent = all ? `Show the first ${data.shown}` : `Show all ${data.values.length}`;
        more.setAttribute("aria-expanded", String(all));
        fill();
        live.say(all ? `All ${data.values.length} shown.` : `The first ${data.shown} shown.`);
      },
      "small",
    );
    more.setAttribute("aria-expanded", "false");
    body.append(
      region,
      live.node,
      h("div", { class: "cw-row" }, data.values.length > data.shown ? more : null, describe.button),
      describe.text,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
