// A query and a key as arrows, turned by their places. The table beside it has the numbers.
import { fixed } from "./text.js";
import { SPEED, turnedPair } from "../math/waves.js";

/** The size of an angle in whole degrees. */
export function degrees(angle) {
  return `${fixed((Math.abs(angle) * 180) / Math.PI, 0)}°`;
}

/** The same sentence as describe_arrows in turned_arrows.py. */
export function describeArrows(a, b, shift) {
  return (
    `Turned by their places, a query at ${b} and a key at ${a} are ` +
    `${degrees(turnedPair(b, a).between)} apart; at ${b + shift} and ${a + shift}: ` +
    `${degrees(turnedPair(b + shift, a + shift).between)}. Same distance, same angle.`
  );
}

/** An SVG as text, the same as arrow_picture in turned_arrows.py. */
export function arrowPicture(places, speed = SPEED) {
  const drawn = places.map(([t, s], n) => {
    const middle = 90 + 180 * n;
    const at = (angle, radius) =>
      [middle + radius * Math.cos(angle), 90 - radius * Math.sin(angle)]
        .map((value) => fixed(value, 1).replace("−", "-"))
        .join(" ");
    const { query, key, between } = turnedPair(t, s, speed);
    const side = Number(between < 0);
    const arc = `M${at(key, 24)}A24 24 0 0 ${side} ${at(key + between, 24)}`;
    const arrows = [
      ["query", query, 66],
      ["key", key, 50],
    ].map(([kind, angle, length]) => {
      const [left, right] = [at(angle + 0.16, length - 10), at(angle - 0.16, length - 10)];
      const [x, y] = at(angle, length + 14).split(" ");
      return (
        `<path class="${kind}" d="M${middle} 90L${at(angle, length)}` +
        `M${left}L${at(angle, length)}L${right}"/>` +
        `<text x="${x}" y="${y}" dy="4">${kind[0]}</text>`
      );
    });
    return (
      `<circle cx="${middle}" cy="90" r="66"/><path class="arc" d="${arc}"/>${arrows.join("")}` +
      `<text x="${middle}" y="190">${t} and ${s}: ${degrees(between)}</text>`
    );
  });
  const wide = 180 * places.length;
  const size = `class="cw-arrows" viewBox="0 0 ${wide} 200" width="${wide}" height="200"`;
  return `<svg ${size} aria-hidden="true">${drawn.join("")}</svg>`;
}
