// Moves through the latent space, from z to z.

import {checkNumbers, checkWhole} from './checks.mjs';

const Z = 'a z, a list of numbers';

/** Returns the z at `t`, from 0 to 1, on the great circle from one z to another (White 2016). */
export function interpolate(first, second, t) {
  checkAlike([first, second]);
  if (!(t >= 0 && t <= 1)) throw new RangeError(`t: expected a number from 0 to 1, got ${t}`);
  return between(Array.from(first), Array.from(second), t);
}

/**
 * Returns a square of z between four corners, row by row. The first two corners are at the top, the
 * other two at the bottom (Ha & Eck 2017, figure 1). `steps` is the number of z along each side.
 */
export function grid(corners, steps) {
  if (!Array.isArray(corners) || corners.length !== 4) {
    throw new TypeError(`expected four corners, each ${Z}`);
  }
  checkAlike(corners);
  checkWhole(steps, 2, 'steps');
  const [topLeft, topRight, bottomLeft, bottomRight] = corners.map((z) => Array.from(z));
  const shares = Array.from({length: steps}, (_, i) => i / (steps - 1));
  return shares.flatMap((down) => {
    const left = between(topLeft, bottomLeft, down), right = between(topRight, bottomRight, down);
    return shares.map((across) => between(left, right, across));
  });
}

/** Returns first - second + third (Ha & Eck 2017, section 4.3). */
export function analogy(first, second, third) {
  checkAlike([first, second, third]);
  return Array.from(third, (value, i) => value + (first[i] - second[i]));
}

function checkAlike(zs) {
  zs.forEach((z) => checkNumbers(z, Z));
  const [{length}] = zs;
  zs.forEach((z) => checkNumbers(z, `z of the same length, ${length} numbers`, length));
}

function between(first, second, t) {
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const lengths = Math.sqrt(dot(first, first) * dot(second, second));
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(first, second) / Math.max(lengths, 1e-30))));
  const sine = Math.sin(angle);
  const [a, b] = sine < 1e-6
    ? [1 - t, t]
    : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return first.map((value, i) => a * value + b * second[i]);
}
