// Memory and traffic of data-parallel training, as course_lib/distributed/memory/accounting.py.
// No DOM.
const PRECISIONS = {
  mixed: { parameters: 2, gradients: 2, copy: 4, activation: 2 },
  float32: { parameters: 4, gradients: 4, copy: 0, activation: 4 },
};
const OPTIMIZERS = { adam: 8, momentum: 4, sgd: 0 };

/**
 * Bytes of each part on one GPU, bytes per parameter, and the traffic of a step relative to stage
 * 0.
 */
export function memoryOf({
  parameters,
  gpus,
  stage,
  precision,
  optimizer,
  layers,
  width,
  tokens,
  sequences,
  recompute,
}) {
  const { parameters: p, gradients: g, copy, activation } = PRECISIONS[precision];
  const state = copy + OPTIMIZERS[optimizer];
  const elements = layers * width * tokens * sequences * (recompute ? 1 : 12);
  const parts = {
    parameters: (p * parameters) / (stage >= 3 ? gpus : 1),
    gradients: (g * parameters) / (stage >= 2 ? gpus : 1),
    optimizer: (state * parameters) / (stage >= 1 ? gpus : 1),
    activations: elements * activation,
  };
  const total = Object.values(parts).reduce((a, b) => a + b, 0);
  return {
    parts,
    total,
    each: { parameters: p, gradients: g, optimizer: state },
    traffic: stage === 3 ? 1.5 : 1,
  };
}
