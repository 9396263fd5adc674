// All-reduce around a ring: reduce-scatter, then all-gather. No DOM.

/**
 * Every state from the ranks' own numbers to the sums on all ranks. `held[r][c]` says how many
 * ranks'
 * numbers the slot c of rank r adds up; `sent` lists [from, to, slot] of the step that led here.
 */
export function ringStates(rows) {
  const n = rows.length;
  const states = [
    {
      phase: "start",
      step: 0,
      rows: rows.map((row) => [...row]),
      held: rows.map((row) => row.map(() => 1)),
      sent: [],
    },
  ];
  const advance = (phase, step, change) => {
    const last = states.at(-1);
    const next = {
      phase,
      step,
      rows: last.rows.map((row) => [...row]),
      held: last.held.map((row) => [...row]),
      sent: [],
    };
    for (let rank = 0; rank < n; rank += 1) {
      const to = (rank + 1) % n;
      const slot = change(rank);
      next.sent.push([rank, to, slot]);
      if (phase === "reduce-scatter") {
        next.rows[to][slot] = last.rows[to][slot] + last.rows[rank][slot];
        next.held[to][slot] = last.held[to][slot] + last.held[rank][slot];
      } else {
        next.rows[to][slot] = last.rows[rank][slot];
        next.held[to][slot] = last.held[rank][slot];
      }
    }
    states.push(next);
  };
  for (let step = 1; step < n; step += 1)
    advance("reduce-scatter", step, (rank) => (rank - step + n) % n);
  for (let step = 1; step < n; step += 1)
    advance("all-gather", step, (rank) => (rank - step + 1 + n) % n);
  return states;
}
