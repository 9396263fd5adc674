// Seconds of computing and of sending in a step, as phases_of in step_time.py. No DOM.

/** Links between GPUs: name and bytes a second. */
export const LINKS = {
  nvlink: ["NVLink, 300 GB/s", 300e9],
  infiniband: ["InfiniBand, 12.5 GB/s", 12.5e9],
  ethernet: ["Ethernet, 1.25 GB/s", 1.25e9],
};
const OPERATIONS = [2, 4, 0]; // of a token and parameter: forward, backward, after the step
const SENT = [
  [0, 2, 0],
  [0, 1, 1],
  [0, 1, 1],
  [1, 2, 0],
]; // numbers sent for each parameter, by stage

/**
 * The phases of a step, each with its seconds of computing and of sending and with what of the
 * sending is left to wait for.
 */
export function phasesOf({ parameters, gpus, stage, tokens, link, teraflops, overlap }) {
  const share = (gpus - 1) / gpus;
  return ["forward", "backward", "after the step"].map((name, i) => {
    const computing = (OPERATIONS[i] * parameters * tokens) / (teraflops * 1e12);
    const sending = (2 * SENT[stage][i] * parameters * share) / LINKS[link][1];
    const waiting = overlap ? Math.max(0, sending - computing) : sending;
    return { name, computing, sending, waiting };
  });
}

/** The sums over a step. */
export function stepOf(choice) {
  const phases = phasesOf(choice);
  const sum = (key) => phases.reduce((all, phase) => all + phase[key], 0);
  const [computing, sending, waiting] = ["computing", "sending", "waiting"].map(sum);
  return { computing, sending, waiting, step: computing + waiting };
}
