import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  passFocus,
  picker,
  restarter,
  save,
  scrollRegion,
  slider,
  watch,
} from "./kit/ui/dom.js";
import { fixed, listed } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { DASHES, svg, words } from "./kit/ui/plot.js";
import { heldAt, peakOf } from "./kit/math/moments.js";

function both({ parameters }, size) {
  return `${fixed(size / 1e6, 1)} MB, ${fixed(size / parameters, 1)} a parameter`;
}

function most(stage) {
  const [phase, stretch] = peakOf(stage);
  return stage.held[phase][stretch];
}

/** The same sentence as question_of in step_memory.py. */
export function stepQuestion({ stages }) {
  return (
    "In which part of the step does one rank hold the most, at each stage? And how many bytes " +
    `a parameter is that under ${stages[0].name}?`
  );
}

/** The same sentence as describe_step in step_memory.py. */
export function describeStep(data) {
  const parts = data.stages.map(
    (one) =>
      `${one.name} from ${fixed(one.floor / 1e6, 1)} MB between steps to ` +
      `${both(data, most(one))} in ${data.phases[peakOf(one)[0]]}`,
  );
  return `One rank holds, at its peak: ${listed(parts)}.`;
}

/** The same sentences as describe_moment in step_memory.py. */
export function describeMoment(data, stage, moment) {
  const one = data.stages[stage];
  const [phase, stretch, size] = heldAt(one, moment);
  const peak = peakOf(one);
  const end = phase === peak[0] && stretch === peak[1] ? " This is its peak." : "";
  const above = size - one.floor;
  const more = `${fixed(Math.abs(above) / 1e6, 1)} MB ${above >= 0 ? "more" : "less"} than`;
  return (
    `${data.phases[phase]}, stretch ${stretch + 1} of ${one.held[0].length}: ${one.name} holds ` +
    `${both(data, size)}, ${more} between steps.${end}`
  );
}

/** A line for each stage over the step, and a mark at the moment; the table has the numbers. */
function lines(data, chosen, moment) {
  const [width, height, left, right, top, bottom] = [560, 260, 52, 12, 28, 44];
  const n = data.stages[0].held[0].length;
  const all = n * data.phases.length;
  const high = 1.05 * Math.max(...data.stages.map(most));
  const x = (at) => left + ((width - left - right) * (at + 0.5)) / all;
  const y = (size) => height - bottom - ((height - bottom - top) * size) / high;
  const middle = { "text-anchor": "middle" };
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    words("MB", { x: 2, y: 18 }),
    ...[0, 0.5, 1].map((share) =>
      svg(
        "g",
        {},
        svg("line", {
          x1: left,
          x2: width - right,
          y1: y(share * high),
          y2: y(share * high),
          class: "cw-grid",
        }),
        words(fixed((share * high) / 1e6, 0), {
          x: left - 6,
          y: y(share * high) + 4,
          "text-anchor": "end",
        }),
      ),
    ),
    ...data.phases.map((name, i) =>
      words(name, { x: x(n * (i + 0.5) - 0.5), y: height - 24, ...middle }),
    ),
    ...data.stages.map((stage, i) =>
      svg(
        "g",
        { class: `cw-line measured s${i % 4}` },
        svg("polyline", {
          points: stage.held
            .flat()
            .map((size, at) => `${x(at)},${y(size)}`)
            .join(" "),
          "stroke-dasharray": DASHES[i],
          style: i === chosen ? "stroke-width:3.5" : "",
        }),
      ),
    ),
    svg("line", {
      x1: x(moment),
      x2: x(moment),
      y1: top,
      y2: height - bottom,
      style: "stroke:var(--cw-fg)",
    }),
    words("▲ now", { x: x(moment), y: height - 6, ...middle }),
  );
}

function render({ model, el }) {
  const again = restarter(model, ["stage", "moment", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    const n = data.stages[0].held[0].length;
    const last = n * data.phases.length - 1;
    let stage = 0;
    let moment = 0;
    const picture = h("div", {});
    const region = scrollRegion("What each stage holds now");
    const said = h("p", { class: "cw-panel" });
    const describe = describeButton(() => describeStep(data));
    const high = Math.max(...data.stages.map(most));
    const fill = () => {
      picture.replaceChildren(lines(data, stage, moment));
      region.replaceChildren(
        barTable({
          label: "stage",
          names: ["MB held", "bytes a parameter"],
          labels: data.stages.map(({ name }) => name),
          cells: (i) => {
            const [, , size] = heldAt(data.stages[i], moment);
            return [
              h("td", {}, fixed(size / 1e6, 1)),
              h("td", {}, fixed(size / data.parameters, 1)),
              barCell([{ share: size / high, kind: i === stage ? "one" : "two" }]),
            ];
          },
        }),
      );
      back.disabled = moment === 0;
      next.disabled = moment === last;
      save(model, { stage, moment });
    };
    const go = (to) => {
      moment = Math.max(0, Math.min(last, to));
      at.set(moment);
      fill();
      passFocus(next, back);
      live.say(describeMoment(data, stage, moment), 150);
    };
    const back = button("← Step back", () => go(moment - 1));
    const next = button("Next step →", () => go(moment + 1), "main");
    const peak = button(
      "To the peak",
      () => {
        const [phase, stretch] = peakOf(data.stages[stage]);
        go(phase * n + stretch);
      },
      "quiet",
    );
    const at = slider({
      label: "Moment of the step",
      min: 0,
      max: last,
      step: 1,
      value: 0,
      words: (value) => {
        const [phase, stretch] = heldAt(data.stages[0], value);
        return `${data.phases[phase]}, stretch ${stretch + 1} of ${n}`;
      },
      change: (value) => {
        moment = value;
        fill();
        live.say(describeMoment(data, stage, moment), 400);
      },
    });
    const which = picker({
      label: "Stage",
      options: data.stages.map(({ name }, i) => [i, name]),
      value: 0,
      change: (value) => {
        stage = Number(value);
        go(moment);
      },
    });
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const open = (values) => {
      const parts = data.stages.map((one, i) => {
        const right = peakOf(one)[0];
        const mine = values ? Number(values[`peak${i}`]) : null;
        const you = mine === null || mine === right ? "" : `, where you said ${data.phases[mine]}`;
        return `${one.name} in ${data.phases[right]}${you}`;
      });
      const truth = fixed(most(data.stages[0]) / data.parameters, 1);
      const bytes = values
        ? ` You wrote ${fixed(values.bytes, 1)} bytes a parameter; it is ${truth}`
        : ` It is ${truth} bytes a parameter`;
      const line = `The peak lies: ${listed(parts)}.${bytes} under ${data.stages[0].name}.`;
      said.textContent = line;
      ask.node.hidden = true;
      result.hidden = false;
      save(model, { revealed: true });
      live.whisper(line);
      result.focus();
    };
    const ask = gate({
      say: live.whisper,
      open,
      text: stepQuestion(data),
      fields: [
        ...data.stages.map(({ name }, i) => ({
          name: `peak${i}`,
          label: `${name}: the peak is in`,
          kind: "choice",
          options: data.phases.map((phase, k) => [k, phase]),
        })),
        { name: "bytes", label: "Bytes a parameter", kind: "number", low: 0, high: 1000 },
      ],
    });
    fill();
    result.append(
      said,
      h("div", { class: "cw-row" }, which.node, back, next, peak, describe.button),
      describe.text,
      at.node,
      picture,
      h(
        "p",
        { class: "cw-legend" },
        data.stages.map(({ name }, i) => h("span", {}, `${["━", "╌", "┄", "─ ·"][i]} ${name}`)),
      ),
      region,
    );
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, result, live.node);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
