// Sketch-RNN (Ha & Eck 2017): encode, decode and complete drawings.
//
// A drawing is a list of stroke-3 rows [dx, dy, pen lifted] in data units. It starts at (0, 0)
// with the pen down, so that the first row is the first segment.

import {CELLS} from './cells.mjs';
import {checkModel, checkSketch, checkedOptions, checkedZs} from './checks.mjs';
import {distribution, outputSize, randomNumbers, samplePoint, twoNormals} from './mixture.mjs';
import {Dense, decodeTensors, keepRows, repeated} from './weights.mjs';

const POINT = 5; // numbers in a stroke-5 row
const START_TOKEN = Float64Array.of(0, 0, 1, 0, 0);
const LEAST_ADDED = 2; // the fewest points added when a drawing is finished
const TEMPERATURE = 0.5; // the commands' default

/**
 * Loads a model that the exporter wrote; the same content returns the same model object.
 *
 * The model has these fields:
 * - `name`;
 * - `maxPoints`, the largest number of points in a drawing;
 * - `scaleFactor`, the number of data units in a model unit;
 * - `fullSize`, the longer side of a typical drawing in data units, or null if it is not known.
 *   Scale a drawing to this size before you encode it;
 * - `zSize`, the number of dimensions of z, which is 0 for a model without an encoder.
 */
export function load(content) {
  if (!loaded.has(content)) loaded.set(content, read(content));
  return loaded.get(content);
}

const loaded = new WeakMap(); // models that were loaded before, keyed by content

function read(content) {
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

/** Returns the posterior of z given a drawing: {mu, logvar}, with `zSize` numbers each. */
export function encode(model, sketch) {
  checkModel(model);
  checkSketch(sketch);
  if (!model.encoder) throw new RangeError('this model has no encoder and cannot encode');
  const {forward, backward, mu, logvar} = model.encoder;
  const points = toStroke5(model, sketch);
  const ends = [readAll(forward, points), readAll(backward, points.slice().reverse())];
  const h = Float64Array.from(ends.flatMap((end) => Array.from(end)));
  return {mu: Array.from(mu.apply(h, 1)), logvar: Array.from(logvar.apply(h, 1))};
}

/**
 * Returns new drawings.
 *
 * Options:
 * `z`: one z for all drawings, or a list with several z; by default a random z for each drawing.
 * `count`: the number of drawings, or the number for each z in a list; by default 1.
 * `temperature`: low values give the most likely drawings, and 1 samples the distribution that the
 * model learned; by default 0.5.
 * `greedy`: whether to always take the most probable point; by default false.
 * `leastPoints`: the fewest points in a drawing; by default 0.
 * `maxPoints`: the most points in a drawing; by default the model's `maxPoints`.
 * `seed`: a number that makes the drawings reproducible; by default random.
 */
export function decode(model, options = {}) {
  return last(decodeTogether(model, options));
}

/**
 * Finishes a drawing in `count` ways; each result begins with the drawing.
 *
 * The options are the same as for `decode`, with three differences: `maxPoints` counts the points
 * in the whole drawing; `leastPoints` counts the added points and is 2 by default; and `z` is one
 * z, by default the mu of the given drawing if the model has an encoder.
 */
export function complete(model, sketch, options = {}) {
  return last(completeTogether(model, sketch, options));
}

/**
 * Draws one new drawing as a generator, which yields its rows [dx, dy, pen lifted] one by one and
 * finally returns the whole drawing. The options are the same as for `decode`, without `count`.
 */
export function decodeSteps(model, options = {}) {
  return rowsOf(model, decodeTogether(model, ofOne(options)));
}

/** Finishes a drawing as a generator, like `decodeSteps`; it yields only the added rows. */
export function completeSteps(model, sketch, options = {}) {
  return rowsOf(model, completeTogether(model, sketch, ofOne(options)));
}

/** Does the same as `decode`, as a generator that yields after each step. */
export function decodeTogether(model, options) {
  const settings = readSettings(model, options);
  return decodeAll(model, settings);
}

function* decodeAll(model, settings) {
  const zs = settings.zs || randomZs(model, settings.random);
  const run = startDecoder(model, zs, settings.random.length);
  const drawn = yield* drawSteps(model, run, START_TOKEN, settings);
  return drawn.map((points) => toStroke3(model, points));
}

/** Does the same as `complete`, as a generator that yields after each step. */
export function completeTogether(model, sketch, options) {
  checkModel(model);
  checkSketch(sketch);
  const settings = readSettings(model, options, {leastPoints: LEAST_ADDED});
  const most = settings.maxPoints - 1;
  if (sketch.length > most) {
    throw new RangeError(`expected a drawing of 1 to ${most} points, got ${sketch.length}`);
  }
  if (settings.zs?.length > settings.count) {
    throw new RangeError('option z: expected one z to finish a drawing');
  }
  return completeAll(model, sketch, settings);
}

function* completeAll(model, sketch, settings) {
  const zs = settings.zs || (model.zSize ? [encode(model, sketch).mu] : null);
  const run = startDecoder(model, zs, 1);
  const points = toStroke5(model, sketch);
  for (const point of [START_TOKEN, ...points.slice(0, -1)]) {
    model.decoder.recurrent.step(run, point);
    yield [[]];
  }
  const drawn = yield* drawSteps(
      model, repeatRun(run, settings.count), points[points.length - 1],
      {...settings, maxPoints: settings.maxPoints - sketch.length});
  return drawn.map((added) => [...sketch, ...toStroke3(model, added)]);
}

/** Yields the rows of the first drawing as soon as they are drawn; returns the whole drawing. */
function* rowsOf(model, steps) {
  let known = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) {
    const [points] = step.value;
    for (; known < points.length; known++) yield toStroke3(model, [points[known]])[0];
  }
  return step.value[0];
}

function ofOne(options) {
  if (options?.count !== undefined) {
    throw new RangeError('option count: steps are given for a single drawing; leave it out');
  }
  return options;
}

/** Returns the distributions of the point after the start token and after each row. */
export function distributions(model, sketch, z) {
  const run = startDecoder(model, z && [z], 1);
  return [START_TOKEN, ...toStroke5(model, sketch)].map((point) => {
    model.decoder.recurrent.step(run, point);
    return distribution(Array.from(model.decoder.output.apply(run.h, 1)));
  });
}

/** Runs a generator to its end and returns its result. */
function last(steps) {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** Returns all options, plus `zs` (a list or null) and a random generator for each drawing. */
function readSettings(model, options, defaults = {}) {
  checkModel(model);
  const settings = checkedOptions(options, {
    z: null, count: 1, temperature: TEMPERATURE, greedy: false, leastPoints: 0,
    maxPoints: model.maxPoints, seed: Math.floor(Math.random() * 2 ** 32), ...defaults,
  });
  const {z, count, seed} = settings;
  const all = z && checkedZs(z, model.zSize);
  const zs = all && all.flatMap((each) => Array(count).fill(each));
  const random = Array.from({length: zs ? zs.length : count}, (_, row) => randomNumbers(seed, row));
  return {...settings, zs, random};
}

/**
 * Continues drawing from `point`. After each step, yields all stroke-5 rows of each sketch so far;
 * returns them at the end. Sketches that have ended are left out of later steps.
 */
function* drawSteps(model, run, point, settings) {
  const {recurrent, output, outputSize: width} = model.decoder;
  const {temperature, greedy, random, maxPoints, leastPoints} = settings;
  const drawn = random.map(() => []);
  let numbers = random.map((_, i) => i); // the index of the sketch in each row of the batch
  let x = repeated(point, numbers.length, POINT);
  for (let step = 0; step < maxPoints && numbers.length; step++) {
    recurrent.step(run, x);
    const outputs = output.apply(run.h, numbers.length);
    const points = numbers.map((number, row) => samplePoint(
        Array.from(outputs.subarray(row * width, (row + 1) * width)),
        {temperature, greedy, random: random[number], mayEnd: step >= leastPoints}));
    const alive = numbers.map((_, row) => row).filter((row) => points[row][4] === 0);
    for (const row of alive) drawn[numbers[row]].push(points[row]);
    if (alive.length < numbers.length) keepRows(run, alive);
    numbers = alive.map((row) => numbers[row]);
    x = Float64Array.from(alive.flatMap((row) => points[row]));
    yield drawn;
  }
  return drawn;
}

/** Starts the decoder; `zs` is null, or a list with one z for all sketches or one for each. */
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

/** Repeats the decoder's state for one sketch, for a batch of identical copies of the sketch. */
function repeatRun(run, batch) {
  const {batch: _, ...arrays} = run;
  const repeat = ([name, array]) => [name, repeated(array, batch, array.length)];
  return {batch, ...Object.fromEntries(Object.entries(arrays).map(repeat))};
}

/** Samples a z from the prior for each sketch; returns null for a model without an encoder. */
function randomZs(model, random) {
  if (!model.zSize) return null;
  return random.map((next) => Array.from({length: model.zSize}, () => twoNormals(next)[0]));
}

/** Returns h after reading all points, starting from the zero state. */
function readAll(cell, points) {
  const run = cell.start(1, null, null);
  for (const point of points) cell.step(run, point);
  return run.h;
}

function toStroke5(model, sketch) {
  return sketch.map(([dx, dy, lifted]) => Float64Array.of(
      dx / model.scaleFactor, dy / model.scaleFactor, lifted ? 0 : 1, lifted ? 1 : 0, 0));
}

function toStroke3(model, points) {
  return points.map(([dx, dy, , lifted]) =>
    [dx * model.scaleFactor, dy * model.scaleFactor, lifted]);
}
