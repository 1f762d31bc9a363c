// The pad: asks for drawings one by one, stores each stroke as soon as it ends, and saves files.

import {download} from './keep.mjs';
import {Paper, showPicture} from './paper.mjs';
import {linesOf, newRecord, recordsOf, startOf, textOf, toStroke} from './records.mjs';
import {openStore} from './store.mjs';
import {boundsOf, centered, fromLines, simplify, toLines} from './strokes.mjs';

const SIDE = 1000; // side of the paper, in the units of saved files
const PAGE = 60; // drawings that the overview adds at a time
const ECHOES = 3; // the model's versions shown beside the visitor's drawing
const TEMPERATURE = 0.25;
const ANYTHING = 'drawing'; // the word if the pad has no prompts
const FILE_NAMES = ['ndjson', 'ndjson.txt']; // some browsers share only known types of files

const find = (id) => document.getElementById(id);
const pad = JSON.parse(find('pad').textContent);
const settings = {words: pad.words, count: pad.count, ...storedSettings()};

const records = new Map(); // all drawings by key, oldest first
const skipped = new Map(); // how often each word was skipped
let current = newRecord(nextWord());
let undone = []; // strokes that redo can bring back
const unwritten = new Set(); // keys of drawings that the browser has not stored yet
let unkept = ''; // why the browser has not stored them
let unsaved = false; // whether drawings have changed since the last saved file
let start = 0; // when the current drawing began, as a time stamp like those of pointer events
let deadline = 0; // when its time is up; 0 before the first stroke or without a limit
let shown = PAGE; // how many drawings the overview shows
let looked = null; // the key of the drawing that is shown large
let release = () => {}; // releases this tab's lock on the current drawing

const paper = new Paper(find('paper'), SIDE, addLine, startClock);
const channel = new BroadcastChannel(`sketch_rnn ${pad.id}`);
const echo = startEcho();
const store = await openStore(`sketch_rnn ${pad.id}`);
if (store.refused) warn(store.refused);
await readStore();
await takeUp();
refresh();

find('undo').onclick = undo;
find('redo').onclick = redo;
find('skip').onclick = skip;
find('next').onclick = next;
find('all').onclick = () => openOverview();
find('save').onclick = save;
find('share').onclick = share;
find('load').onclick = () => find('file').click();
find('file').onchange = load;
find('words').onclick = askForWords;
find('filter').onchange = () => showGrid(PAGE);
find('more').onclick = () => showGrid(shown + PAGE);
find('again').onclick = drawAgain;
find('delete').onclick = deleteLooked;
find('ask').onclose = takeWords;
for (const button of document.querySelectorAll('dialog .close')) {
  button.onclick = () => button.closest('dialog').close('');
}
document.onkeydown = onKey;
window.onbeforeunload = (event) => { if (unkept && unsaved) event.preventDefault(); };
channel.onmessage = readStore;
document.onvisibilitychange = () => { if (!document.hidden) readStore(); };

// The drawing on the paper

function addLine(line) {
  if (!current.drawing.length || !start) start = startOf(current, line);
  current.drawing.push(toStroke(line, start));
  undone = [];
  keep(current);
  refresh();
}

function undo() {
  if (!current.drawing.length) return;
  undone.push(current.drawing.pop());
  keep(current);
  refresh();
}

function redo() {
  if (!undone.length) return;
  current.drawing.push(undone.pop());
  keep(current);
  refresh();
}

function skip() {
  skipped.set(current.word, (skipped.get(current.word) || 0) + 1);
  if (records.has(current.key_id)) remove(current.key_id);
  begin(nextWord());
}

function next() {
  paper.finish();
  if (!current.drawing.length) return;
  current.done = true;
  keep(current);
  const drawn = current;
  begin(nextWord());
  echo?.(drawn);
  if (settings.words.length && left() === 0) {
    say(`All done: ${counted(done().length)}. Save them, or keep drawing.`);
  } else {
    say('');
  }
}

/** Begins a new drawing on the paper. */
function begin(word) {
  current = newRecord(word);
  undone = [];
  start = deadline = 0;
  find('time').hidden = true;
  hold(current.key_id);
  refresh();
}

/** Returns the word with the fewest drawings; a skip counts as a drawing. */
function nextWord() {
  if (!settings.words.length) return ANYTHING;
  const rank = (word) => done(word).length + (skipped.get(word) || 0);
  return settings.words.reduce((best, word) => (rank(word) < rank(best) ? word : best));
}

function done(word) {
  const all = [...records.values()].filter((record) => record.done);
  return word === undefined ? all : all.filter((record) => record.word === word);
}

/** Returns how many drawings are still missing. */
function left() {
  return settings.words.reduce(
      (sum, word) => sum + Math.max(0, settings.count - done(word).length), 0);
}

// The time limit

function startClock() {
  if (!pad.seconds || deadline) return;
  deadline = performance.now() + 1000 * pad.seconds;
  requestAnimationFrame(showTime);
}

function showTime() {
  if (!deadline) return;
  find('time').hidden = false;
  const remaining = deadline - performance.now();
  find('time').firstElementChild.style.width = `${Math.max(0, remaining / pad.seconds / 10)}%`;
  if (remaining > 0) requestAnimationFrame(showTime);
  else next();
}

// Storing the drawings

/** Stores a drawing, or removes it if it has no strokes. */
async function keep(record) {
  if (!record.drawing.length) return remove(record.key_id);
  records.set(record.key_id, record);
  await write([record]);
}

/** Writes drawings, along with any that could not be written before. */
async function write(all) {
  unsaved = true;
  for (const {key_id} of all) unwritten.add(key_id);
  const due = waiting();
  const why = await store.putAll(due);
  if (!why) for (const {key_id} of due) unwritten.delete(key_id);
  warn(why);
  channel.postMessage('changed');
}

async function remove(key) {
  unsaved = true;
  records.delete(key);
  unwritten.delete(key);
  warn(await store.remove(key));
  if (unwritten.size) await write([]); // there may be room for the unwritten drawings now
  else channel.postMessage('changed');
}

/** Returns the drawings that exist only in this page. */
function waiting() {
  return [...unwritten].flatMap((key) => records.get(key) || []);
}

function warn(why) {
  unkept = why;
  const what = store.refused || !unwritten.size ? 'these drawings' : counted(unwritten.size);
  find('warning').hidden = !why;
  find('warning').textContent = why
    && `The browser cannot keep ${what} (${why}); save before you close this page.`;
}

/** Reads the drawings that this tab and other tabs have stored. */
async function readStore() {
  if (store.refused) return;
  const kept = await store.all();
  const here = waiting();
  records.clear();
  kept.sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
  for (const record of [...kept, ...here]) records.set(record.key_id, record);
  if (current.drawing.length) records.set(current.key_id, current);
  refresh();
}

/** Continues an unfinished drawing, or begins a new one. An unfinished drawing that is open in
 * another tab is not continued here. */
async function takeUp() {
  for (const record of [...records.values()].filter((each) => !each.done)) {
    if (await hold(record.key_id)) {
      current = record;
      return say('This is your unfinished drawing. Keep drawing.');
    }
  }
  current = newRecord(nextWord());
  hold(current.key_id);
}

/** Locks a drawing for this tab; resolves to false if the drawing is open in another tab. */
function hold(key) {
  release();
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks.request(`${pad.id} ${key}`, {ifAvailable: true}, (lock) => {
      resolve(Boolean(lock));
      return lock && new Promise((free) => { release = free; });
    });
  });
}

// Files

function toSave() {
  return [...records.values()].filter((record) => record.drawing.length);
}

function fileName(suffix) {
  return `pad-${new Date().toISOString().slice(0, 16).replace(/[T:]/g, '-')}.${suffix}`;
}

function save() {
  const all = toSave();
  download(new Blob([textOf(all)], {type: 'application/x-ndjson'}), fileName(FILE_NAMES[0]));
  unsaved = false;
  say(`Saved ${counted(all.length)}.`);
}

function shareable() {
  const text = textOf(toSave());
  return FILE_NAMES.map((suffix) => new File([text], fileName(suffix), {type: 'text/plain'}))
      .find((file) => navigator.canShare?.({files: [file]}));
}

async function share() {
  try {
    await navigator.share({files: [shareable()]});
    unsaved = false;
  } catch (error) {
    if (error.name !== 'AbortError') say(`Not shared: ${error.message}. Use Save instead.`);
  }
}

async function load() {
  const [file] = find('file').files;
  find('file').value = '';
  if (!file) return;
  try {
    const loaded = recordsOf(await file.text());
    const added = loaded.filter(({key_id}) => !records.has(key_id));
    for (const record of added) records.set(record.key_id, record);
    await write(added);
    say(`Loaded ${counted(added.length)}; ${loaded.length - added.length} were here already.`);
    if (!current.drawing.length) begin(nextWord());
    refresh();
  } catch (error) {
    say(`${file.name} was not loaded: ${error.message}.`);
  }
}

// The overview

function openOverview() {
  const words = [...new Set(done().map(({word}) => word))];
  find('filter').replaceChildren(
      new Option(`all ${done().length}`, ''),
      ...words.map((word) => new Option(`${word} (${done(word).length})`, word)));
  showGrid(PAGE);
  find('overview').showModal();
}

function showGrid(count) {
  shown = count;
  const all = done(find('filter').value || undefined).reverse();
  find('grid').replaceChildren(...all.slice(0, shown).map(thumbnail));
  find('more').hidden = all.length <= shown;
}

function thumbnail(record) {
  const button = document.createElement('button');
  button.type = 'button';
  button.append(picture(linesOf(record)), record.word);
  button.onclick = () => look(record);
  return button;
}

function picture(lines) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('aria-hidden', 'true');
  showPicture(svg, lines);
  return svg;
}

function look(record) {
  looked = record.key_id;
  find('one_title').textContent = record.word;
  showPicture(find('large'), linesOf(record), {large: true});
  find('one').showModal();
}

function deleteLooked() {
  find('one').close();
  remove(looked);
  openOrRefresh();
}

/** Deletes the drawing that is shown large, and asks the visitor to draw its word again. */
function drawAgain() {
  const {word} = records.get(looked);
  remove(looked);
  find('one').close();
  find('overview').close();
  if (current.drawing.length) {
    current.done = true;
    keep(current);
  }
  begin(word);
}

function openOrRefresh() {
  find('overview').close();
  openOverview();
  refresh();
}

// Words

function askForWords() {
  find('list').value = settings.words.join('\n');
  find('count').value = settings.count;
  find('ask').showModal();
}

function takeWords() {
  if (find('ask').returnValue !== 'ok') return;
  const words = find('list').value.split('\n').map((word) => word.trim()).filter(Boolean);
  settings.words = [...new Set(words)];
  settings.count = Math.max(1, find('count').valueAsNumber || settings.count);
  try {
    localStorage.setItem(`sketch_rnn ${pad.id}`, JSON.stringify(settings));
  } catch {
    say('The browser cannot keep these words; they last until you close the page.');
  }
  if (!current.drawing.length) begin(nextWord());
  refresh();
}

function storedSettings() {
  try {
    return JSON.parse(localStorage.getItem(`sketch_rnn ${pad.id}`)) || {};
  } catch {
    return {};
  }
}

// The model's versions of a drawing

/** Returns a function that shows the model's versions of a drawing; null if there is no model. */
function startEcho() {
  const model = find('model').textContent;
  if (model === 'null') return null;
  const source = new Blob([find('worker').textContent], {type: 'text/javascript'});
  const worker = new Worker(URL.createObjectURL(source));
  worker.postMessage({content: model});
  let asked = {id: 0};
  worker.onmessage = ({data}) => {
    if (data.id !== asked.id) return;
    if (data.error) say(`The model cannot draw this: ${data.error}`);
    else showEchoes(asked.record, data.sketches);
  };
  return (record) => {
    asked = {id: asked.id + 1, record};
    worker.postMessage({id: asked.id, ...taskFor(record)});
  };
}

function taskFor(record) {
  const {side, maxPoints, conditional} = pad.model;
  const lines = linesOf(record);
  const {width, height} = boundsOf(lines);
  const scale = side / Math.max(width, height, 1);
  const fitted = centered(lines, 0, 0, scale).map((line) => simplify(line, side * 2 / 255));
  const sketch = fromLines(fitted).slice(0, maxPoints);
  const options = {
    count: ECHOES, seed: Math.floor(Math.random() * 2 ** 32), temperature: TEMPERATURE, leastPoints: 2,
    maxPoints: conditional ? maxPoints : maxPoints + sketch.length,
  };
  const half = sketch.slice(0, Math.ceil(sketch.length / 2));
  return conditional ? {kind: 'mimic', sketch, options} : {kind: 'complete', sketch: half, options};
}

function showEchoes(record, sketches) {
  find('echo').hidden = false;
  find('echo_title').textContent = `Your ${record.word}, and how the model draws it`;
  find('echo').lastElementChild.replaceChildren(
      picture(linesOf(record)), ...sketches.map((sketch) => picture(toLines(sketch))));
}

// The page

function refresh() {
  const {word, drawing} = current;
  const named = settings.words.length > 0;
  const number = done(word).length + (current.done ? 0 : 1);
  find('prompt').textContent = named ? `Draw: ${word}` : pad.title;
  find('progress').textContent = named
    ? `${Math.min(number, settings.count)} of ${settings.count}, ${done().length} in all`
    : counted(done().length);
  paper.show(linesOf(current));
  const strokes = drawing.length;
  find('paper').setAttribute(
      'aria-label', strokes ? `Your drawing: ${strokes} ${strokes > 1 ? 'strokes' : 'stroke'}` : 'Empty paper');
  find('hint').hidden = drawing.length > 0;
  find('undo').disabled = find('next').disabled = !drawing.length;
  find('redo').disabled = !undone.length;
  find('skip').hidden = !named;
  find('save').disabled = !toSave().length;
  find('share').hidden = !toSave().length || !shareable();
}

function counted(count) {
  return count === 1 ? '1 drawing' : `${count} drawings`;
}

function onKey(event) {
  if (document.querySelector('dialog[open]') || !(event.ctrlKey || event.metaKey)) return;
  const key = event.key.toLowerCase();
  if (key === 'z' || key === 'y') {
    event.preventDefault();
    if (key === 'y' || event.shiftKey) redo();
    else undo();
  }
}

function say(text) {
  find('status').textContent = text;
}
