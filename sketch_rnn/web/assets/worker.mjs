// Draws in a worker, so that the page never waits; only the newest task is worked on.
//
// A task is {id, kind, options}, plus the inputs that its kind needs. The answer is {id, sketches}
// or {id, error}.

import {interpolate} from './latent.mjs';
import {completeTogether, decodeTogether, encode, load} from './model.mjs';

const SLICE = 20; // ms between checks for a newer task
const MOST_KNOWN = 8; // drawings whose mu is cached, since a slider asks for it again and again

const TASKS = {
  complete: (model, {sketch, options}) => completeTogether(model, sketch, options),
  surprise: (model, {options}) => decodeTogether(model, options),
  mimic: (model, {sketch, options}) =>
    decodeTogether(model, {...options, z: muOf(model, sketch)}),
  between: (model, {sketches, t, options}) => {
    const [first, second] = sketches.map((sketch) => muOf(model, sketch));
    return decodeTogether(model, {...options, z: interpolate(first, second, t)});
  },
};

const known = new Map();
let model = null;
let newest = 0;

self.onmessage = async ({data}) => {
  newest = data.id;
  try {
    if (data.content) model = load(JSON.parse(data.content));
    else await run(data);
  } catch (error) {
    self.postMessage({id: data.id, error: String(error.message || error)});
  }
};

async function run(task) {
  if (await isOld(task)) return;
  const steps = TASKS[task.kind](model, task);
  let pause = performance.now() + SLICE;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return self.postMessage({id: task.id, sketches: step.value});
    if (performance.now() < pause) continue;
    if (await isOld(task)) return;
    pause = performance.now() + SLICE;
  }
}

/** Handles pending messages, then returns whether one of them brought a newer task. */
async function isOld(task) {
  await new Promise((resume) => setTimeout(resume));
  return newest !== task.id;
}

function muOf(model, sketch) {
  const key = JSON.stringify(sketch);
  if (!known.has(key)) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, encode(model, sketch).mu);
  }
  return known.get(key);
}
