import {
  h,
  card,
  describeButton,
  liveRegion,
  restarter,
  radios,
  save,
  scrollRegion,
  slider,
  watch,
} from "./kit/ui/dom.js";
import { fixed } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { heatCell, heatTable } from "./kit/ui/heat.js";
import { arrowPicture, degrees, describeArrows } from "./kit/ui/arrows.js";
import { positionDot, positionRow, SPEED, turnedPair } from "./kit/math/waves.js";

/** The same sentences as describe_rows in position_rows.py and describe_arrows. */
export function describePositions(a, b, shift, width) {
  return (
    `Positions ${a} and ${b} have the dot product ${fixed(positionDot(a, b, width))}. Both ` +
    `moved by ${shift}: positions ${a + shift} and ${b + shift} have ` +
    `${fixed(positionDot(a + shift, b + shift, width))}. Same distance, same product. ` +
    describeArrows(a, b, shift)
  );
}

function render({ model, el }) {
  const again = restarter(
    model,
    ["a", "b", "shift", "dot", "dot_moved", "same_bag", "revealed"],
    el,
    () => draw(),
  );
  const draw = () => {
    const data = model.get("payload");
    const { width, n } = data;
    const { node, body } = card(data, again);
    const live = liveRegion();
    const at = { a: data.a, b: data.b, shift: data.shift };
    let waves = true;
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const rowsSpot = scrollRegion("The rows");
    const dotSpot = scrollRegion("Dot product by distance");
    const arrows = h("div", {});
    const anglesSpot = scrollRegion("A query and a key, turned");
    const bag = h("div", { class: "cw-panel" });
    const describe = describeButton(() => describePositions(at.a, at.b, at.shift, width));
    const row = (position) => (waves ? positionRow(position, width) : new Array(width).fill(0));
    const dot = (a, b) => (waves ? positionDot(a, b, width) : 0);
    const fill = () => {
      const named = [at.a, at.b, at.a + at.shift, at.b + at.shift];
      rowsSpot.replaceChildren(
        heatTable({
          corner: "position",
          rows: named.map((one, i) => `${one}${i > 1 ? " (moved)" : ""}`),
          columns: Array.from(
            { length: width },
            (_, i) => `${i < width / 2 ? "sin" : "cos"} ${(i % (width / 2)) + 1}`,
          ),
          cell: (i, c) => heatCell(row(named[i])[c], { low: -1, high: 1 }),
        }),
      );
      const distances = Array.from({ length: Math.min(n, 17) }, (_, d) => d);
      dotSpot.replaceChildren(
        barTable({
          label: "distance",
          names: [`from ${at.a}`, `from ${at.a + at.shift}`],
          labels: distances.map(String),
          cells: (d) => {
            const pair = [dot(at.a, at.a + d), dot(at.a + at.shift, at.a + at.shift + d)];
            return [
              ...pair.map((value) => h("td", {}, fixed(value))),
              barCell(
                pair.map((value, i) => ({
                  share: Math.max(0, value) / (width / 2),
                  kind: ["one", "two"][i],
                })),
              ),
            ];
          },
        }),
      );
      const speed = waves ? SPEED : 0;
      const pairs = [
        [at.b, at.a],
        [at.b + at.shift, at.a + at.shift],
      ];
      arrows.innerHTML = arrowPicture(pairs, speed);
      anglesSpot.replaceChildren(
        heatTable({
          corner: "query and key at",
          rows: pairs.map(([t, s], i) => `${t} and ${s}${i ? " (moved)" : ""}`),
          columns: ["query turned to", "key turned to", "between"],
          kind: "",
          cell: (i, c) => {
            const { query, key, between } = turnedPair(...pairs[i], speed);
            return h("td", {}, degrees([query, key, between][c]));
          },
        }),
      );
      const sum = (words) => words.map((word, i) => word.map((value, c) => value + row(i)[c]));
      const toy = {
        dog: row(40).map((x) => x + 0.5),
        bites: row(41).map((x) => x - 0.25),
        man: row(42).map((x) => x + 0.1),
      };
      const key = (words) =>
        words
          .map((word) => word.map((x) => x.toFixed(6)).join())
          .sort()
          .join(";");
      const same =
        key(sum([toy.dog, toy.bites, toy.man])) === key(sum([toy.man, toy.bites, toy.dog]));
      bag.replaceChildren(
        h(
          "p",
          {},
          "“dog bites man” and “man bites dog”: ",
          h("strong", {}, same ? "the same set of vectors" : "different vectors"),
          same
            ? ". Without positions, attention without a mask cannot tell them apart."
            : ". Each word carries its place, so the two differ.",
        ),
      );
      describe.update();
      save(model, {
        a: at.a,
        b: at.b,
        shift: at.shift,
        dot: dot(at.a, at.b),
        dot_moved: dot(at.a + at.shift, at.b + at.shift),
        same_bag: same,
      });
      return same;
    };
    const change = () => {
      const same = fill();
      live.say(
        waves
          ? describePositions(at.a, at.b, at.shift, width)
          : `No positions: every row is zero, no arrow turns, and the two sentences are ` +
              `${same ? "the same set" : "different"}.`,
        400,
      );
    };
    const moving = (label, name, max) =>
      slider({
        label,
        min: 0,
        max,
        step: 1,
        value: at[name],
        words: (x) => `${label} ${x}`,
        change: (x) => {
          at[name] = Math.round(x);
          change();
        },
      });
    const choice = radios({
      legend: "Positions",
      value: "waves",
      options: [
        ["waves", "sinusoidal, rotary"],
        ["none", "no positions"],
      ],
      change: (value) => {
        waves = value === "waves";
        change();
      },
    });
    const words = { same: "it stays the same", up: "it grows", down: "it shrinks" };
    const open = (values) => {
      const mine = values ? ` You predicted: ${words[values.dot]}.` : "";
      const text = describePositions(at.a, at.b, at.shift, width) + mine;
      said.textContent = text;
      ask.node.hidden = true;
      result.hidden = false;
      fill();
      save(model, { revealed: true });
      live.whisper(text);
      result.focus();
    };
    const said = h("p", { class: "cw-panel" });
    const ask = gate({
      say: live.whisper,
      open,
      text:
        `Take the rows of positions ${at.a} and ${at.b} and move both by ${at.shift}. What ` +
        `happens to their dot product?`,
      fields: [
        { name: "dot", label: "The dot product", kind: "choice", options: Object.entries(words) },
      ],
    });
    result.append(
      said,
      h(
        "div",
        { class: "cw-sliders" },
        moving("First position", "a", n - 1).node,
        moving("Second position", "b", n - 1).node,
        moving("Shift of both", "shift", 20).node,
        choice,
      ),
      live.node,
      rowsSpot,
      arrows,
      anglesSpot,
      dotSpot,
      bag,
      h("div", { class: "cw-row" }, describe.button),
      describe.text,
    );
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, result);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
