// Stages in order, and the cheapest step that suffices: as planner.py computes them. No DOM.

/** The step of the least hours that reaches the target; the first, if several do. */
export function cheapestStep(brief) {
  const enough = brief.steps.filter((step) => step.score >= brief.target);
  return enough.reduce((best, one) => (one.hours < best.hours ? one : best));
}

/** The weights' memory in service, in GB. */
export function servingGigabytes({ parameters, bits }) {
  return (parameters * bits) / 8e9;
}

/** The first stage of `order` (names) that stands before one it needs, or null. */
export function firstFault(data, order) {
  for (const [place, stage] of order.entries()) {
    const { after, why } = data.stages.find(({ name }) => name === stage);
    for (const needs of after) if (order.indexOf(needs) > place) return { stage, needs, why };
  }
  return null;
}
