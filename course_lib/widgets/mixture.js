import { h, card, liveRegion, restarter, save, scrollRegion, watch } from "./kit/ui/dom.js";
import { fixed, percent } from "./kit/ui/text.js";
import { gate } from "./kit/ui/gate.js";
import { heatTable } from "./kit/ui/heat.js";
import { SIGNS, chart } from "./kit/ui/plot.js";
import { bestShare, gapOf } from "./kit/math/mixture.js";

/** The same sentence as question_of in mixture.py. */
export function questionOf({ domains: [first, second] }) {
  return (
    `What is the loss of each model, in nats a token, on held-out text of ${first.name} and of ` +
    `${second.name}?`
  );
}

/** The same sentences as describe_mixtures in mixture.py. */
export function describeMixtures(data) {
  const best = bestShare(data);
  const parts = data.domains.map(
    ({ name, mean }) =>
      `${name}: ${fixed(mean[0], 3)} at ${percent(data.shares[0])}, ` +
      `${fixed(mean.at(-1), 3)} at ${percent(data.shares.at(-1))}`,
  );
  const [first, second] = data.domains.map(({ mean }) => fixed(mean[best], 3));
  const [a, b] = data.own.parts;
  return (
    `${parts.join("; ")}. Where both count the same, ${percent(data.shares[best])} is the ` +
    `best of these: ${first} and ${second}. ${data.own.owner} has ` +
    `${fixed((100 * b.tokens) / (a.tokens + b.tokens), 1)} % of ${b.name}: ` +
    `${fixed(b.tokens, 1)} billion tokens, and ${fixed(a.tokens, 1)} of ${a.name}.`
  );
}

/** Losses over shares, on a logarithmic scale: what a prediction cannot be drawn on is its edge. */
function drawing(data, guess) {
  const low = Math.min(...data.domains.flatMap((domain) => domain.low));
  const high = Math.max(...data.domains.flatMap((domain) => domain.high));
  const log = (value) => Math.log(Math.max(value, low / 2));
  const ends = [low / 1.5, Math.sqrt(low * high), 1.5 * high];
  const lines = data.domains.map(({ name, mean, ...range }, mark) => ({
    name: `loss on ${name}`,
    mark,
    kind: "measured",
    points: mean.map((value, i) => [
      data.shares[i],
      log(value),
      log(range.low[i]),
      log(range.high[i]),
    ]),
  }));
  if (guess)
    lines.push(
      ...data.domains.map(({ name }, k) => ({
        name: `your prediction on ${name}`,
        mark: 2 + k,
        kind: "guess",
        points: guess[name].map((value, i) => [data.shares[i], log(value)]),
      })),
    );
  return [
    chart({
      x: {
        ticks: data.shares.map((share) => [share, percent(share)]),
        name: `share of ${data.domains[1].name}`,
      },
      y: { ticks: ends.map((value) => [log(value), fixed(value)]), name: "loss, nats (log)" },
      lines,
    }),
    h(
      "ul",
      { class: "cw-legend", style: "list-style:none;padding:0;margin:0" },
      lines.map(({ name, mark }) => h("li", {}, `${SIGNS[mark]} ${name}`)),
    ),
  ];
}

function render({ model, el }) {
  const again = restarter(model, ["predicted", "chosen", "revealed"], el, () => draw());
  const draw = () => {
    const data = model.get("payload");
    const { node, body } = card(data, again);
    const live = liveRegion(false);
    const names = data.domains.map(({ name }) => name);
    const part = () =>
      h("div", { class: "cw-body", style: "padding:0", hidden: true, tabindex: "-1" });
    const measured = part();
    const end = part();
    const spread = ({ mean, low, high }, i) =>
      `${fixed(mean[i], 3)} (${fixed(low[i], 3)} to ${fixed(high[i], 3)})`;
    const open = (values) => {
      const guess =
        values &&
        Object.fromEntries(
          names.map((name, k) => [name, data.shares.map((_, i) => values[`${k} ${i}`])]),
        );
      const columns = data.domains.flatMap((domain) => [
        ...(guess ? [[`you, on ${domain.name}`, (i) => fixed(guess[domain.name][i], 3)]] : []),
        [`loss on ${domain.name}`, (i) => spread(domain, i)],
      ]);
      const line = guess
        ? `Your predictions are off by ${data.domains
            .map(({ name, mean }) => `${fixed(gapOf(guess[name], mean))} nats on ${name}`)
            .join(" and ")}, in the mean.`
        : "";
      measured.replaceChildren(
        line ? h("p", { class: "cw-panel" }, line) : "",
        ...drawing(data, guess),
        scrollRegion(
          data.title,
          heatTable({
            corner: `share of ${names[1]}`,
            rows: data.shares.map(percent),
            columns: columns.map(([name]) => name),
            kind: "",
            cell: (i, j) => h("td", {}, columns[j][1](i)),
          }),
        ),
        choice.node,
        end,
      );
      measured.hidden = false;
      ask.node.hidden = true;
      save(model, { predicted: guess ?? {}, revealed: true });
      live.say(line || "The measured losses are shown.");
      measured.focus();
    };
    const finish = (values) => {
      const best = bestShare(data);
      const mine = values ? Number(values.share) : null;
      const line =
        mine === null
          ? ""
          : mine === best
            ? "That is the best of these."
            : `At ${percent(data.shares[mine])} the two losses are ` +
              `${data.domains.map(({ mean }) => fixed(mean[mine], 3)).join(" and ")}.`;
      const said = describeMixtures(data);
      end.replaceChildren(
        line ? h("p", { class: "cw-panel" }, line) : "",
        h("p", {}, said),
        scrollRegion(
          data.own.owner,
          heatTable({
            corner: data.own.owner,
            rows: data.own.parts.map(({ name }) => name),
            columns: ["billion tokens", "share"],
            kind: "",
            cell: (i, j) => {
              const total = data.own.parts.reduce((sum, { tokens }) => sum + tokens, 0);
              const { tokens } = data.own.parts[i];
              return h("td", {}, j ? `${fixed((100 * tokens) / total, 1)} %` : fixed(tokens, 1));
            },
          }),
        ),
      );
      end.hidden = false;
      choice.node.hidden = true;
      save(model, { chosen: mine === null ? null : data.shares[mine] });
      live.say(`${line} ${said}`.trim());
      end.focus();
    };
    const ask = gate({
      text: questionOf(data),
      say: live.say,
      open,
      fields: data.shares.flatMap((share, i) =>
        names.map((name, k) => ({
          name: `${k} ${i}`,
          label: `${percent(share)} ${names[1]}: loss on ${name}`,
          kind: "number",
          low: 0,
          high: 100,
        })),
      ),
    });
    const choice = gate({
      title: "Which would you take?",
      text: "Both kinds of text count the same.",
      say: live.say,
      open: finish,
      fields: [
        {
          name: "share",
          label: `Share of ${names[1]}`,
          kind: "choice",
          options: data.shares.map((share, i) => [i, percent(share)]),
        },
      ],
    });
    body.append(data.describe ? h("p", {}, data.describe) : "", ask.node, measured, live.node);
    el.replaceChildren(node);
  };
  draw();
  return watch(model, ["payload"], draw);
}

export default { render };
