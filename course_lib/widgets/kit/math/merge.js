// Byte pair encoding in the page: the same cut, counts and ties as course_lib.tokenizers. No DOM.

const WORD = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The bytes in the order of their ids: first those that print, then the others. */
export function byteOrder() {
  const prints = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  const all = Array.from({ length: 256 }, (_, b) => b);
  return [...all.filter(prints), ...all.filter((b) => !prints(b))];
}

/**
 * How often each pair of neighbours stands in the words: [left, right, count], most first, ties by
 * id.
 */
export function rankPairs(words) {
  const counts = new Map();
  for (const ids of words) {
    for (let i = 0; i + 1 < ids.length; i += 1) {
      const key = `${ids[i]} ${ids[i + 1]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return [...counts]
    .map(([key, count]) => [...key.split(" ").map(Number), count])
    .sort((a, b) => b[2] - a[2] || a[0] - b[0] || a[1] - b[1]);
}

/** Replaces a pair by a new id, from left to right. */
export function mergePair(ids, [left, right], id) {
  const merged = [];
  for (let i = 0; i < ids.length; i += 1) {
    if (ids[i] === left && ids[i + 1] === right) {
      merged.push(id);
      i += 1;
    } else merged.push(ids[i]);
  }
  return merged;
}

/**
 * Every state from single bytes on. A state has the words as ids, the pair that was merged to get
 * there
 * (null at first) with its count, the number of tokens, the size of the vocabulary and the best
 * next pairs.
 */
export function mergeStates(text, steps) {
  const order = byteOrder();
  const idOf = new Map(order.map((b, id) => [b, id]));
  const tokens = order.map((b) => [b]);
  const words = (text.match(WORD) ?? []).map((word) =>
    [...new TextEncoder().encode(word)].map((b) => idOf.get(b)),
  );
  const state = (now, pair, count, id) => ({
    words: now,
    pair,
    count,
    id,
    tokens: now.reduce((sum, ids) => sum + ids.length, 0),
    vocabulary: tokens.length,
    next: rankPairs(now).slice(0, 6),
  });
  const states = [state(words, null, 0, -1)];
  while (states.length <= steps && states.at(-1).next.length) {
    const [left, right, count] = states.at(-1).next[0];
    const id = tokens.push([...tokens[left], ...tokens[right]]) - 1;
    states.push(
      state(
        states.at(-1).words.map((ids) => mergePair(ids, [left, right], id)),
        [left, right],
        count,
        id,
      ),
    );
  }
  return { tokens, states };
}

/** A token as a reader can see it; bytes that are no whole character are written in hexadecimal. */
export function shownToken(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
  } catch {
    return bytes.map((b) => b.toString(16).toUpperCase().padStart(2, "0")).join("·");
  }
  return text.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥");
}
