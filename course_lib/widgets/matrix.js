import { h, card, liveRegion, scrollRegion, describeButton, watch } from "./kit/ui/dom.js";
import { fixed, short, listed } from "./kit/ui/text.js";
import { heatCell, heatLegend, heatTable } from "./kit/ui/heat.js";

/** Size, largest and smallest value, as describe_matrix in matrix.py says them. */
export function describeMatrix({ values, rows, columns, decimals }) {
  const known = values
    .flatMap((row, i) => row.map((value, j) => [value, i, j]))
    .filter(([value]) => value !== null);
  const size = `A table of ${rows.length} rows and ${columns.length} columns.`;
  if (!known.length) return `${size} Every value is hidden.`;
  const top = known.reduce((a, b) => (b[0] > a[0] ? b : a));
  const low = known.reduce((a, b) => (b[0] < a[0] ? b : a));
  const hidden = rows.length * columns.length - known.length;
  const at = ([value, i, j]) =>
    `${fixed(value, decimals)} in row “${rows[i]}”, column “${columns[j]}”`;
  return (
    `${size} Largest: ${at(top)}. Smallest: ` +
    `${at(low)}.${hidden ? ` Hidden values: ${hidden}.` : ""}`
  );
}

/** One row as a sentence, largest value first. */
export function describeRow({ values, rows, columns, decimals }, i) {
  const known = values[i]
    .map((value, j) => [value, columns[j]])
    .filter(([value]) => value !== null);
  const best = known
    .sort((a, b) => b[0] - a[0])
    .slice(0, 3)
    .map(([value, name]) => `${fixed(value, decimals)} at “${name}”`);
  const rest = values[i].length - best.length;
  if (!best.length) return `Row “${rows[i]}”: every value is hidden.`;
  return `Row “${rows[i]}”: ${listed(best)}${rest ? `; ${rest} more` : ""}.`;
}

function render({ model, el }) {
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data);
    const live = liveRegion();
    const describe = describeButton(() => `${data.describe} ${describeMatrix(data)}`.trim());
    const table = heatTable({
      corner: data.corner,
      rows: data.rows,
      columns: data.columns,
      cell: (i, j) => heatCell(data.values[i][j], data),
      rowHead: (i) =>
        h(
          "button",
          { type: "button", "aria-pressed": "false", on: { click: () => focus(i) } },
          data.rows[i],
        ),
    });
    const lines = [...table.tBodies[0].rows];
    let current = -1;
    const focus = (i) => {
      current = current === i ? -1 : i;
      lines.forEach((line, j) => {
        line.classList.toggle("on", j === current);
        line.querySelector("button").setAttribute("aria-pressed", String(j === current));
      });
      live.say(current < 0 ? "" : describeRow(data, current));
    };
    body.append(
      scrollRegion(data.title, table),
      heatLegend(data.low, data.high, (value) => short(value, data.decimals)),
      live.node,
      h(
        "div",
        { class: "cw-row" },
        describe.button,
        h("span", { class: "cw-note" }, "Choose a row's name to read that row."),
      ),
      describe.text,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
