// Speculative decoding on given chances, the same as draft_stepper.py. No DOM.
import { makeRandom } from "./sampling.js";

/** The first word whose running total exceeds the number drawn. */
function drawnWord(chances, target) {
  let total = 0;
  for (const [i, chance] of chances.entries()) {
    total += chance;
    if (target < total) return i;
  }
  return chances.findLastIndex((chance) => chance > 0);
}

/** What the model has more than the draft, made to add up to 1. */
export function restOf(p, q) {
  const more = p.map((a, i) => Math.max(a - q[i], 0));
  const total = more.reduce((sum, x) => sum + x, 0);
  return total > 0 ? more.map((x) => x / total) : [...p];
}

/** One round: a step for each guess that was checked, and one for a word of the model's own. */
export function roundOf({ model, draft }, draw) {
  const steps = [];
  for (const [i, q] of draft.entries()) {
    const p = model[i];
    const guess = drawnWord(q, draw());
    const chance = Math.min(1, p[guess] / q[guess]);
    const drawn = draw();
    const kept = drawn < chance;
    const written = kept ? guess : drawnWord(restOf(p, q), draw());
    steps.push({ guess, chance, drawn, kept, written });
    if (!kept) return steps;
  }
  const written = drawnWord(model.at(-1), draw());
  return [...steps, { guess: null, chance: null, drawn: null, kept: null, written }];
}

export function roundWithSeed(data, seed) {
  return roundOf(data, makeRandom(seed));
}

/** How often each word is the first of n rounds. */
export function firstWords(data, seed, n) {
  const random = makeRandom(seed);
  const counts = data.words.map(() => 0);
  for (let i = 0; i < n; i += 1) counts[roundOf(data, random)[0].written] += 1;
  return counts;
}

/** How likely a first guess is kept. */
export function keptShare({ model: [p], draft: [q] }) {
  return p.reduce((sum, a, i) => sum + Math.min(a, q[i]), 0);
}
