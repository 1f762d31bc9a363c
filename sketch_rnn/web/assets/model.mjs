// Sketch-RNN (Ha & Eck 2017): encode, decode and complete drawings.
//
// A drawing is a list of stroke-3 rows [dx, dy, pen lifted] in data units. It starts at (0, 0)
// with the pen down, so that the first row is the first segment.

import {CELLS} from './cells.mjs';
import {distribution, outputSize, randomNumbers, samplePoint, twoNormals} from './mixture.mjs';
import {Dense, decodeTensors, repeated} from './weights.mjs';

const POINT = 5; // the width of a stroke-5 row
const START_TOKEN = [0, 0, 1, 0, 0];
const LEAST_ADDED = 2; // points that finishing a drawing adds at least

/**
 * A model that the exporter wrote.
 *
 * It has `name`, `maxPoints`, `scaleFactor` (data units in a model unit), `fullSize` (the longer
 * side of a typical drawing in data units, which a drawing to encode should have; null where it is
 * not known) and `zSize`, which is 0 for a model without an encoder.
 */
export function load(content) {
  const tensors = decodeTensors(content);
  const layer = (path) => (name) => {
    const tensor = tensors[`${path}.${name}`];
    if (!tensor) throw new Error(`the model has no weights ${path}.${name}`);
    return tensor;
  };
  const recurrent = (path, {cell, units}) => new CELLS[cell](layer(path), POINT, units);
  const dense = (path) => new Dense(layer(path)('kernel'), layer(path)('bias'));
  const {encoder, decoder, z_size: zSize} = content;
  const first = tensors['decoder.first_state'];
  return {
    name: content.name,
    maxPoints: content.max_seq_len,
    scaleFactor: content.scale_factor,
    fullSize: content.full_size ?? null,
    zSize,
    encoder: encoder && {
      forward: recurrent('encoder.forward', encoder),
      backward: recurrent('encoder.backward', encoder),
      mu: dense('latent.mu'),
      logvar: dense('latent.logvar'),
    },
    decoder: {
      recurrent: recurrent('decoder.recurrent', decoder),
      output: dense('decoder.output'),
      outputSize: outputSize(decoder.mixtures),
      stateOfZ: zSize ? dense('decoder.first_state') : null,
      firstState: first ? Float64Array.from(first.values) : null,
    },
  };
}

/** The distribution of z given a drawing: {mu, logvar}, each of `zSize` numbers. */
export function encode(model, sketch) {
  if (!model.encoder) throw new Error('this model has no encoder');
  if (!sketch.length) throw new Error('expected a drawing with a point or more');
  const {forward, backward, mu, logvar} = model.encoder;
  const points = toStroke5(model, sketch);
  const ends = [readAll(forward, points), readAll(backward, points.slice().reverse())];
  const h = Float64Array.from(ends.flatMap((end) => Array.from(end)));
  return {mu: Array.from(mu.apply(h, 1)), logvar: Array.from(logvar.apply(h, 1))};
}

/**
 * New drawings.
 *
 * Options: `z` (of all of them; without it each has its own, at random), `count`, `temperature`
 * (low is sure, 1 is as trained), `greedy`, `leastPoints` (0) and `maxPoints` (the model's), and
 * `seed`, with which the same drawings come again.
 */
export function decode(model, options = {}) {
  return last(decodeSteps(model, options));
}

/**
 * A drawing, finished in `count` ways that begin with it; `maxPoints` are those of the
 * whole. Without `z` a model with an encoder takes the mu of what there is.
 */
export function complete(model, sketch, options = {}) {
  return last(completeSteps(model, sketch, options));
}

/** `decode` as a generator that halts after each step, and at last returns the drawings. */
export function* decodeSteps(model, options) {
  const settings = readSettings(model, options);
  const zs = settings.z ? [settings.z] : randomZs(model, settings.random);
  const run = startDecoder(model, zs, settings.count);
  const drawn = yield* drawSteps(model, run, START_TOKEN, settings);
  return drawn.map((points) => toStroke3(model, points));
}

/** `complete` as a generator, as `decodeSteps`. */
export function* completeSteps(model, sketch, options) {
  const settings = readSettings(model, options);
  const left = settings.maxPoints - sketch.length;
  if (!sketch.length || left < 1) {
    throw new Error(
        `expected a drawing of 1 to ${settings.maxPoints - 1} points, got ${sketch.length}`);
  }
  const z = settings.z || (model.zSize ? encode(model, sketch).mu : null);
  const run = startDecoder(model, z && [z], 1);
  const points = toStroke5(model, sketch);
  for (const point of [START_TOKEN, ...points.slice(0, -1)]) {
    model.decoder.recurrent.step(run, point);
    yield;
  }
  const drawn = yield* drawSteps(
      model, repeatRun(run, settings.count), points[points.length - 1],
      {...settings, maxPoints: left, leastPoints: LEAST_ADDED});
  return drawn.map((added) => [...sketch, ...toStroke3(model, added)]);
}

/** The distribution of the point after the start token, and of that after each row. */
export function distributions(model, sketch, z) {
  const run = startDecoder(model, z && [z], 1);
  return [START_TOKEN, ...toStroke5(model, sketch)].map((point) => {
    model.decoder.recurrent.step(run, point);
    return distribution(Array.from(model.decoder.output.apply(run.h, 1)));
  });
}

/** z at `t`, from 0 to 1, on the great circle from one to another (White 2016). */
export function interpolate(first, second, t) {
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const lengths = Math.sqrt(dot(first, first) * dot(second, second));
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(first, second) / Math.max(lengths, 1e-30))));
  const sine = Math.sin(angle);
  const [a, b] = sine < 1e-6
    ? [1 - t, t]
    : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return first.map((value, i) => a * value + b * second[i]);
}

/** Runs a generator to its end. */
function last(steps) {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

function readSettings(model, options) {
  const settings = {
    z: null, count: 1, temperature: 1, greedy: false, maxPoints: model.maxPoints, leastPoints: 0,
    seed: Math.floor(Math.random() * 2 ** 32),
    ...options,
  };
  const {z, count, temperature, seed} = settings;
  if (!(temperature > 0)) throw new Error(`expected a temperature above 0, got ${temperature}`);
  if (z && z.length !== model.zSize) {
    throw new Error(`expected a z of ${model.zSize} numbers, got ${z.length}`);
  }
  return {...settings, random: Array.from({length: count}, (_, row) => randomNumbers(seed, row))};
}

/** Draws from `point` on; returns the drawn stroke-5 rows of each sketch, without the end. */
function* drawSteps(model, run, point, settings) {
  const {recurrent, output, outputSize: width} = model.decoder;
  const {count, temperature, greedy, random, maxPoints, leastPoints} = settings;
  const drawn = random.map(() => []);
  const alive = random.map(() => true);
  const x = repeated(point, count, POINT);
  for (let step = 0; step < maxPoints && alive.includes(true); step++) {
    recurrent.step(run, x);
    const outputs = output.apply(run.h, count);
    for (let row = 0; row < count; row++) {
      if (!alive[row]) continue;
      const next = samplePoint(
          Array.from(outputs.subarray(row * width, (row + 1) * width)),
          {temperature, greedy, random: random[row], mayEnd: step >= leastPoints});
      alive[row] = next[4] === 0;
      if (alive[row]) drawn[row].push(next);
      x.set(next, row * POINT);
    }
    yield;
  }
  return drawn;
}

/** The decoder before its first step; `zs` are one z for all, or one for each, or null. */
function startDecoder(model, zs, batch) {
  const {recurrent, stateOfZ, firstState} = model.decoder;
  if (!zs) {
    const first = firstState && repeated(firstState, batch, recurrent.stateSize);
    return recurrent.start(batch, first, null);
  }
  const context = Float64Array.from(
      Array.from({length: batch}, (_, row) => Array.from(zs[row % zs.length])).flat());
  return recurrent.start(batch, stateOfZ.apply(context, batch).map(Math.tanh), context);
}

/** The run of one sketch as that of several. */
function repeatRun(run, batch) {
  const {batch: _, ...arrays} = run;
  const repeat = ([name, array]) => [name, repeated(array, batch, array.length)];
  return {batch, ...Object.fromEntries(Object.entries(arrays).map(repeat))};
}

/** A z from the prior for each sketch; null for a model without an encoder. */
function randomZs(model, random) {
  if (!model.zSize) return null;
  return random.map((next) => Array.from({length: model.zSize}, () => twoNormals(next)[0]));
}

/** h after all points, from the zero state. */
function readAll(cell, points) {
  const run = cell.start(1, null, null);
  for (const point of points) cell.step(run, point);
  return run.h;
}

function toStroke5(model, sketch) {
  return sketch.map(([dx, dy, lifted]) =>
    [dx / model.scaleFactor, dy / model.scaleFactor, lifted ? 0 : 1, lifted ? 1 : 0, 0]);
}

function toStroke3(model, points) {
  return points.map(([dx, dy, , lifted]) =>
    [dx * model.scaleFactor, dy * model.scaleFactor, lifted]);
}
