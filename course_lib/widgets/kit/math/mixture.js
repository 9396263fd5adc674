// The best of some mixtures, and how far off a prediction is: as mixture.py computes it. No DOM.

/** The place of the mixture of least loss, where both domains count the same. */
export function bestShare({ domains: [first, second] }) {
  const both = first.mean.map((value, i) => value + second.mean[i]);
  return both.indexOf(Math.min(...both));
}

/** How far a prediction is off, in the mean. */
export function gapOf(guess, mean) {
  return guess.reduce((sum, value, i) => sum + Math.abs(value - mean[i]), 0) / guess.length;
}
