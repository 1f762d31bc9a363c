// The page to draw on: reacts to its controls, asks its worker for drawings, and shows them.

import {copy, download, toJson, toPng, toSvg} from './keep.mjs';
import {Paper, showPicture} from './paper.mjs';
import {fromFragment, toFragment} from './share.mjs';
import {boundsOf, centered, fromLines, simplify, toLines} from './strokes.mjs';

const TILES = 9;
const EPSILON_OF_LINES = 2; // data units, as in the data sets
const PAPER = 1.2; // side of the paper, in sides of a typical drawing
const FINE = 1 / 1500; // share of the paper's side: details of drawn lines that nobody sees
const LEAST_POINTS = 2; // the fewest points that the model draws
const ROOM = 60; // points that an ending may add to any drawing, however long

const find = (id) => document.getElementById(id);
const {side, maxPoints, conditional, examples} = JSON.parse(find('drawings').textContent);
const paperSide = side * PAPER;
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

/** The states of a drawing, each a list of lines, and the states that were undone. */
class History {
  constructor() {
    this.states = [[]];
    this.undone = [];
  }

  get lines() {
    return this.states[this.states.length - 1];
  }

  add(lines) {
    this.states.push(lines);
    this.undone = [];
  }

  undo() {
    if (this.states.length > 1) this.undone.push(this.states.pop());
  }

  redo() {
    if (this.undone.length) this.states.push(this.undone.pop());
  }
}

const drawings = {mine: new History(), first: new History(), second: new History()};
let mode = 'draw'; // draw, mimic or between
let slot = 'first'; // which drawing is on the paper in mode between
let asked = {id: 0}; // the newest task
let answers = []; // the lines in each tile
let remark = ''; // a remark to show with the next answers, such as the new temperature

const embedded = window.parent !== window; // in an <iframe>
const storeName = `sketch_rnn ${location.pathname}`;

const paper = new Paper(find('paper'), paperSide, addLine);
const tiles = Array.from({length: TILES}, (_, i) => makeTile(i));
const worker = startWorker();

for (const button of document.querySelectorAll('[data-mode]')) {
  button.onclick = () => setMode(button.dataset.mode);
}
for (const button of document.querySelectorAll('[data-slot]')) {
  button.onclick = () => setSlot(button.dataset.slot);
}
find('undo').onclick = undo;
find('redo').onclick = redo;
find('clear').onclick = clear;
find('surprise').onclick = () => ask('surprise', {});
find('temperature').oninput = () => {
  showTemperature();
  say(temperatureInWords());
};
find('temperature').onchange = changeTemperature;
find('way').oninput = askForMode;
find('svg').onclick = () => download(new Blob([toSvg(lines())], {type: 'image/svg+xml'}), 'drawing.svg');
find('png').onclick = async () => download(await toPng(lines()), 'drawing.png');
find('json').onclick = () => copyText(toJson(read(lines())), 'Copied your drawing as stroke-3 JSON.');
find('link').onclick = () => copyText(address(), 'Copied a link that opens this page with your drawing.');
find('done').onclick = tellParent;
document.onkeydown = onKey;
window.onhashchange = takeFragment;
start();

/** Starts the page, with the state that the address and the browser's storage hold. */
function start() {
  document.body.toggleAttribute('data-embedded', embedded);
  find('done').hidden = !embedded;
  makeExamples();
  recall();
  takeMode(new URLSearchParams(location.search).get('mode'));
  showTemperature();
  refresh();
  if (lines().length) askForMode();
  else if (mode === 'draw' && (embedded || !conditional)) ask('surprise', {});
  takeFragment();
}

/** Returns the history of the drawing on the paper. */
function current() {
  return mode === 'between' ? drawings[slot] : drawings.mine;
}

function lines() {
  return current().lines;
}

/** Returns the lines simplified, like the drawings that the model was trained on. */
function read(ofLines) {
  return ofLines.map((line) => simplify(line, EPSILON_OF_LINES));
}

function addLine(line) {
  const points = line.map(([x, y]) => [x, y]);
  change([...lines(), simplify(points, paperSide * FINE)]);
}

/** Puts another drawing on the paper, as a change that can be undone. */
function change(newLines) {
  current().add(newLines);
  refresh();
  askForMode();
}

function onKey(event) {
  if (!event.ctrlKey && !event.metaKey) return;
  const key = event.key.toLowerCase();
  if (key !== 'z' && key !== 'y') return;
  event.preventDefault();
  if (key === 'y' || event.shiftKey) redo();
  else undo();
}

function undo() {
  current().undo();
  refresh();
  say('Undone.');
  askForMode();
}

function redo() {
  current().redo();
  refresh();
  say('Redone.');
  askForMode();
}

function clear() {
  if (!lines().length) return;
  change([]);
  say('The paper is empty.');
}

/** Sets the mode that the address asks for. */
function takeMode(wanted) {
  if (wanted === null) return;
  const modes = conditional ? ['draw', 'mimic', 'between'] : ['draw'];
  if (!modes.includes(wanted)) say(`The link asks for ?mode=${wanted}; expected ${modes.join(', ')}.`);
  else if (wanted !== mode) setMode(wanted);
}

function setMode(newMode) {
  mode = newMode;
  if (mode === 'between') fillSlots();
  emptyTiles();
  refresh();
  askForMode();
}

function setSlot(newSlot) {
  slot = newSlot;
  refresh();
}

/** Fills empty slots with the visitor's drawing and with examples. */
function fillSlots() {
  if (!drawings.first.lines.length && drawings.mine.lines.length) {
    drawings.first.add(drawings.mine.lines);
  }
  for (const [empty, other] of [['first', 'second'], ['second', 'first']]) {
    if (drawings[empty].lines.length) continue;
    const taken = JSON.stringify(drawings[other].lines);
    const example = examples.map((each) => onPaper(toLines(each)))
        .find((each) => JSON.stringify(each) !== taken);
    if (example) drawings[empty].add(example);
  }
  slot = drawings.first.lines.length && !drawings.second.lines.length ? 'second' : 'first';
}

/** Centers lines on the paper. */
function onPaper(newLines) {
  return centered(newLines, paperSide / 2, paperSide / 2);
}

/** Asks the worker for the drawings that the current mode shows. */
function askForMode() {
  if (mode === 'between') {
    const both = [drawings.first.lines, drawings.second.lines];
    if (both.every((each) => each.length)) {
      return ask('between', {sketches: both.map(fitted), t: find('way').valueAsNumber / 100});
    }
  } else if (lines().length) {
    if (mode === 'mimic') return ask('mimic', {sketch: fitted(lines())});
    return ask('complete', {sketch: fromLines(read(lines()))});
  }
  asked = {id: asked.id + 1};
  emptyTiles();
}

/** Returns a drawing as stroke-3 rows, scaled to the size of the model's training drawings. */
function fitted(ofLines) {
  const {width, height} = boundsOf(ofLines);
  const longer = Math.max(width, height);
  return fromLines(read(centered(ofLines, 0, 0, longer ? side / longer : 1)));
}

function ask(kind, more) {
  const count = kind === 'between' ? 1 : TILES;
  const length = kind === 'complete' ? more.sketch.length : 0;
  // A fixed seed makes the transition between two drawings smooth.
  const seed = kind === 'between' ? 1 : Math.floor(Math.random() * 2 ** 32);
  const options = {
    count, seed, temperature: find('temperature').valueAsNumber, leastPoints: LEAST_POINTS,
    maxPoints: Math.max(maxPoints, length + ROOM),
  };
  const base = kind === 'complete' ? lines() : [];
  asked = {id: asked.id + 1, kind, base, remark};
  remark = '';
  find('tiles').setAttribute('aria-busy', 'true');
  worker.postMessage({id: asked.id, kind, options, ...more});
}

function startWorker() {
  const source = new Blob([find('worker').textContent], {type: 'text/javascript'});
  const started = new Worker(URL.createObjectURL(source));
  started.onmessage = ({data}) => {
    if (data.id !== asked.id && data.id !== 0) return;
    find('tiles').setAttribute('aria-busy', 'false');
    if (data.error) say(`That did not work: ${data.error}`);
    else showAnswers(data.sketches);
  };
  started.onerror = (event) => say(`The model cannot run here: ${event.message}`);
  started.postMessage({id: 0, content: find('model').textContent});
  find('model').remove();
  return started;
}

function showAnswers(sketches) {
  const {kind, base} = asked;
  const given = base.reduce((sum, line) => sum + line.length, 0);
  answers = sketches.map((sketch) => (base.length ? finished(base, sketch) : onPaper(toLines(sketch))));
  const animate = kind !== 'between' && !reducedMotion.matches;
  tiles.forEach((tile, i) => {
    tile.disabled = !answers[i]?.length;
    tile.classList.remove('taken');
    tile.setAttribute('aria-label', tileLabel(kind, i));
    showPicture(tile.firstChild, answers[i] || [], {given, animate, large: kind === 'between'});
  });
  say([said(kind), asked.remark].filter(Boolean).join(' '));
}

/** Returns the visitor's lines unchanged, followed by the lines that the model added. */
function finished(base, sketch) {
  return [...base, ...toLines(sketch, base[0][0]).slice(base.length)];
}

function said(kind) {
  if (kind !== 'between') return SAID[kind];
  const share = find('way').value;
  return `${share}% of the way from the first drawing to the second. Move the slider, or take this drawing.`;
}

const SAID = {
  complete: 'Nine ways to finish it. Take one, or keep drawing.',
  mimic: 'Nine drawings like yours, by the model. Take one, or keep drawing.',
  surprise: 'Nine new drawings. Take one, or draw a line of your own.',
};
const LABELS = {complete: 'ending', mimic: 'mimic', surprise: 'drawing'};

function tileLabel(kind, i) {
  return kind === 'between' ? 'Take this drawing' : `Take ${LABELS[kind]} ${i + 1} of ${TILES}`;
}

function emptyTiles() {
  answers = [];
  for (const tile of tiles) {
    tile.disabled = true;
    tile.setAttribute('aria-label', 'Nothing drawn yet');
    tile.firstChild.replaceChildren();
  }
  find('tiles').setAttribute('aria-busy', 'false');
}

/** Puts a tile's drawing on the paper; the tiles stay, so the visitor can choose another one. */
function take(i) {
  if (mode === 'between') {
    mode = 'draw';
    drawings.mine.add(answers[i]);
    refresh();
    askForMode();
  } else {
    drawings.mine.add(answers[i]);
    refresh();
    tiles.forEach((tile, k) => tile.classList.toggle('taken', k === i));
  }
  say('This is your drawing now. Keep drawing, or save it.');
}

function makeTile(i) {
  const tile = document.createElement('button');
  tile.type = 'button';
  tile.className = 'tile';
  tile.disabled = true;
  tile.setAttribute('aria-label', 'Nothing drawn yet');
  tile.append(makePicture());
  tile.onclick = () => take(i);
  find('tiles').append(tile);
  return tile;
}

function makePicture() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('aria-hidden', 'true');
  return svg;
}

function makeExamples() {
  find('examples').hidden = !examples.length;
  examples.forEach((example, i) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'example';
    button.setAttribute('aria-label', `Example ${i + 1} of ${examples.length}`);
    button.append(makePicture());
    showPicture(button.firstChild, toLines(example));
    button.onclick = () => {
      say(`Example ${i + 1} is on the paper.`);
      change(onPaper(toLines(example)));
    };
    find('example_list').append(button);
  });
}

/** Shows the drawing, stores it, and disables the buttons that have nothing to do. */
function refresh() {
  remember();
  document.body.dataset.now = mode;
  for (const button of document.querySelectorAll('[data-mode]')) {
    button.setAttribute('aria-pressed', button.dataset.mode === mode);
  }
  for (const button of document.querySelectorAll('[data-slot]')) {
    button.setAttribute('aria-pressed', button.dataset.slot === slot);
    showPicture(button.querySelector('svg'), drawings[button.dataset.slot].lines);
  }
  paper.show(lines());
  const count = lines().length;
  find('paper').setAttribute(
      'aria-label', count ? `Your drawing: ${count} ${count > 1 ? 'lines' : 'line'}` : 'Empty paper');
  find('hint').hidden = count > 0;
  find('undo').disabled = current().states.length < 2;
  find('redo').disabled = !current().undone.length;
  for (const id of ['clear', 'done', 'svg', 'png', 'json', 'link']) find(id).disabled = !count;
  if (count) find('mail').href = mailAddress();
  else find('mail').removeAttribute('href');
}

function showTemperature() {
  find('degrees').textContent = find('temperature').valueAsNumber.toFixed(2);
}

function changeTemperature() {
  remember();
  remark = temperatureInWords();
  if (asked.kind === 'surprise') ask('surprise', {});
  else askForMode();
}

function temperatureInWords() {
  const temperature = find('temperature').valueAsNumber;
  const word = temperature < 0.35 ? 'careful and draws what is most likely'
    : temperature < 0.75 ? 'neither careful nor daring' : 'daring and also draws what is less likely';
  return `Temperature ${temperature.toFixed(2)}: the model is ${word}.`;
}

async function copyText(text, done) {
  try {
    await copy(text);
    say(done);
  } catch (error) {
    say(`Not copied: ${error.message}`);
  }
}

function say(text) {
  find('status').textContent = text;
}

// Storage and addresses

/** Stores the drawings until the tab is closed, so that they survive a reload. */
function remember() {
  const kept = Object.entries(drawings).map(([name, {lines}]) => [name, lines]);
  const temperature = find('temperature').value;
  try {
    sessionStorage.setItem(storeName, JSON.stringify({mode, slot, temperature, kept}));
  } catch {
    // a browser that keeps nothing
  }
}

function recall() {
  try {
    const stored = JSON.parse(sessionStorage.getItem(storeName));
    if (!stored) return;
    for (const [name, ofLines] of stored.kept) if (ofLines.length) drawings[name].add(ofLines);
    find('temperature').value = stored.temperature;
    if (conditional) [mode, slot] = [stored.mode, stored.slot];
  } catch {
    // a browser that keeps nothing
  }
}

/** Returns the page's address with the drawing after the #, which browsers do not send. */
function address() {
  return `${location.href.split('#')[0]}#d=${toFragment(lines(), paperSide)}`;
}

/** Returns a mailto link; if the page is a local file, it explains how to use the drawing. */
function mailAddress() {
  const fragment = `#d=${toFragment(lines(), paperSide)}`;
  const text = location.protocol === 'file:'
    ? `Open the page “${document.title}” and add this to the end of its address:\n\n${fragment}`
    : address();
  return `mailto:?subject=${encodeURIComponent(document.title)}&body=${encodeURIComponent(text)}`;
}

/** Moves the drawing from the URL to the drawing area, so that a reload keeps later changes. */
function takeFragment() {
  if (!location.hash.startsWith('#d=')) return;
  const text = location.hash.slice(3);
  window.history.replaceState(null, '', location.href.split('#')[0]);
  try {
    change(fromFragment(text, paperSide));
  } catch (error) {
    say(`No drawing: ${error.message}`);
  }
}

/** Sends the drawing to the page that embeds this one. */
function tellParent() {
  const drawing = {sketch: fromLines(read(lines())), svg: toSvg(lines())};
  window.parent.postMessage({type: 'sketch_rnn drawing', ...drawing}, '*');
  say('Your drawing was sent to the page around this one.');
}
