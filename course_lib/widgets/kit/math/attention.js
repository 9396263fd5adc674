// The arithmetic of the widgets, held equal to course_lib by golden vectors. No DOM.

/** exp of each score over their sum; −Infinity gives weight 0. */
export function softmax(scores) {
  const best = Math.max(...scores);
  const powers = scores.map((score) => (score === -Infinity ? 0 : Math.exp(score - best)));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

export function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** Attention of every query over every key, stage by stage; rows are queries. */
export function attentionStages(q, k, v, { causal = true, scaled = true } = {}) {
  const root = Math.sqrt(q[0].length);
  const score = q.map((query) => k.map((key) => dot(query, key)));
  const divided = score.map((row) => row.map((value) => (scaled ? value / root : value)));
  const masked = divided.map((row, i) =>
    row.map((value, j) => (causal && j > i ? -Infinity : value)),
  );
  const weight = masked.map(softmax);
  const output = weight.map((row) =>
    v[0].map((_, column) => row.reduce((sum, share, j) => sum + share * v[j][column], 0)),
  );
  return { score, scaled: divided, masked, weight, output };
}
