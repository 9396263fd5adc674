// Text to ids and back in the page: words between blanks, or byte-level BPE as
// course_lib.tokenizers. No DOM.

const PIECE = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

function wordPieces({ tokens }) {
  const idOf = new Map(tokens.map((word, id) => [word, id]));
  return {
    encode(text) {
      const words = text.split(/\s+/).filter(Boolean);
      return {
        ids: words.filter((word) => idOf.has(word)).map((word) => idOf.get(word)),
        unknown: words.filter((word) => !idOf.has(word)),
      };
    },
    append: (text, id) => (text.trim() ? `${text.trimEnd()} ${tokens[id]}` : tokens[id]),
  };
}

function bytePieces({ bytes, merges }) {
  const idOf = new Map(bytes.flatMap((one, id) => (one.length === 1 ? [[one[0], id]] : [])));
  const rankOf = new Map(
    merges.map(([left, right, id], rank) => [`${left} ${right}`, { rank, id }]),
  );
  const cache = new Map();
  const merged = (piece) => {
    let ids = [...new TextEncoder().encode(piece)].map((one) => idOf.get(one));
    for (;;) {
      let best = null;
      for (let i = 0; i + 1 < ids.length; i += 1) {
        const found = rankOf.get(`${ids[i]} ${ids[i + 1]}`);
        if (found && (!best || found.rank < best.rank)) best = { ...found, at: i };
      }
      if (!best) return ids;
      ids = [...ids.slice(0, best.at), best.id, ...ids.slice(best.at + 2)];
    }
  };
  return {
    encode(text) {
      const pieces = text.match(PIECE) ?? [];
      for (const piece of pieces) if (!cache.has(piece)) cache.set(piece, merged(piece));
      return { ids: pieces.flatMap((piece) => cache.get(piece)), unknown: [] };
    },
    append: null,
  };
}

/**
 * The text of some ids of a byte-level vocabulary; half a character becomes the replacement sign.
 */
export function textOf(bytes, ids) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    new Uint8Array(ids.flatMap((id) => bytes[id])),
  );
}

/**
 * A tokenizer: encode(text) gives {ids, unknown}; append(text, id) writes on, where a word is a
 * token.
 */
export function makePieces(given) {
  return given.kind === "words" ? wordPieces(given) : bytePieces(given);
}

/** The ids of a text: the form that tests call. */
export function idsOf(given, text) {
  return makePieces(given).encode(text);
}
