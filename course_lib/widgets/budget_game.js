import {
  h,
  button,
  card,
  liveRegion,
  restarter,
  save,
  scrollRegion,
  verdict,
  watch,
} from "./kit/ui/dom.js";
import { fixed, grouped } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { heatTable } from "./kit/ui/heat.js";
import { SIGNS, chart } from "./kit/ui/plot.js";
import { designFault, fitFault, fitLaw, predictRun, priceOf, scoreOf } from "./kit/math/scaling.js";

function gigas(operations) {
  return `${fixed(operations / 1e9)} GFLOP`;
}

function sizesOf({ n, d }) {
  return `${grouped(n)} parameters and ${grouped(d)} samples`;
}

function lastPrice({ choices }) {
  return Math.max(...choices.map(priceOf));
}

/** The same sentence as describe_game in budget_game.py. */
export function describeGame(data) {
  const pick = (better) => data.choices.reduce((a, b) => (better(b.loss, a.loss) ? b : a));
  const [best, worst] = [pick((a, b) => a < b), pick((a, b) => a > b)];
  return (
    `Of the runs of ${gigas(lastPrice(data))} the best has ${sizesOf(best)}: loss ` +
    `${fixed(best.loss, 3)}. The worst has ${sizesOf(worst)}: ${fixed(worst.loss, 3)}.`
  );
}

/** The same text as task_of in budget_game.py. */
export function taskOf(data) {
  return (
    `You have ${gigas(data.purse)} to try things out, and then one run of ` +
    `${gigas(lastPrice(data))}. Buy runs to see their losses, and say which size the last run ` +
    "should have. A run costs 6 operations for each parameter and sample."
  );
}

/** What came of a prediction, in words. */
export function scoreLine(data, guess) {
  const { loss, regret, low, high, held, empty } = scoreOf(data.choices, guess);
  const parts = [
    `You chose ${grouped(guess.size)} parameters: loss ${fixed(loss, 3)}.`,
    regret === 0 ? "No size has less." : `Your regret is ${fixed(regret, 4)} nats.`,
    `The loss lies ${held ? "inside" : "outside"} your interval, ${fixed(low, 3)} to ` +
      `${fixed(high, 3)}.`,
  ];
  if (empty) parts.push("That interval holds the loss of every size, and so says nothing.");
  return parts.join(" ");
}

const NOTE =
  "A column for each number of samples; in it the price in GFLOP, or the loss you bought.";
const LAW = "the last run, as the law says, with its interval";

function valuesOf(runs, key) {
  return [...new Set(runs.map((run) => run[key]))].sort((a, b) => a - b);
}

/** Losses over sizes on a logarithmic scale, with a legend; the runs of one price are joined. */
function drawing(data, lines) {
  const losses = lines.flatMap(({ points }) => points.flatMap(([, ...rest]) => rest));
  const low = Math.floor(50 * Math.min(...losses)) / 50;
  const high = Math.max(low + 0.02, Math.ceil(50 * Math.max(...losses)) / 50);
  const sizes = valuesOf([...data.sale, ...data.choices], "n");
  return [
    chart({
      x: { ticks: sizes.map((n) => [Math.log(n), grouped(n)]), name: "parameters" },
      y: {
        ticks: [low, (low + high) / 2, high].map((at) => [at, fixed(at)]),
        name: "loss, nats",
      },
      lines,
    }),
    h(
      "ul",
      { class: "cw-legend", style: "list-style:none;padding:0;margin:0" },
      lines.map(({ name, mark }) => h("li", {}, `${SIGNS[mark % SIGNS.length]} ${name}`)),
    ),
  ];
}

function pointsOf(runs) {
  return runs.map(({ n, loss, low, high }) => [Math.log(n), loss, ...(low ? [low, high] : [])]);
}

function render({ model, el }) {
  const names = ["bought", "chosen", "predicted", "regret", "held", "revealed"];
  const again = restarter(model, names, el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion(false);
    const keyOf = ({ n, d }) => `${n} ${d}`;
    const bought = new Set();
    const mine = () => data.sale.filter((run) => bought.has(keyOf(run)));
    const left = () => data.purse - mine().reduce((sum, run) => sum + priceOf(run), 0);
    let open = false;
    let law = null;
    const purse = h("p", { class: "cw-h" });
    const shop = h("div", {});
    const picture = h("div", {});
    const lawSpot = h("div", { class: "cw-body", style: "padding:0" });
    const result = h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const sizes = valuesOf([...data.sale, ...data.choices], "n");
    const lengths = valuesOf([...data.sale, ...data.choices], "d");

    const levels = byPrice(data.sale);
    const paint = () => {
      const lines = levels.map((level, mark) => ({
        name: `about ${gigas(priceOf(level[0]))}`,
        mark,
        kind: "measured",
        points: pointsOf(level.filter((run) => bought.has(keyOf(run)))),
      }));
      if (open)
        lines.push({
          name: "the last run, measured",
          mark: 6,
          kind: "guess",
          points: pointsOf(data.choices),
        });
      if (law) lines.push({ name: LAW, mark: 7, kind: "guess", points: pointsOf(law) });
      const shown = lines.filter(({ points }) => points.length);
      const none = h("p", { class: "cw-note" }, "What you buy is drawn here.");
      picture.replaceChildren(...(shown.length ? drawing(data, shown) : [none]));
    };
    const buy = (run) => {
      bought.add(keyOf(run));
      law = null;
      lawSpot.replaceChildren();
      save(model, { bought: mine().map(({ n, d }) => [n, d]) });
      stock(run);
      paint();
      live.say(`Loss ${fixed(run.loss, 3)}, of ${sizesOf(run)}. ${gigas(left())} are left.`);
    };
    const cellOf = (n, d, moved) => {
      const same = (run) => run.n === n && run.d === d;
      const last = data.choices.find(same);
      if (last) return h("td", {}, open ? h("strong", {}, fixed(last.loss, 3)) : "last run");
      const run = data.sale.find(same);
      if (!run) return h("td", {}, "–");
      if (bought.has(keyOf(run)) || open) {
        const text = bought.has(keyOf(run)) ? fixed(run.loss, 3) : `(${fixed(run.loss, 3)})`;
        const spot = h("span", moved === run ? { tabindex: "-1" } : {}, text);
        return h("td", { class: bought.has(keyOf(run)) ? "sh2" : null }, spot);
      }
      const price = fixed(priceOf(run) / 1e9);
      const one = button(price, () => buy(run), "small");
      one.disabled = priceOf(run) > left();
      one.setAttribute("aria-label", `${price} GFLOP: buy ${sizesOf(run)}`);
      return h("td", {}, one);
    };
    const stock = (moved) => {
      const rest = data.sale.filter((run) => !bought.has(keyOf(run)));
      const out = rest.length && rest.every((run) => priceOf(run) > left());
      const note = open
        ? "; losses in brackets are of runs that you did not buy"
        : out
          ? ", too little for another run"
          : "";
      purse.textContent = `${gigas(left())} of ${gigas(data.purse)} left${note}`;
      const table = heatTable({
        corner: "parameters",
        rows: sizes.map(grouped),
        columns: lengths.map(grouped),
        kind: "",
        cell: (i, j) => cellOf(sizes[i], lengths[j], moved),
      });
      const before = shop.firstChild?.scrollLeft ?? 0;
      shop.replaceChildren(scrollRegion("Prices and losses", table));
      shop.firstChild.scrollLeft = before;
      if (moved) shop.querySelector("span[tabindex]").focus();
    };
    const askLaw = () => {
      const runs = mine();
      const fit = designFault(runs) ? null : fitLaw(runs);
      const fault = fit ? fitFault(fit) : designFault(runs);
      law = fault ? null : data.choices.map((run) => predictRun(fit, run));
      const said =
        fault ||
        `Fitted to ${runs.length} runs, which lie ${fixed(100 * fit.noise, 1)} % around it. Nine ` +
          "of ten runs would lie in the interval if the law holds so far out.";
      lawSpot.replaceChildren(
        fault ? verdict("not_attempted", fault) : h("p", {}, said),
        law
          ? scrollRegion(
              "The last runs, as the law says",
              heatTable({
                corner: "parameters",
                rows: law.map(({ n }) => grouped(n)),
                columns: ["samples", "loss", "from", "to"],
                kind: "",
                cell: (i, j) =>
                  h(
                    "td",
                    {},
                    j ? fixed(law[i][["loss", "low", "high"][j - 1]], 3) : grouped(law[i].d),
                  ),
              }),
            )
          : "",
      );
      paint();
      live.say(said);
    };
    const reveal = (guess) => {
      open = true;
      stock();
      paint();
      const line = guess ? scoreLine(data, guess) : "";
      const score = guess && scoreOf(data.choices, guess);
      const good = guess && score.regret === 0 && score.held && !score.empty;
      result.replaceChildren(
        good ? verdict("correct", line) : line ? h("p", { class: "cw-panel" }, line) : "",
        h("p", {}, describeGame(data)),
      );
      result.hidden = false;
      ask.node.hidden = true;
      save(model, {
        revealed: true,
        chosen: guess?.size ?? 0,
        predicted: guess ? { loss: guess.loss, off: guess.off } : {},
        regret: score?.regret ?? null,
        held: score?.held ?? false,
      });
      live.say(line || describeGame(data));
      result.focus();
    };
    const ask = gate({
      title: "Predict the last run",
      say: live.say,
      open: (values) => reveal(values && { ...values, size: Number(values.size) }),
      fields: [
        {
          name: "size",
          label: "Size of the last run",
          kind: "choice",
          options: data.choices.map(({ n, d }) => [n, `${grouped(n)}, on ${grouped(d)} samples`]),
        },
        { name: "loss", label: "Loss of the last run, in nats", kind: "number", low: 0, high: 10 },
        { name: "off", label: "give or take", kind: "number", low: 0, high: 10 },
      ],
    });
    stock();
    paint();
    body.append(
      data.describe ? h("p", {}, data.describe) : "",
      h("p", {}, taskOf(data)),
      purse,
      h("p", { class: "cw-note" }, NOTE),
      shop,
      picture,
      h("div", { class: "cw-row" }, button("Fit a law to my runs", askLaw)),
      lawSpot,
      ask.node,
      result,
      live.node,
    );
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
