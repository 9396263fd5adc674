// Ranks on a circle, and on each arc the slot that travels it. The table beside it has the numbers.
import { fixed } from "./text.js";

/** An SVG as text, the same as ring_picture in all_reduce_stepper.py. */
export function ringPicture({ rows, held, sent }) {
  const n = rows.length;
  const slots = Object.fromEntries(sent.map(([rank, , slot]) => [rank, slot]));
  const gap = 0.36;
  const place = (angle, radius) =>
    `${fixed(180 + radius * Math.sin(angle), 1)} ${fixed(150 - radius * Math.cos(angle), 1)}`;
  const drawn = held.map((row, rank) => {
    const at = (2 * Math.PI * rank) / n;
    const to = (2 * Math.PI * (rank + 1)) / n;
    let arc = "";
    if (rank in slots) {
      const end = to - gap;
      const tip = `${place(end, 104)}L${place(end - 0.12, 112)}L${place(end - 0.12, 96)}Z`;
      const [a, b] = place((at + to) / 2, 132).split(" ");
      const far = Number(to - at - 2 * gap > Math.PI);
      const line = `M${place(at + gap, 104)}A104 104 0 ${far} 1 ${place(end - 0.1, 104)}`;
      arc =
        `<path d="${line}"/><path class="tip" d="M${tip}"/>` +
        `<text x="${a}" y="${b}" dy="5">slot ${slots[rank] + 1}</text>`;
    }
    const [x, y] = place(at, 104).split(" ");
    const done = row.filter((number) => number === n).length;
    return (
      `${arc}<circle cx="${x}" cy="${y}" r="30"/>` +
      `<text x="${x}" y="${y}" dy="-2">rank ${rank + 1}</text>` +
      `<text x="${x}" y="${y}" dy="15">${done} of ${n}</text>`
    );
  });
  const size = 'class="cw-ring" viewBox="0 0 360 300" width="360" height="300"';
  return `<svg ${size} aria-hidden="true">${drawn.join("")}</svg>`;
}
