// Reads packed attention weights: whole ten-thousandths, row after row. No DOM.

/** The weights that query `i` gives to every key, in one head or averaged ("mean"), as shares. */
export function weightsOf({ packed, heads, size, causal }, layer, head, i) {
  const start = causal ? (i * (i + 1)) / 2 : i * size;
  const length = causal ? i + 1 : size;
  const chosen = head === "mean" ? Array.from({ length: heads }, (_, index) => index) : [head];
  return Array.from({ length: size }, (_, j) =>
    j < length
      ? chosen.reduce((sum, index) => sum + packed[layer][index][start + j], 0) /
        chosen.length /
        10000
      : 0,
  );
}

/**
 * Indices of the keys with the largest weights, largest first; the earlier one first among equals.
 */
export function strongest(weights, n) {
  return weights
    .map((_, j) => j)
    .sort((a, b) => weights[b] - weights[a] || a - b)
    .slice(0, n)
    .filter((j) => weights[j] > 0);
}
