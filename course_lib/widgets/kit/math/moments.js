// The moments of a training step: where a stage holds the most, and what it holds when. No DOM.

/** The first stretch in which a stage holds the most: [phase, stretch]. */
export function peakOf({ held }) {
  const most = Math.max(...held.flat());
  const phase = held.findIndex((row) => row.includes(most));
  return [phase, held[phase].indexOf(most)];
}

/** What a stage holds at a moment of the step: [phase, stretch, size]. */
export function heldAt({ held }, moment) {
  const n = held[0].length;
  const phase = Math.floor(moment / n);
  return [phase, moment % n, held[phase][moment % n]];
}
