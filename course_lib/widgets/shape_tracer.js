import {
  h,
  button,
  card,
  describeButton,
  liveRegion,
  restarter,
  newId,
  picker,
  save,
  scrollRegion,
  verdict,
  watch,
} from "./kit/ui/dom.js";
import { grouped, percent } from "./kit/ui/text.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { heatTable } from "./kit/ui/heat.js";
import { partsOf, shapeFault, sizesOf, stopsOf } from "./kit/math/shapes.js";

/** The same sentence as describe_shapes in shape_tracer.py. */
export function describeShapes(config, size) {
  const parts = Object.entries(partsOf(config));
  const total = parts.reduce((sum, [, count]) => sum + count, 0);
  const [most, count] = parts.reduce((a, b) => (b[1] > a[1] ? b : a));
  const stops = stopsOf(config, size).map(({ name, shape }) => `${name} ${shape.join(" × ")}`);
  return (
    `${grouped(total)} parameters, most of them (${percent(count / total)}) in ${most}. ` +
    `Stops: ${stops.join("; ")}.`
  );
}

function render({ model, el }) {
  const again = restarter(model, ["preset", "config", "opened", "total"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    let name = data.order[0];
    let config = { ...data.presets[name] };
    const size = { ...data.size };
    let opened = 0;
    const stopsSpot = h("div", {});
    const partsSpot = scrollRegion("Parameters by part");
    const trouble = h("div", {});
    const inputs = h("div", { class: "cw-row end" });
    const describe = describeButton(() =>
      opened >= stops().length
        ? describeShapes(config, size)
        : `${opened} of ${stops().length} stops are shown.`,
    );
    const stops = () => stopsOf(config, size);
    const sizes = () => ({ ...sizesOf(config), ...size });

    const fill = () => {
      const all = stops();
      const shown = all.slice(0, opened);
      const table = heatTable({
        corner: "stop",
        rows: shown.map((one, i) => `${i + 1}. ${one.name}`),
        columns: ["shape", "letters", "what happens"],
        kind: "",
        cell: (i, j) =>
          h(
            "td",
            { style: j === 2 ? "white-space:normal;text-align:left;min-width:12rem" : "" },
            [shown[i].shape.map(grouped).join(" × "), shown[i].letters.join(" "), shown[i].note][j],
          ),
      });
      stopsSpot.replaceChildren(
        ...(shown.length ? [scrollRegion("Stops", table)] : []),
        ...(opened < all.length ? [asking(all[opened])] : []),
      );
      const parts = Object.entries(partsOf(config)).filter(([, count]) => count);
      const total = parts.reduce((sum, [, count]) => sum + count, 0);
      partsSpot.replaceChildren(
        barTable({
          label: "part",
          names: ["parameters", "share"],
          labels: [...parts.map(([one]) => one), "total"],
          cells: (i) => {
            const count = i < parts.length ? parts[i][1] : total;
            return [
              h("td", {}, grouped(count)),
              h("td", {}, percent(count / total)),
              barCell([{ share: count / total, kind: "one" }]),
            ];
          },
        }),
      );
      describe.update();
      save(model, { preset: name, config: { ...config }, opened, total });
    };
    /** Shows stops up to the next one that is asked for. */
    const onward = (from) => {
      const all = stops();
      opened = from;
      while (opened < all.length && !all[opened].ask) opened += 1;
    };
    const asking = (stop) => {
      const id = newId("shape");
      const input = h("input", {
        type: "text",
        id,
        size: 14,
        autocomplete: "off",
        spellcheck: "false",
      });
      const spot = h("div", {});
      const go = (to) => {
        const opened_before = opened;
        onward(to);
        fill();
        const shown =
          to > opened_before + 1
            ? "All stops are shown."
            : `The ${stop.name}: ${stop.shape.map(grouped).join(" × ")}, ` +
              `${stop.note}.${opened >= stops().length ? " That was the last stop." : ""}`;
        live.say(shown);
        (stopsSpot.querySelector("form input") ?? describe.button).focus();
      };
      const check = () => {
        const fault = shapeFault(input.value, stop, sizes());
        if (!fault) return go(opened + 1);
        spot.replaceChildren(
          verdict(
            /^Type/.test(fault) ? "not_attempted" : "incorrect",
            `${/^Type/.test(fault) ? "Blank" : "Not yet"}: ${fault}`,
          ),
        );
        live.whisper(fault);
      };
      return h(
        "form",
        {
          class: "cw-panel",
          novalidate: true,
          on: {
            submit: (event) => {
              event.preventDefault();
              check();
            },
            keydown: (event) => event.stopPropagation(),
          },
        },
        h(
          "div",
          { class: "cw-row end" },
          h(
            "div",
            { class: "cw-field" },
            h("label", { for: id }, `Shape of the ${stop.name}?`),
            input,
            h("span", { class: "cw-note" }, `${stop.shape.length} sizes, batch first`),
          ),
          h("button", { type: "submit", class: "main" }, "Check"),
          button("Just show me", () => go(opened + 1), "quiet"),
          button("Show all stops", () => go(stops().length), "quiet"),
        ),
        spot,
      );
    };
    const boxes = [];
    // What a box shows: its own number, or the one that follows from the others.
    const shownSize = (key, target) =>
      target[key] ?? sizesOf(config)[{ d_ff: "F", n_kv_heads: "G" }[key]];
    const number = (label, key, target) => {
      const id = newId("size");
      const input = h("input", {
        type: "number",
        id,
        min: 1,
        step: 1,
        value: shownSize(key, target),
        on: {
          input: () => {
            const value = Number(input.value);
            const trial = { ...config, ...(target === config ? { [key]: value } : {}) };
            let fault =
              !Number.isInteger(value) || value < 1
                ? `${label} must be a whole number of at least 1.`
                : "";
            if (!fault && trial.d_head === null && trial.d_model % trial.n_heads)
              fault = `Width ${trial.d_model} is not a multiple of ${trial.n_heads} heads.`;
            if (!fault && trial.n_heads % (trial.n_kv_heads ?? trial.n_heads))
              fault = `${trial.n_heads} heads cannot share ${trial.n_kv_heads} key-value heads.`;
            if (fault) input.setAttribute("aria-invalid", "true");
            else input.removeAttribute("aria-invalid");
            trouble.replaceChildren(...(fault ? [verdict("invalid", fault)] : []));
            if (fault) return live.whisper(fault);
            target[key] = value;
            boxes.forEach(([box, ...from]) => {
              if (box !== input && box.getAttribute("aria-invalid") !== "true") {
                box.value = shownSize(...from);
              }
            });
            fill();
            const total = Object.values(partsOf(config)).reduce((a, b) => a + b, 0);
            live.say(`${grouped(total)} parameters.`, 400);
          },
        },
      });
      boxes.push([input, key, target]);
      return h("div", { class: "cw-field" }, h("label", { for: id }, label), input);
    };
    const fields = () => {
      boxes.length = 0;
      const both = config.n_encoder_layers && config.n_decoder_layers;
      inputs.replaceChildren(
        number("Width D", "d_model", config),
        number("Heads H", "n_heads", config),
        ...(config.n_encoder_layers ? [number("Encoder layers", "n_encoder_layers", config)] : []),
        ...(config.n_decoder_layers ? [number("Decoder layers", "n_decoder_layers", config)] : []),
        number("Feed-forward F", "d_ff", config),
        number("Vocabulary V", "vocab_size", config),
        number("Batch B", "B", size),
        number("Tokens T", "T", size),
        ...(both ? [number("Source tokens S", "S", size)] : []),
      );
    };
    const pick = picker({
      label: "Model",
      value: name,
      options: data.order.map((one) => [one, one]),
      change: (value) => {
        name = value;
        config = { ...data.presets[name] };
        trouble.replaceChildren();
        fields();
        onward(0);
        fill();
        live.say(
          `${name}: ${grouped(Object.values(partsOf(config)).reduce((a, b) => a + b, 0))} ` +
            `parameters.`,
        );
      },
    });
    fields();
    onward(0);
    fill();
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      pick.node,
      inputs,
      trouble,
      stopsSpot,
      live.node,
      partsSpot,
      h("div", { class: "cw-row" }, describe.button),
      describe.text,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
