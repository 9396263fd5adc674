import {
  h,
  card,
  describeButton,
  liveRegion,
  restarter,
  save,
  scrollRegion,
  watch,
} from "./kit/ui/dom.js";
import { fixed, percent, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { heatTable } from "./kit/ui/heat.js";
import { DASHES, SIGNS, marker, svg, words } from "./kit/ui/plot.js";

function amountOf(value, { unit, decimals }) {
  return unit === "percent" ? percent(value) : `${fixed(value, decimals)} ${unit}`.trim();
}

/** First and last value of each measured series: the same as describe_curve in curve.py. */
export function describeCurve(data) {
  const from = data.x[0];
  const to = data.x.at(-1);
  return data.series
    .map(({ name, mean }) => {
      const best = mean.indexOf(data.better === "low" ? Math.min(...mean) : Math.max(...mean));
      return (
        `${name}: ${amountOf(mean[0], data)} at ${from}, ${amountOf(mean.at(-1), data)} at ` +
        `${to}; ` +
        `${data.better === "low" ? "lowest" : "highest"} at ${data.x[best]}.`
      );
    })
    .join(" ");
}

/** Where each x stands, 0 to 1: to scale, or evenly where that would put two on one spot. */
export function placesOf(x) {
  const span = Math.max(...x) - Math.min(...x);
  const places = x.map((value) => (value - Math.min(...x)) / span);
  const gaps = places.slice(1).map((place, i) => place - places[i]);
  const last = Math.max(1, x.length - 1);
  return gaps.every((gap) => gap >= 0.06) ? places : x.map((_, i) => i / last);
}

/**
 * The drawing: one line style and one marker for each series; the table beside it holds the
 * numbers.
 */
function plot(data, lines) {
  const [width, height, left, right, top, bottom] = [560, 260, 58, 14, 14, 40];
  const all = lines.flatMap(({ mean, low, high }) => [...mean, ...(low ?? []), ...(high ?? [])]);
  const min = Math.min(...all, data.unit === "percent" ? 0 : Infinity);
  const max = Math.max(...all);
  const across = placesOf(data.x);
  const px = (i) => left + (width - left - right) * across[i];
  const py = (value) =>
    height - bottom - ((height - top - bottom) * (value - min)) / (max - min || 1);
  const axis = [min, (min + max) / 2, max].map((value) =>
    svg(
      "g",
      {},
      svg("line", { x1: left, x2: width - right, y1: py(value), y2: py(value), class: "cw-grid" }),
      words(amountOf(value, data), { x: left - 8, y: py(value) + 4, "text-anchor": "end" }),
    ),
  );
  const ticks = data.x.map((value, i) =>
    words(value, { x: px(i), y: height - bottom + 18, "text-anchor": "middle" }),
  );
  const middle = (left + width - right) / 2;
  const name = words(data.x_name, { x: middle, y: height - 4, "text-anchor": "middle" });
  const drawn = lines.map(({ mean, low, high, kind }, s) =>
    svg(
      "g",
      { class: `cw-line ${kind} s${s % 4}` },
      ...(low
        ? mean.map((_, i) => svg("line", { x1: px(i), x2: px(i), y1: py(low[i]), y2: py(high[i]) }))
        : []),
      svg("polyline", {
        points: mean.map((value, i) => `${px(i)},${py(value)}`).join(" "),
        "stroke-dasharray": DASHES[s % DASHES.length],
      }),
      ...mean.map((value, i) => marker(s, px(i), py(value))),
    ),
  );
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    ...axis,
    ...ticks,
    name,
    ...drawn,
  );
}

function render({ model, el }) {
  const again = restarter(model, ["predicted", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const describe = describeButton(() => describeCurve(data));
    const open = (values) => {
      const guess = values && data.x.map((_, i) => values[`x${i}`]);
      const lines = [
        ...data.series.map((one) => ({ ...one, kind: "measured" })),
        ...(guess ? [{ name: "your prediction", mean: guess, kind: "guess" }] : []),
      ];
      const gap = guess
        ? guess.reduce((sum, value, i) => sum + Math.abs(value - data.series[0].mean[i]), 0) /
          guess.length
        : 0;
      const off =
        data.unit === "percent" ? `${short(100 * gap, 0)} percentage points` : amountOf(gap, data);
      const said =
        (guess ? `Your prediction is off by ${off} on average. ` : "") + describeCurve(data);
      const text = ({ mean, low, high }, i) =>
        amountOf(mean[i], data) +
        (low ? ` (${amountOf(low[i], data)} to ${amountOf(high[i], data)})` : "");
      result.replaceChildren(
        plot(data, lines),
        h(
          "ul",
          { class: "cw-legend", style: "list-style:none;padding:0;margin:0" },
          lines.map(({ name }, s) =>
            h(
              "li",
              {},
              `${SIGNS[s % SIGNS.length]} ${name}${DASHES[s % DASHES.length] ? " (dashed)" : ""}`,
            ),
          ),
        ),
        scrollRegion(
          data.title,
          heatTable({
            corner: data.x_name,
            rows: data.x.map(String),
            columns: lines.map(({ name }) => name),
            kind: "",
            cell: (i, s) => h("td", {}, text(lines[s], i)),
          }),
        ),
        h("div", { class: "cw-row" }, describe.button),
        describe.text,
      );
      result.hidden = false;
      ask.node.hidden = true;
      save(model, { predicted: guess ?? [], revealed: true });
      live.say(said);
      result.focus();
    };
    const ask = gate({
      text: data.question,
      say: live.whisper,
      open,
      fields: data.x.map((value, i) => ({
        name: `x${i}`,
        label: `${data.x_name}: ${value}`,
        kind: data.unit === "percent" ? "percent" : "number",
      })),
    });
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, live.node, result);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
