// How far two judges agree. No DOM.

/** Agreement of two lists of true and false: the same as agreement in audit.py. */
export function agreement(mine, theirs) {
  const n = mine.length;
  const same = mine.filter((one, i) => one === theirs[i]).length;
  const yes = [mine, theirs].map((side) => side.filter(Boolean).length);
  const byChance = (yes[0] * yes[1] + (n - yes[0]) * (n - yes[1])) / n;
  return { n, same, byChance, kappa: byChance === n ? 1 : (same - byChance) / (n - byChance) };
}
