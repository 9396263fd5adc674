// Beam search on a tree of chances. No DOM.

/** Every step's candidates, best first: {text, chance, kept}. The same as beam_steps. */
export function beamSteps({ tree }, nBeams) {
  const steps = [];
  const rows = new Map(tree);
  let kept = [["", 1]];
  while (rows.has(kept[0][0])) {
    const found = kept.flatMap(([text, chance]) =>
      rows.get(text).map(([word, p]) => [`${text} ${word}`.trim(), chance * p]),
    );
    found.sort((a, b) => b[1] - a[1]);
    steps.push(found.map(([text, chance], place) => ({ text, chance, kept: place < nBeams })));
    kept = found.slice(0, nBeams);
  }
  return steps;
}

/** The likeliest text of all: {text, chance}. */
export function bestText(data) {
  return beamSteps(data, Infinity).at(-1)[0];
}
