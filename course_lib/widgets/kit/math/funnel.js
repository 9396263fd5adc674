// Filters in a row over pages whose flags are known. No DOM.

/**
 * What each filter of `order` (names) leaves: the same as funnel_of in data_funnel.py. A filter for
 * copies drops a page if an earlier page that it equals came as far as this filter.
 */
export function funnelOf(data, order) {
  let left = data.words.map((_, i) => i);
  return order.map((name) => {
    const { flagged, copies } = data.filters[name];
    const reached = new Set(left);
    const bad = new Set(flagged);
    const drops = (i) => bad.has(i) || (copies[i] ?? []).some((j) => reached.has(j));
    const dropped = left.filter(drops);
    left = left.filter((i) => !drops(i));
    return {
      name,
      pages: left.length,
      words: left.reduce((sum, i) => sum + data.words[i], 0),
      dropped: dropped.length,
      wrong: dropped.filter((i) => data.keep[i]),
    };
  });
}
