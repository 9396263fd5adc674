// A scaling law fitted to runs, as course_lib/adaptation/scaling.py fits it, and what it leaves
// open. Runs are {n, d, loss}: parameters, tokens, nats a token. No DOM.
const HUBER = 1e-3;
const FIVE = [0, 1, 2, 3, 4];
const STARTS = Array.from({ length: 16 }, (_, i) => [
  i & 8 ? 0.7 : 0.3,
  i & 4 ? 0.5 : 0.2,
  i & 2 ? 0.7 : 0.3,
  i & 1 ? 0.7 : 0.3,
]);

/** What a run costs, in operations. */
export function priceOf({ n, d }) {
  return 6 * n * d;
}

/** Runs in groups of one price, to 5 percent, the cheapest first; a group by size. */
export function byPrice(runs) {
  const groups = [];
  for (const run of [...runs].sort((a, b) => priceOf(a) - priceOf(b))) {
    const group = groups.at(-1);
    if (group && priceOf(run) <= 1.05 * priceOf(group[0])) group.push(run);
    else groups.push([run]);
  }
  return groups.map((group) => group.sort((a, b) => a.n - b.n));
}

/** Why runs cannot tell a law's numbers apart, or "": the same runs that check_design refuses. */
export function designFault(runs) {
  if (runs.length < 8)
    return `A law has five numbers: buy at least 8 runs. You have ${runs.length}.`;
  for (const [key, name] of [
    ["n", "number of parameters"],
    ["d", "number of samples"],
  ]) {
    const sizes = [...new Set(runs.map((run) => run[key]))].sort((a, b) => a - b);
    if (sizes.length < 3 || sizes.at(-1) < 4 * sizes[0])
      return (
        `How the loss falls with the ${name} cannot be found: buy at least 3 of them, the ` +
        `largest 4 times the smallest. You have ${sizes.length}.`
      );
  }
  const alike = correlation(
    runs.map(({ n }) => Math.log(n)),
    runs.map(({ d }) => Math.log(d)),
  );
  return Math.abs(alike) > 0.95
    ? "Parameters and samples go together in your runs. Buy one size on several lengths, and " +
        "several sizes on one."
    : "";
}

function correlation(xs, ys) {
  const mean = (all) => all.reduce((a, b) => a + b, 0) / all.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const sum = (f) => xs.reduce((total, _, i) => total + f(xs[i] - mx, ys[i] - my), 0);
  return sum((a, b) => a * b) / Math.sqrt(sum((a) => a * a) * sum((_, b) => b * b));
}

/** The solution of a square system, by elimination with pivots; null where there is none. */
function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const n = rows.length;
  for (let i = 0; i < n; i += 1) {
    let pivot = i;
    for (let k = i; k < n; k += 1) if (Math.abs(rows[k][i]) > Math.abs(rows[pivot][i])) pivot = k;
    if (!(Math.abs(rows[pivot][i]) > 1e-300)) return null;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let k = i + 1; k < n; k += 1) {
      const share = rows[k][i] / rows[i][i];
      for (let c = i; c <= n; c += 1) rows[k][c] -= share * rows[i][c];
    }
  }
  const found = Array(n).fill(0);
  for (let i = n - 1; i >= 0; i -= 1) {
    const rest = found.reduce((sum, value, c) => (c > i ? sum + rows[i][c] * value : sum), 0);
    found[i] = (rows[i][n] - rest) / rows[i][i];
  }
  return found;
}

/** The log of the law's loss at a point of logarithms, and its slopes in the five numbers. */
function slopesAt([floor, a, b, alpha, beta], [n, d]) {
  const parts = [floor, a - alpha * n, b - beta * d].map((one) =>
    Math.exp(Math.min(60, Math.max(-60, one))),
  );
  const total = parts[0] + parts[1] + parts[2];
  const [e, x, y] = parts.map((one) => one / total);
  return { log: Math.log(total), slopes: [e, x, y, -x * n, -y * d] };
}

/** Least Huber loss of the log losses, by damped steps of Gauss and Newton from one guess. */
function descend(points, targets, start) {
  const look = (theta) => {
    const seen = points.map((point) => slopesAt(theta, point));
    const off = seen.map(({ log }, i) => targets[i] - log);
    const cost = off.reduce((sum, one) => {
      const inside = Math.min(Math.abs(one), HUBER);
      return sum + inside ** 2 / 2 + HUBER * (Math.abs(one) - inside);
    }, 0);
    return { theta, seen, off, cost };
  };
  let at = look(start);
  let damping = 1e-2;
  for (let step = 0; step < 200; step += 1) {
    const weights = at.off.map((one) => HUBER / Math.max(Math.abs(one), HUBER));
    const square = squareOf(at.seen, weights);
    const pull = FIVE.map((i) =>
      at.seen.reduce((sum, { slopes }, k) => sum + weights[k] * slopes[i] * at.off[k], 0),
    );
    const damped = square.map((row, i) =>
      row.map((one, j) => (i === j ? one + damping * (one + 1e-12) + 1e-14 : one)),
    );
    const move = solve(damped, pull);
    const next = look(at.theta.map((one, i) => one + Math.min(3, Math.max(-3, move[i]))));
    const better = next.cost < at.cost;
    const gain = better ? (at.cost - next.cost) / Math.max(at.cost, 1e-300) : 0;
    if (better) at = next;
    damping = Math.min(1e9, Math.max(1e-9, better ? damping / 5 : damping * 4));
    if (gain < 1e-10 && (better || damping >= 1e9)) break;
  }
  return at;
}

function squareOf(seen, weights) {
  return FIVE.map((i) =>
    FIVE.map((j) =>
      seen.reduce((sum, { slopes }, k) => sum + weights[k] * slopes[i] * slopes[j], 0),
    ),
  );
}

/**
 * The law of the least Huber loss over all starts: {theta (logs of E, A and B, alpha, beta), noise,
 * freedom, inverse}. `inverse` times noise squared is the covariance of the five, or null where the
 * runs leave one of them open altogether.
 */
export function fitLaw(runs) {
  const points = runs.map(({ n, d }) => [Math.log(n), Math.log(d)]);
  const targets = runs.map(({ loss }) => Math.log(loss));
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const middle = [0, 1].map((k) => mean(points.map((point) => point[k])));
  const least = Math.min(...runs.map(({ loss }) => loss));
  const ends = STARTS.map(([floor, share, alpha, beta]) => {
    const rest = mean(runs.map(({ loss }) => loss)) - floor * least;
    const a = Math.log(share * rest) + alpha * middle[0];
    const b = Math.log((1 - share) * rest) + beta * middle[1];
    return descend(points, targets, [Math.log(floor * least), a, b, alpha, beta]);
  });
  const best = ends.reduce((first, one) => (one.cost < first.cost ? one : first));
  const freedom = runs.length - 5;
  const noise = Math.sqrt(best.off.reduce((sum, one) => sum + one * one, 0) / freedom);
  const square = squareOf(best.seen, Array(runs.length).fill(1));
  const columns = FIVE.map((i) =>
    solve(
      square,
      FIVE.map((j) => +(i === j)),
    ),
  );
  const inverse = columns.includes(null) ? null : columns;
  return { theta: best.theta, noise, freedom, inverse };
}

/** Why a fit is not to be used, or "": an exponent may be half as large, or half as large again. */
export function fitFault({ theta, noise, inverse }) {
  for (const [i, name] of [
    [3, "parameters"],
    [4, "samples"],
  ]) {
    const error = inverse ? noise * Math.sqrt(inverse[i][i]) : Infinity;
    if (!(error <= 0.5 * theta[i]))
      return `How the loss falls with ${name} these runs leave open. Buy a wider range of them.`;
  }
  return "";
}

/** The quantile of Student's t that leaves one in twenty above it, by Cornish and Fisher. */
export function tQuantile(freedom) {
  const z = 1.6448536269514722;
  return (
    z +
    (z ** 3 + z) / (4 * freedom) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3)
  );
}

/** A run with the loss that a fit expects, and from where to where nine of ten would lie. */
export function predictRun({ theta, noise, freedom, inverse }, { n, d }) {
  const { log, slopes } = slopesAt(theta, [Math.log(n), Math.log(d)]);
  const open = slopes.reduce(
    (sum, one, i) => sum + one * slopes.reduce((row, other, j) => row + inverse[i][j] * other, 0),
    0,
  );
  const reach = tQuantile(freedom) * noise * Math.sqrt(1 + open);
  const [low, loss, high] = [log - reach, log, log + reach].map(Math.exp);
  return { n, d, loss, low, high };
}

/** How a choice and an interval came out; `loss` and `off` are what the reader wrote. */
export function scoreOf(candidates, { size, loss, off }) {
  const losses = candidates.map((run) => run.loss);
  const best = Math.min(...losses);
  const mine = candidates.find(({ n }) => n === size).loss;
  const [low, high] = [loss - off, loss + off];
  return {
    loss: mine,
    regret: mine - best,
    low,
    high,
    held: low <= mine && mine <= high,
    empty: low <= best && high >= Math.max(...losses),
  };
}
