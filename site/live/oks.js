// Object keypoint similarity: hpe_lib.metrics in the browser.

export const SIGMAS = [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]
  .map((share) => share / 10);
export const THRESHOLDS = Array.from({ length: 10 }, (_, index) => 0.5 + index * ((0.95 - 0.5) / 9));

// exp(-d^2 / (2 area (2 sigma)^2)) of one joint, [dx, dy] px off, on a person of `area` px^2.
export function similarity([dx, dy], joint, area) {
  return Math.exp(-(dx ** 2 + dy ** 2) / (2 * SIGMAS[joint]) ** 2 / (area + Number.EPSILON) / 2);
}

// The mean over the labelled joints. truth: 17 rows [x, y, visibility]. pose: 17 rows [x, y].
export function oks(truth, area, pose) {
  const labelled = truth.map((_, joint) => joint).filter((joint) => truth[joint][2] > 0);
  const each = labelled.map((joint) => similarity([0, 1].map((axis) => pose[joint][axis] - truth[joint][axis]), joint, area));
  return each.reduce((sum, value) => sum + value, 0) / labelled.length;
}

// How far off (px) a joint has a given similarity.
export function ringRadius(value, joint, area) {
  return 2 * SIGMAS[joint] * Math.sqrt(-2 * Math.log(value) * area);
}
