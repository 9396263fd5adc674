// Sinusoidal positions as course_lib/model/positions.py lays them out: sines, then cosines. No DOM.

/** The encoding of one position: D numbers. */
export function positionRow(position, width) {
  const half = width / 2;
  const phases = Array.from({ length: half }, (_, i) => position * 10000 ** (-i / half));
  return [...phases.map(Math.sin), ...phases.map(Math.cos)];
}

/** The dot product of two positions; it depends on their distance alone. */
export function positionDot(a, b, width) {
  const rows = [positionRow(a, width), positionRow(b, width)];
  return rows[0].reduce((sum, value, i) => sum + value * rows[1][i], 0);
}
