// Changes to logits, and the largest chances. No DOM.
import { softmax } from "./attention.js";

/** times · (logit + all), and `one` more for the token `at`. */
export function changeLogits(logits, { all = 0, times = 1, one = 0, at = 0 }) {
  return logits.map((value, i) => times * (value + all) + (i === at ? one : 0));
}

/** Indices from the largest value to the smallest; the earlier one first among equals. */
export function ranking(values) {
  return values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
}

/** What a change does: chances before and after, and whether the ranking is the same. */
export function compareLogits(logits, change) {
  const after = changeLogits(logits, change);
  return {
    before: softmax(logits),
    after: softmax(after),
    same: ranking(logits).join() === ranking(after).join(),
  };
}
