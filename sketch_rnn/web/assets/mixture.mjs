// Reads the mixture of Gaussians that a decoder's output describes, and samples points from it
// (Graves 2013, equations 16-25; Ha & Eck 2017, section 3.2).
//
// An output has 3 pen logits, and then M numbers for each of the following: the logits of pi, mu_x,
// mu_y, log sigma_x, log sigma_y, and rho before its tanh.

const PEN_STATES = 3;
const [PI, MU_X, MU_Y, SIGMA_X, SIGMA_Y, RHO] = [0, 1, 2, 3, 4, 5];

export function outputSize(mixtures) {
  return PEN_STATES + 6 * mixtures;
}

/** Returns the parameters of the next point's distribution. */
export function distribution(output) {
  const part = (index) => mixturePart(output, index);
  return {
    pi: softmax(part(PI)),
    muX: part(MU_X),
    muY: part(MU_Y),
    sigmaX: part(SIGMA_X).map(Math.exp),
    sigmaY: part(SIGMA_Y).map(Math.exp),
    rho: part(RHO).map(Math.tanh),
    pen: softmax(output.slice(0, PEN_STATES)),
  };
}

/**
 * Samples the next point, [dx, dy, p1, p2, p3].
 *
 * The temperature divides the logits of pi and of the pen, and multiplies both standard deviations.
 * If `greedy`, takes the mean of the most probable component and the most probable pen state.
 */
export function samplePoint(output, {temperature, greedy, random, mayEnd}) {
  const part = (index) => mixturePart(output, index);
  const pen = output.slice(0, PEN_STATES);
  if (!mayEnd) pen[2] = -Infinity;
  const choose = (logits) => (greedy ? largest(logits) : chooseIndex(logits, temperature, random));
  const component = choose(part(PI));
  const state = choose(pen);
  const point = [part(MU_X)[component], part(MU_Y)[component], 0, 0, 0];
  if (!greedy) {
    const [first, second] = twoNormals(random);
    const r = part(RHO)[component]; // sqrt(1 - rho^2) is 1 / cosh(r)
    point[0] += Math.exp(part(SIGMA_X)[component]) * temperature * first;
    point[1] += Math.exp(part(SIGMA_Y)[component]) * temperature
      * (Math.tanh(r) * first + second / Math.cosh(r));
  }
  point[2 + state] = 1;
  return point;
}

/** Returns a function that returns random numbers in [0, 1), seeded with two whole numbers. */
export function randomNumbers(seed, stream) {
  let state = scramble((seed >>> 0) ^ scramble((stream + 1) >>> 0));
  return () => {
    state = (state + 0x9e3779b9) >>> 0; // a Weyl sequence, scrambled
    return scramble(state) / 2 ** 32;
  };
}

/** Samples two independent standard normal numbers (Box & Muller 1958). */
export function twoNormals(random) {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  const angle = 2 * Math.PI * random();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

function mixturePart(output, index) {
  const mixtures = (output.length - PEN_STATES) / 6;
  return output.slice(PEN_STATES + index * mixtures, PEN_STATES + (index + 1) * mixtures);
}

function softmax(logits) {
  const most = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - most));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function largest(values) {
  return values.indexOf(Math.max(...values));
}

function chooseIndex(logits, temperature, random) {
  const probabilities = softmax(logits.map((logit) => logit / temperature));
  let left = random();
  for (let index = 0; index < probabilities.length; index++) {
    left -= probabilities[index];
    if (left < 0) return index;
  }
  return largest(probabilities);
}

/** Mixes the bits of a 32-bit number; different numbers give different results. */
function scramble(x) {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
