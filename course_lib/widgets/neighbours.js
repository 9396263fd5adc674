import {
  h,
  card,
  describeButton,
  liveRegion,
  restarter,
  picker,
  save,
  scrollRegion,
  watch,
} from "./kit/ui/dom.js";
import { fixed, percent } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { barCell, barTable } from "./kit/ui/bar.js";

const NS = "http://www.w3.org/2000/svg";

/** The same sentence as describe_neighbours in neighbours.py. */
export function describeNeighbours(data, i) {
  const near = data.near[i]
    .slice(0, 3)
    .map(([j, cosine]) => `“${data.names[j]}” (${fixed(cosine)})`);
  const flat = data.flat[i][0];
  return (
    `Nearest to “${data.names[i]}” by cosine: ${near.join(", ")}. In the picture the ` +
    `nearest is “${data.names[flat]}”; the picture keeps ${percent(data.kept)} of the variance.`
  );
}

const [LETTER, LINE] = [8, 16]; // room for a letter and a line of a label

/** The labels, from top to bottom, each moved down until it covers none before it. */
export function apart(labels) {
  const placed = [];
  for (const label of [...labels].sort((a, b) => a.y - b.y)) {
    const right = label.x + LETTER * label.text.length;
    let { y } = label;
    const hits = (other) =>
      Math.abs(other.y - y) < LINE &&
      other.x < right &&
      label.x < other.x + LETTER * other.text.length;
    while (placed.some(hits)) y += 2;
    placed.push({ ...label, y, moved: y !== label.y });
  }
  return placed;
}

function scatter(data, i) {
  const [width, height, edge] = [560, 340, 46];
  const xs = data.points.map(([x]) => x);
  const ys = data.points.map(([, y]) => y);
  const scale = (value, all, size) =>
    edge +
    ((size - 2 * edge) * (value - Math.min(...all))) / (Math.max(...all) - Math.min(...all) || 1);
  const make = (tag, attributes, text = "") => {
    const one = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
    one.textContent = text;
    return one;
  };
  const near = new Set(data.near[i].slice(0, 5).map(([j]) => j));
  const labels = [];
  const marks = data.points.flatMap(([px, py], j) => {
    const [x, y] = [scale(px, xs, width), height - scale(py, ys, height)];
    const kind = j === i ? "me" : near.has(j) ? "near" : "far";
    const mark =
      kind === "me"
        ? make("rect", { x: x - 6, y: y - 6, width: 12, height: 12, class: "cw-dot me" })
        : make("circle", { cx: x, cy: y, r: kind === "near" ? 5 : 2.5, class: `cw-dot ${kind}` });
    if (kind !== "far") labels.push({ x: x + 8, y: y + 4, dot: [x, y], text: data.names[j] });
    return [mark];
  });
  for (const { x, y, dot, text, moved } of apart(labels)) {
    if (moved)
      marks.push(make("line", { x1: dot[0], y1: dot[1], x2: x, y2: y - 4, class: "cw-grid" }));
    marks.push(make("text", { x, y }, text));
  }
  const drawing = make("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    "aria-hidden": "true",
  });
  drawing.append(...marks);
  return drawing;
}

function render({ model, el }) {
  const again = restarter(model, ["word", "nearest", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    let at = 0;
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const region = scrollRegion("Nearest words");
    const picture = h("div", {});
    const gateSpot = h("div", {});
    const describe = describeButton(() => describeNeighbours(data, at));
    const fill = () => {
      const near = data.near[at];
      const most = near[0][1] || 1;
      region.replaceChildren(
        barTable({
          label: "nearest by cosine",
          names: ["cosine", "place in the picture"],
          labels: near.map(([j]) => data.names[j]),
          cells: (r) => [
            h("td", {}, fixed(near[r][1])),
            h("td", {}, `${data.flat[at].indexOf(near[r][0]) + 1}`),
            barCell([{ share: Math.max(0, near[r][1] / most), kind: "one" }]),
          ],
        }),
      );
      picture.replaceChildren(
        scatter(data, at),
        h(
          "p",
          { class: "cw-note" },
          `The square is “${data.names[at]}”, the large dots its five nearest words. The ` +
            `picture keeps ${percent(data.kept)} of the variance: near in the picture need not ` +
            `be near.`,
        ),
      );
      describe.update();
      save(model, { word: data.names[at], nearest: data.near[at].map(([j]) => data.names[j]) });
    };
    const open = (values) => {
      const place = values ? data.near[at].findIndex(([j]) => data.names[j] === values.word) : -1;
      const mine = values
        ? place < 0
          ? ` You said “${values.word}”, which is not among the nearest ${data.near[at].length}.`
          : ` You said “${values.word}”: place ${place + 1}.`
        : "";
      gateSpot.hidden = true;
      result.hidden = false;
      fill();
      save(model, { revealed: true });
      live.say(describeNeighbours(data, at) + mine);
      result.focus();
    };
    const ask = () => {
      const options = data.guesses[at].map((j) => [data.names[j], data.names[j]]);
      gateSpot.replaceChildren(
        gate({
          say: live.whisper,
          open,
          text:
            `Which of these is nearest to “${data.names[at]}” in the space of all ` +
            `${data.width} numbers?`,
          fields: [{ name: "word", label: "Nearest word", kind: "choice", options }],
        }).node,
      );
      gateSpot.hidden = false;
      result.hidden = true;
    };
    const pick = picker({
      label: "Word",
      value: at,
      options: data.words.map((i) => [i, data.names[i]]),
      change: (value) => {
        at = Number(value);
        live.say("");
        ask();
      },
    });
    at = data.words[0];
    ask();
    result.append(region, picture, h("div", { class: "cw-row" }, describe.button), describe.text);
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      pick.node,
      gateSpot,
      live.node,
      result,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
