// Marks, line styles and a drawing of points over two scales. The table beside it has the numbers.

const SVG = "http://www.w3.org/2000/svg";
export const DASHES = ["", "7 4", "2 4", "9 3 2 3", "1 5", "12 4", "", "4 4"];
export const SIGNS = ["●", "■", "▲", "◆", "✕", "▼", "✚", "○"];

export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The mark of the series with this number, around a point: as SIGNS names it in a legend. */
export function marker(number, x, y) {
  const path = (d) => svg("path", { d });
  return [
    () => svg("circle", { cx: x, cy: y, r: 4.5 }),
    () => svg("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9 }),
    () => path(`M${x} ${y - 6}L${x + 6} ${y + 5}L${x - 6} ${y + 5}Z`),
    () => path(`M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z`),
    () => path(`M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`),
    () => path(`M${x} ${y + 6}L${x + 6} ${y - 5}L${x - 6} ${y - 5}Z`),
    () => path(`M${x - 6} ${y}L${x + 6} ${y}M${x} ${y - 6}L${x} ${y + 6}`),
    () => svg("circle", { cx: x, cy: y, r: 4.5, style: "fill:none" }),
  ][number % 8]();
}

export function words(text, attributes) {
  return Object.assign(svg("text", attributes), { textContent: text });
}

/**
 * Points over two scales. `x` and `y` are {ticks: [[place, text]], name}, `lines` are {points:
 * [[x, y]] or [[x, y, low, high]], kind, mark}. The scales end at the first and last tick; what
 * lies outside is drawn at the edge.
 */
export function chart({ x, y, lines }) {
  const [width, height, left, right, top, bottom] = [560, 320, 66, 40, 34, 56];
  const scale = ({ ticks }, from, to) => {
    const [low, high] = [ticks[0][0], ticks.at(-1)[0]];
    return (value) =>
      from + ((to - from) * (Math.min(high, Math.max(low, value)) - low)) / (high - low || 1);
  };
  const px = scale(x, left, width - right);
  const py = scale(y, height - bottom, top);
  const middle = { "text-anchor": "middle" };
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    ...y.ticks.map(([at, text]) =>
      svg(
        "g",
        {},
        svg("line", { x1: left, x2: width - right, y1: py(at), y2: py(at), class: "cw-grid" }),
        words(text, { x: left - 8, y: py(at) + 4, "text-anchor": "end" }),
      ),
    ),
    ...x.ticks.map(([at, text]) => words(text, { x: px(at), y: height - bottom + 22, ...middle })),
    words(x.name, { x: (left + width - right) / 2, y: height - 5, ...middle }),
    words(y.name, { x: 2, y: 18 }),
    ...lines.map(({ points, kind, mark }) =>
      svg(
        "g",
        { class: `cw-line ${kind} s${mark % 4}` },
        ...points
          .filter(([, , low]) => low !== undefined)
          .map(([a, , low, high]) =>
            svg("line", { x1: px(a), x2: px(a), y1: py(low), y2: py(high) }),
          ),
        svg("polyline", {
          points: points.map(([a, b]) => `${px(a)},${py(b)}`).join(" "),
          "stroke-dasharray": DASHES[mark % DASHES.length],
        }),
        ...points.map(([a, b]) => marker(mark, px(a), py(b))),
      ),
    ),
  );
}
