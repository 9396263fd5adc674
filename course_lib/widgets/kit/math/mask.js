// Who may see whom: the masks of the three families. No DOM.

/** Rows see columns. `padding` columns at the end hold no word and are never seen. */
export function maskOf(kind, rows, columns, padding = 0) {
  return Array.from({ length: rows }, (_, i) =>
    Array.from(
      { length: columns },
      (_, j) => j < columns - padding && (kind !== "decoder" || j <= i),
    ),
  );
}

/** What is wrong with a row: {kind, columns}, or null. */
export function rowFault(given, wanted, i, kind, padding) {
  const extra = given.flatMap((seen, j) => (seen && !wanted[j] ? [j] : []));
  const missing = given.flatMap((seen, j) => (!seen && wanted[j] ? [j] : []));
  if (!extra.length && !missing.length) return null;
  if (extra.some((j) => j >= given.length - padding)) return "padding";
  if (extra.length) return "later";
  if (kind === "decoder" && missing.includes(i)) return "itself";
  return "missing";
}
