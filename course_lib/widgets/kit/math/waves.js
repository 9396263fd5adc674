// Positions without DOM: sinusoidal rows as course_lib/model/positions.py lays them out (sines,
// then cosines), and the turn that rotary positions give a query and a key.

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

/** Radians that the pair of the arrows turns from one place to the next. */
export const SPEED = 0.3;

/**
 * Angles of a query at place t and a key at place s, and the way from the key to the query: the
 * same as turned_pair in turned_arrows.py.
 */
export function turnedPair(t, s, speed = SPEED) {
  const query = (Math.atan2(0.9, 0.3) + t * speed) % (2 * Math.PI);
  const key = (s * speed) % (2 * Math.PI);
  const apart = query - key;
  const whole = Math.floor(apart / (2 * Math.PI) + 0.5);
  return { query, key, between: apart - 2 * Math.PI * whole };
}
