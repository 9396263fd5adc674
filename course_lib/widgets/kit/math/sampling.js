// Temperature, top-k and top-p as course_lib/generation/processors.py defines them, and draws from
// one small generator that course_lib/widgets/draws.py repeats bit for bit. No DOM.
import { softmax } from "./attention.js";

/** Divides the logits; temperature 0 leaves the first maximum alone. */
export function withTemperature(logits, t) {
  const best = Math.max(...logits);
  const where = logits.indexOf(best);
  return logits.map((value, i) => (t === 0 ? (i === where ? 0 : -Infinity) : (value - best) / t));
}

/** Keeps the k most likely; what ties with the k-th stays too. */
export function withTopK(logits, k) {
  if (k >= logits.length) return logits;
  const threshold = [...logits].sort((a, b) => b - a)[k - 1];
  return logits.map((value) => (value < threshold ? -Infinity : value));
}

/** Keeps the smallest set of most likely tokens whose probability reaches p. */
export function withTopP(logits, p) {
  if (p === 1) return logits;
  const chances = softmax(logits);
  const order = logits.map((_, i) => i).sort((a, b) => logits[b] - logits[a] || a - b);
  const enough = p * (1 - 4 * Number.EPSILON);
  const kept = new Set();
  let mass = 0;
  for (const i of order) {
    if (mass >= enough) break;
    kept.add(i);
    mass += chances[i];
  }
  return logits.map((value, i) => (kept.has(i) ? value : -Infinity));
}

/**
 * All stages in order: [{name, logits, chances, kept}], from the model's own to the one drawn
 * from.
 */
export function samplerStages(logits, { temperature, topK, topP, temperatureLast = false }) {
  const heat = ["temperature", (values) => withTemperature(values, temperature)];
  const filters = [
    ["top-k", (values) => withTopK(values, topK)],
    ["top-p", (values) => withTopP(values, topP)],
  ];
  const steps = temperatureLast ? [...filters, heat] : [heat, ...filters];
  const stage = (name, values) => ({
    name,
    logits: values,
    chances: softmax(values),
    kept: values.filter((value) => value > -Infinity).length,
  });
  return steps.reduce(
    (stages, [name, step]) => [...stages, stage(name, step(stages.at(-1).logits))],
    [stage("model", logits)],
  );
}

/**
 * A generator of 32-bit numbers: a counter with a golden-ratio step, mixed by two odd multipliers.
 */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
}

/**
 * How often each token comes up in n draws: the first token whose running total exceeds the number
 * drawn.
 */
export function drawCounts(chances, n, random) {
  const counts = chances.map(() => 0);
  const last = chances.findLastIndex((chance) => chance > 0);
  const drawn = [];
  for (let draw = 0; draw < n; draw += 1) {
    const target = random();
    let total = 0;
    let pick = last;
    for (let i = 0; i < chances.length; i += 1) {
      total += chances[i];
      if (target < total) {
        pick = i;
        break;
      }
    }
    counts[pick] += 1;
    drawn.push(pick);
  }
  return { counts, drawn };
}

/**
 * The first n numbers of the generator, and draws from a seed: the forms that golden vectors hold.
 */
export function randomNumbers(seed, n) {
  const random = makeRandom(seed);
  return Array.from({ length: n }, random);
}

export function drawWithSeed(chances, n, seed) {
  return drawCounts(chances, n, makeRandom(seed));
}

/** exp of the entropy: among how many equally likely tokens the choice would be as open. */
export function openness(chances) {
  return Math.exp(
    -chances.reduce((sum, chance) => sum + (chance > 0 ? chance * Math.log(chance) : 0), 0),
  );
}
