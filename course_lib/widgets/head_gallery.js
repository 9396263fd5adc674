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
import { listed, percent, shade, short } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { barCell, barTable } from "./kit/ui/bar.js";
import { heatTable } from "./kit/ui/heat.js";
import { strongest, weightsOf } from "./kit/math/maps.js";

/**
 * How much a head gives, on average over the words after the first, to the word itself, the one
 * before and the first.
 */
export function habitsOf(data, layer, head) {
  const queries = Array.from({ length: data.size - 1 }, (_, i) => i + 1);
  const mean = (pick) =>
    queries.reduce((sum, i) => sum + pick(weightsOf(data, layer, head, i), i), 0) / queries.length;
  return {
    itself: mean((row, i) => row[i]),
    previous: mean((row, i) => row[i - 1]),
    first: mean((row) => row[0]),
  };
}

/**
 * What a head does, by its average weights: a job that takes at least half of them, or none that
 * is clear. The same as job_of in head_gallery.py.
 */
export function jobOf(data, layer, head) {
  const { itself, previous, first } = habitsOf(data, layer, head);
  const certain = Array.from({ length: data.size - 2 }, (_, at) => {
    const rows = Array.from({ length: data.size - 2 - at }, (_, i) => at + 2 + i);
    const sum = rows.reduce((total, i) => total + weightsOf(data, layer, head, i)[at + 1], 0);
    return [rows.length > 1 ? sum / rows.length : 0, `one certain word, “${data.shown[at + 1]}”`];
  });
  const found = [
    [previous, "the word before"],
    [itself, "the word itself"],
    [first, "the first word"],
    ...certain,
  ].reduce((best, one) => (one[0] > best[0] ? one : best));
  return found[0] < 0.5 ? "no clear job" : `${found[1]}: ${percent(found[0])}`;
}

/** The costliest and the cheapest head to lose: the same as describe_gallery in head_gallery.py. */
export function describeGallery(data) {
  const flat = data.without.flatMap((row, l) =>
    row.map((accuracy, k) => ({ accuracy, name: `layer ${l + 1}, head ${k + 1}` })),
  );
  const worst = flat.reduce((a, b) => (b.accuracy < a.accuracy ? b : a));
  const best = flat.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
  return (
    `With all heads ${percent(data.baseline)} are right. Without ${worst.name}: ` +
    `${percent(worst.accuracy)}, the costliest loss. Without ${best.name}: ` +
    `${percent(best.accuracy)}, the cheapest.`
  );
}

function render({ model, el }) {
  const again = restarter(model, ["jobs", "switched_off", "predicted", "revealed"], el, () =>
    draw(),
  );
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion();
    const heads = data.packed.flatMap((row, l) => row.map((_, k) => [l, k]));
    const names = heads.map(([l, k]) => `layer ${l + 1}, head ${k + 1}`);
    let query = data.query;
    let chosen = heads.length - 1;
    let guess = null;
    const looks = scrollRegion("Where each head looks");
    const habits = scrollRegion("What each head does on average");
    const jobs = {};
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const describe = describeButton(() => describeGallery(data));
    const answers = names.map(() => h("span", {}, "–"));
    const jobSelects = names.map((name, at) =>
      h(
        "select",
        {
          "aria-label": `Job of ${name}`,
          style: "max-width:9.5rem;font-size:.85rem",
          on: {
            change: (event) => {
              jobs[name] = event.target.value;
              save(model, { jobs: { ...jobs } });
              const found = jobOf(data, ...heads[at]);
              answers[at].textContent = event.target.value ? found : "–";
              if (event.target.value)
                live.say(`You say: ${jobs[name]}. The averages say: ${found}.`);
            },
          },
        },
        ["choose a job…", ...data.jobs].map((job, i) => h("option", { value: i ? job : "" }, job)),
      ),
    );
    const fillLooks = () => {
      looks.replaceChildren(
        heatTable({
          corner: `${data.shown[query]}\nlooks at`,
          rows: names,
          columns: ["most", "then"],
          cell: (i, j) => {
            const weights = weightsOf(data, ...heads[i], query);
            const at = strongest(weights, 2)[j];
            return at === undefined
              ? h("td", {}, "–")
              : h(
                  "td",
                  { class: `sh${shade(weights[at])}` },
                  `${data.shown[at]} ${percent(weights[at])}`,
                );
          },
        }),
      );
    };
    const fillHabits = () => {
      habits.replaceChildren(
        heatTable({
          corner: "on average\nover all words",
          rows: names,
          columns: [
            "itself",
            "the one before",
            "the first",
            "its job, you say",
            "the averages say",
          ],
          cell: (i, j) => {
            if (j === 3) return h("td", {}, jobSelects[i]);
            if (j === 4) return h("td", {}, answers[i]);
            const share = Object.values(habitsOf(data, ...heads[i]))[j];
            return h("td", { class: `sh${shade(share)}` }, percent(share));
          },
        }),
      );
    };
    const sayLooks = () => {
      const most = heads.map(([l, k], i) => {
        const [at] = strongest(weightsOf(data, l, k, query), 1);
        return `${names[i]} most at ${data.names[at]}`;
      });
      live.say(`${data.names[query]} looks: ${listed(most)}.`);
    };
    const asks = data.shown.map((text, i) =>
      h(
        "button",
        {
          type: "button",
          class: "cw-token ask",
          "aria-pressed": String(i === query),
          "aria-label": `${data.names[i]} looks`,
          on: {
            click: () => {
              query = i;
              asks.forEach((one, j) => one.setAttribute("aria-pressed", String(j === i)));
              fillLooks();
              sayLooks();
            },
          },
        },
        text,
      ),
    );
    const which = picker({
      label: "The head to switch off",
      value: chosen,
      options: names.map((name, i) => [i, name]),
      change: (i) => {
        chosen = Number(i);
      },
    });
    const tried = new Set();
    const open = (values) => {
      guess = values?.accuracy ?? null;
      if (guess === null) heads.forEach((_, i) => tried.add(i));
      else tried.add(chosen);
      const [l, k] = heads[chosen];
      const truth = data.without[l][k];
      const text =
        `Without ${names[chosen]}, ${percent(truth)} are right; with all heads, ` +
        `${percent(data.baseline)}.` +
        (guess === null
          ? ""
          : ` You predicted ${percent(guess)}: off by ` +
            `${short(100 * Math.abs(guess - truth), 0)} percentage points.`);
      const shown = heads.map((_, i) => i).filter((i) => tried.has(i));
      const all = [data.baseline, ...shown.map((i) => data.without[heads[i][0]][heads[i][1]])];
      const whole = shown.length === heads.length;
      result.replaceChildren(
        h("p", { class: "cw-panel" }, text),
        scrollRegion(
          "Accuracy without each head",
          barTable({
            label: "switched off",
            names: ["right", "lost"],
            labels: ["nothing", ...shown.map((i) => names[i])],
            cells: (i) => [
              h("td", {}, percent(all[i])),
              h("td", {}, `${short(100 * (data.baseline - all[i]), 1)} points`),
              barCell([{ share: Math.max(0, all[i]), kind: "one" }]),
            ],
          }),
        ),
        ...(whole ? [h("div", { class: "cw-row" }, describe.button), describe.text] : []),
      );
      result.hidden = false;
      askAgain();
      gateSpot.hidden = whole;
      save(model, { revealed: true, switched_off: [l, k], predicted: guess ?? -1 });
      live.whisper(text);
      result.focus();
    };
    const gateSpot = h("div", { class: "cw-body", style: "padding:0" });
    const askAgain = () => {
      const ask = gate({
        title: tried.size ? "Switch another head off" : "Switch a head off",
        text: data.question,
        say: live.whisper,
        open,
        fields: [
          { name: "accuracy", label: "Right without it", hint: "such as 80 %", kind: "percent" },
        ],
      });
      gateSpot.replaceChildren(which.node, ask.node);
    };
    askAgain();
    fillHabits();
    fillLooks();
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      h(
        "fieldset",
        {},
        h("legend", {}, "The word that looks"),
        h("div", { class: "cw-strip" }, asks),
      ),
      live.node,
      looks,
      habits,
      result,
      gateSpot,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
