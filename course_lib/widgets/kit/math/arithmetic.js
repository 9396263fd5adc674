// The arithmetic of self-attention written out, and what a wrong number most likely means. No DOM.
import { fixed, short } from "../ui/text.js";

function bracket(value) {
  return value < 0 ? `(${short(value)})` : short(value);
}

/** The arithmetic of one cell, written out. */
export function cellArithmetic(name, i, j, data, stages) {
  const { q, k, v } = data;
  const labels = data.labels.map((label) => `“${label}”`);
  const pair = `query ${labels[i]}, key ${labels[j]}`;
  const value = stages[name][i][j];
  if (name === "score") {
    const products = q[i].map((one, c) => `${bracket(one)} · ${bracket(k[j][c])}`);
    return `${pair}: ${products.join(" + ")} = ${short(value)}`;
  }
  if (name === "scaled") {
    return data.scaled
      ? `${pair}: ${short(stages.score[i][j])} ÷ √${q[0].length} = ${fixed(value)}`
      : `${pair}: scaling is off, ${fixed(value)} stays`;
  }
  if (name === "masked") {
    return value === -Infinity
      ? `${pair}: ${labels[j]} comes after ${labels[i]}, so the score becomes −∞`
      : `${pair}: not later, so ${fixed(value)} stays`;
  }
  if (name === "weight") {
    const row = stages.masked[i];
    const sum = row
      .filter((one) => one > -Infinity)
      .map((one) => `exp(${fixed(one)})`)
      .join(" + ");
    const top =
      row[j] === -Infinity
        ? "exp(−∞) = 0, so the weight is 0"
        : `exp(${fixed(row[j])}) ÷ (${sum}) = ${fixed(value)}`;
    return `${pair}: ${top}`;
  }
  const sum = stages.weight[i]
    .map((share, key) => `${fixed(share)} · ${bracket(v[key][j])}`)
    .join(" + ");
  return `output of ${labels[i]}, number ${j + 1}: ${sum} = ${fixed(value)}`;
}

/** The cell that a reader fills in before a stage opens. */
export function blankOf(name, n) {
  if (name === "masked") return [n - 2, n - 1];
  return [n > 2 ? n - 2 : 1, name === "output" ? 0 : 1];
}

/** What a wrong number most likely means: pairs of value and message. */
export function likelyMistakes(name, i, j, data, stages) {
  const { q, k, v } = data;
  const width = q[0].length;
  if (name === "score") {
    return [
      [
        q[j].reduce((sum, one, c) => sum + one * k[i][c], 0),
        "That is the pair the other way round: take the query of the row and the key of the " +
          "column.",
      ],
      [
        q[i].reduce((sum, one, c) => sum + one + k[j][c], 0),
        "Multiply number by number first, then add.",
      ],
      [q[i][0] * k[j][0], "That is only the first product; add the second."],
    ];
  }
  if (name === "scaled")
    return [
      [stages.score[i][j] / width, "You divided by the width; divide by its square root."],
      [stages.score[i][j], "That is the score before scaling."],
    ];
  if (name === "weight") {
    const column = stages.masked.map((row) => Math.exp(row[j]));
    const row = stages.masked[i].map(Math.exp);
    const all = stages.masked
      .flat()
      .map(Math.exp)
      .reduce((a, b) => a + b, 0);
    return [
      [row[j], "That is exp of the score; divide by the sum of the row."],
      [
        row[j] / column.reduce((a, b) => a + b, 0),
        "You divided by the column. Each query shares out its own row.",
      ],
      [row[j] / all, "You divided by the whole table. Each row sums to 1 by itself."],
      [1 / row.length, "Equal shares would need equal scores."],
    ];
  }
  if (name === "output") {
    return [
      [v[i][j], "That is the word's own value; mix all values by the weights of the row."],
      [
        v.reduce((sum, row) => sum + row[j], 0) / v.length,
        "That is the plain average; weight each value by its row of weights.",
      ],
      [v.reduce((sum, row) => sum + row[j], 0), "Weight each value before you add."],
    ];
  }
  return [];
}
