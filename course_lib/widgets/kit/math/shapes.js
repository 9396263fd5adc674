// Shapes and parameter counts of a transformer from its config, as course_lib/config.py counts. No
// DOM.

/** The derived sizes of a config. */
export function sizesOf(config) {
  const K = config.d_head ?? config.d_model / config.n_heads;
  return {
    D: config.d_model,
    H: config.n_heads,
    G: config.n_kv_heads ?? config.n_heads,
    K,
    F: config.d_ff ?? 4 * config.d_model,
    V: config.vocab_size,
  };
}

/** Parameters by part; the parts sum to TransformerConfig.n_parameters(). */
export function partsOf(config) {
  const { D, H, G, K, F, V } = sizesOf(config);
  const norm = D * (config.norm === "layer" ? 2 : 1);
  const attention = D * (H + 2 * G) * K + H * K * D + (config.bias ? (H + 2 * G) * K + D : 0);
  const feed = D * F * (config.gated ? 3 : 2) + (config.bias ? F * (config.gated ? 2 : 1) + D : 0);
  const [encoder, decoder] = [config.n_encoder_layers, config.n_decoder_layers];
  const both = encoder > 0 && decoder > 0;
  const stacks = (encoder > 0) + (decoder > 0);
  const edge = norm * (config.embedding_norm + config.final_norm);
  const order =
    {
      learned: (config.max_seq_len + config.position_offset) * D,
      relative: config.relative_buckets * H,
    }[config.position] ?? 0;
  return {
    "token embedding": V * D,
    "positions and segments": stacks * order + config.n_segments * D,
    attention: (encoder + decoder) * attention,
    "cross-attention": both ? decoder * attention : 0,
    "feed-forward": (encoder + decoder) * feed,
    norms: (encoder + decoder) * 2 * norm + (both ? decoder * norm : 0) + stacks * edge,
    "output head":
      (config.tie_embeddings ? 0 : V * D) +
      (config.head_transform ? D * D + (config.bias ? D : 0) + norm : 0) +
      (config.head_bias === "learned" ? V : 0),
  };
}

/** Every stop of the data, in order: {name, letters, shape, note, ask}. */
export function stopsOf(config, { B, T, S }) {
  const size = { ...sizesOf(config), B, T, S };
  const stop = (name, letters, note, ask = false) => ({
    name,
    letters: letters.split(" "),
    shape: letters.split(" ").map((letter) => size[letter]),
    note,
    ask,
  });
  const both = config.n_encoder_layers > 0 && config.n_decoder_layers > 0;
  const order =
    config.n_decoder_layers > 0
      ? "each word sees itself and earlier words"
      : "each word sees all words";
  const encoder = both
    ? [
        stop("source tokens", "B S", "the encoder's input, S token ids"),
        stop("source embeddings", "B S D", "one row of the table for each id"),
        stop("encoder scores", "B H S S", "each source word against each", true),
        stop("memory", "B S D", "what the encoder hands to the decoder"),
      ]
    : [];
  const cross = both
    ? [
        stop("cross-attention queries", "B H T K", "made from the decoder's words"),
        stop("cross-attention keys and values", "B G S K", "made from the memory", true),
        stop(
          "cross-attention scores",
          "B H T S",
          "each written word against each source word",
          true,
        ),
        stop("after cross-attention", "B T D", "added to the stream: the residual joins"),
      ]
    : [];
  return [
    ...encoder,
    stop("tokens", "B T", "token ids"),
    stop(
      "embeddings",
      "B T D",
      "one row of the table for each id; positions join here or at the scores",
      true,
    ),
    stop("queries", "B H T K", "the width is split over the heads", true),
    stop(
      "keys",
      "B G T K",
      size.G === size.H
        ? "as many heads as queries"
        : `${size.G} key-value heads serve ${size.H} query heads`,
    ),
    stop("values", "B G T K", "the same shape as the keys"),
    stop("scores", "B H T T", order, true),
    stop("mixed values", "B H T K", "each head's average of the values"),
    stop(
      "after attention",
      "B T D",
      "heads side by side, one matrix, added to the stream: the residual joins",
    ),
    ...cross,
    stop("inside the feed-forward", "B T F", "each word by itself, wider", true),
    stop(
      "after the feed-forward",
      "B T D",
      "back to the width, added to the stream: the residual joins",
    ),
    stop("logits", "B T V", "one number for each token of the vocabulary", true),
  ];
}

/** What is wrong with a typed shape, or "" when it is right. */
export function shapeFault(text, { shape, letters }, size) {
  const numbers = text
    .split(/[^0-9]+/)
    .filter(Boolean)
    .map(Number);
  if (!numbers.length) return "Type the sizes, such as 2 × 16 × 64.";
  if (numbers.join() === shape.join()) return "";
  if (numbers.length === shape.length - 1 && numbers.join() === shape.slice(1).join())
    return "The batch is missing: it comes first.";
  if (numbers.length !== shape.length)
    return `This stop has ${shape.length} sizes, you wrote ${numbers.length}.`;
  if ([...numbers].sort().join() === [...shape].sort().join())
    return "The right sizes in another order.";
  const at = numbers.findIndex((value, i) => value !== shape[i]);
  if (letters[at] === "K" && numbers[at] === size.D)
    return "One head is not as wide as the model: D is split over the heads.";
  if (letters[at] === "F" && numbers[at] === size.D)
    return "Inside the feed-forward the vectors are wider than the model.";
  return `Size ${at + 1} is another one.`;
}
