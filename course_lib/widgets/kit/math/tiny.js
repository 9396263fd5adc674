// A decoder in plain JavaScript: the arithmetic of course_lib.model.Transformer, one token at a
// time.
// No DOM. Double precision throughout; weights arrive as whole numbers with a step for each row.

/**
 * The matrix of packed weights, {rows, columns, values}: whole numbers of 8 or 16 bits times the
 * step of their row.
 */
export function unpackMatrix({ rows, columns, bits, data, steps }) {
  const { buffer } = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const whole = bits === 8 ? new Int8Array(buffer) : new Int16Array(buffer);
  const values = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r += 1)
    for (let c = 0; c < columns; c += 1)
      values[r * columns + c] = whole[r * columns + c] * steps[r];
  return { rows, columns, values };
}

/** y = W x + b, with b left out where it is null. */
export function applyMatrix({ rows, columns, values }, x, bias) {
  const y = new Float64Array(rows);
  for (let r = 0; r < rows; r += 1) {
    let sum = bias ? bias[r] : 0;
    for (let c = 0; c < columns; c += 1) sum += values[r * columns + c] * x[c];
    y[r] = sum;
  }
  return y;
}

/**
 * Takes off the mean, divides by the spread, scales and shifts; without a bias it divides by the
 * root mean square.
 */
export function normVector(x, { weight, bias }, eps) {
  const n = x.length;
  const mean = bias ? x.reduce((sum, value) => sum + value, 0) / n : 0;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  const scale = 1 / Math.sqrt(variance + eps);
  return x.map((value, i) => (value - mean) * scale * weight[i] + (bias ? bias[i] : 0));
}

export const BENDS = {
  relu: (x) => Math.max(0, x),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** Turns the pairs (i, i + half) of one head by the angles of a position. */
export function turnHead(values, start, width, position, frequencies) {
  const half = width / 2;
  for (let i = 0; i < half; i += 1) {
    const angle = position * frequencies[i];
    const [a, b] = [values[start + i], values[start + half + i]];
    values[start + i] = a * Math.cos(angle) - b * Math.sin(angle);
    values[start + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
  }
}

/**
 * A model that has read nothing yet. `read(ids)` gives the logits after them, and reads only what
 * is new.
 */
export function tinyModel(packed) {
  const {
    n_heads: H,
    n_kv_heads: G,
    d_head: K,
    eps,
    scale,
    frequencies,
    activation,
  } = packed.config;
  const table = unpackMatrix(packed.embedding);
  const places = packed.positions ? unpackMatrix(packed.positions) : null;
  const head = packed.head ? unpackMatrix(packed.head) : table;
  const blocks = packed.blocks.map((block) => ({
    ...block,
    qkv: unpackMatrix(block.qkv),
    output: unpackMatrix(block.output),
    up: unpackMatrix(block.up),
    down: unpackMatrix(block.down),
    gate: block.gate ? unpackMatrix(block.gate) : null,
  }));
  const bend = BENDS[activation];
  let ids = [];
  let logits = [];
  let memory = blocks.map(() => ({ keys: [], values: [] }));

  const attend = (
    { qkv, qkv_bias: bias, output, output_bias: outBias },
    { keys, values },
    x,
    position,
  ) => {
    const all = applyMatrix(qkv, x, bias);
    if (frequencies)
      for (let one = 0; one < H + G; one += 1) turnHead(all, one * K, K, position, frequencies);
    keys.push(all.slice(H * K, (H + G) * K));
    values.push(all.slice((H + G) * K));
    const mixed = new Float64Array(H * K);
    for (let one = 0; one < H; one += 1) {
      const from = Math.floor(one / (H / G)) * K;
      const scores = keys.map((key) => {
        let sum = 0;
        for (let i = 0; i < K; i += 1) sum += all[one * K + i] * key[from + i];
        return sum * scale;
      });
      const best = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - best));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, t) => {
        for (let i = 0; i < K; i += 1) mixed[one * K + i] += (weight / total) * values[t][from + i];
      });
    }
    return applyMatrix(output, mixed, outBias);
  };
  const readOne = (id, position) => {
    let x = table.values.slice(id * table.columns, (id + 1) * table.columns);
    if (places) x = x.map((value, i) => value + places.values[position * places.columns + i]);
    blocks.forEach((block, layer) => {
      const gathered = attend(
        block,
        memory[layer],
        normVector(x, block.attention_norm, eps),
        position,
      );
      x = x.map((value, i) => value + gathered[i]);
      const seenNow = normVector(x, block.feed_forward_norm, eps);
      const up = applyMatrix(block.up, seenNow, block.up_bias);
      const gate = block.gate ? applyMatrix(block.gate, seenNow, block.gate_bias) : null;
      const wide = gate ? gate.map((value, i) => bend(value) * up[i]) : up.map(bend);
      const added = applyMatrix(block.down, wide, block.down_bias);
      x = x.map((value, i) => value + added[i]);
    });
    return applyMatrix(head, packed.final_norm ? normVector(x, packed.final_norm, eps) : x, null);
  };
  const read = (wanted) => {
    let shared = 0;
    while (shared < Math.min(ids.length, wanted.length) && ids[shared] === wanted[shared])
      shared += 1;
    if (shared === wanted.length && shared < ids.length) shared -= 1; // its logits are gone
    memory.forEach((one) => {
      one.keys.length = shared;
      one.values.length = shared;
    });
    for (let position = shared; position < wanted.length; position += 1)
      logits = [...readOne(wanted[position], position)];
    ids = [...wanted];
    return logits;
  };
  return { read };
}

/** The logits after some ids, from a fresh model: the form that golden vectors hold. */
export function logitsAfter(packed, ids) {
  return tinyModel(packed).read(ids);
}

/** The logits after each of some texts, one model reading them one after another. */
export function logitsInTurn(packed, texts) {
  const { read } = tinyModel(packed);
  return texts.map((ids) => [...read(ids)]);
}
