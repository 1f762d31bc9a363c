// The page: what its buttons do, and what it asks the worker for.

import {copy, download, toJson, toPng, toSvg} from './keep.mjs';
import {Paper, showPicture} from './paper.mjs';
import {boundsOf, centered, fromLines, simplify, toLines} from './strokes.mjs';

const TILES = 9;
const EPSILON_OF_LINES = 2; // data units, as in the data sets
const PAPER = 1.2; // its side, in typical drawings
const LEAST_POINTS = 2; // of a drawing from nothing
const ROOM = 60; // points that an ending may add to a drawing as long as the model's longest

const find = (id) => document.getElementById(id);
const {side, maxPoints, conditional, examples} = JSON.parse(find('drawings').textContent);
const paperSide = side * PAPER;
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

/** The states of a drawing, each a list of lines. */
class History {
  constructor() {
    this.states = [[]];
  }

  get lines() {
    return this.states[this.states.length - 1];
  }

  add(lines) {
    this.states.push(lines);
  }

  undo() {
    if (this.states.length > 1) this.states.pop();
  }
}

const drawings = {mine: new History(), first: new History(), second: new History()};
let mode = 'draw'; // or mimic, between
let slot = 'first'; // the drawing on the paper while the mode is between
let asked = {id: 0}; // the newest task
let answers = []; // lines of each tile

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
find('clear').onclick = clear;
find('surprise').onclick = () => ask('surprise', {});
find('temperature').oninput = showTemperature;
find('temperature').onchange = () => (asked.kind === 'surprise' ? ask('surprise', {}) : askForMode());
find('way').oninput = askForMode;
find('svg').onclick = () => download(new Blob([toSvg(lines())], {type: 'image/svg+xml'}), 'drawing.svg');
find('png').onclick = async () => download(await toPng(lines()), 'drawing.png');
find('json').onclick = copyJson;
document.onkeydown = (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') {
    event.preventDefault();
    undo();
  }
};
makeExamples();
showTemperature();
refresh();
if (!conditional) ask('surprise', {});

function history() {
  return mode === 'between' ? drawings[slot] : drawings.mine;
}

function lines() {
  return history().lines;
}

function addLine(line) {
  const simple = simplify(line, EPSILON_OF_LINES);
  change([...lines(), simple.map(([x, y]) => [x, y])]);
}

/** Another drawing on the paper, which can be undone. */
function change(newLines) {
  history().add(newLines);
  refresh();
  askForMode();
}

function undo() {
  history().undo();
  refresh();
  say('Undone.');
  askForMode();
}

function clear() {
  if (!lines().length) return;
  change([]);
  say('The paper is empty.');
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

/** The visitor's drawing and examples, where a slot is still empty. */
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

/** Lines in the middle of the paper. */
function onPaper(newLines) {
  return centered(newLines, paperSide / 2, paperSide / 2);
}

/** Asks for what the mode shows of the drawing on the paper. */
function askForMode() {
  if (mode === 'between') {
    const both = [drawings.first.lines, drawings.second.lines];
    if (both.every((each) => each.length)) {
      return ask('between', {sketches: both.map(fitted), t: find('way').valueAsNumber / 100});
    }
  } else if (lines().length) {
    if (mode === 'mimic') return ask('mimic', {sketch: fitted(lines())});
    return ask('complete', {sketch: fromLines(lines())});
  }
  asked = {id: asked.id + 1};
  emptyTiles();
}

/** A drawing as large as those that the model has learned from, as stroke-3 rows. */
function fitted(ofLines) {
  const {width, height} = boundsOf(ofLines);
  const longer = Math.max(width, height);
  return fromLines(centered(ofLines, 0, 0, longer ? side / longer : 1));
}

function ask(kind, more) {
  const count = kind === 'between' ? 1 : TILES;
  const length = kind === 'complete' ? more.sketch.length : 0;
  // The way between two drawings is smooth if chance plays no part along it.
  const seed = kind === 'between' ? 1 : Math.floor(Math.random() * 2 ** 32);
  const options = {
    count, seed, temperature: find('temperature').valueAsNumber, leastPoints: LEAST_POINTS,
    maxPoints: Math.max(maxPoints, length + ROOM),
  };
  const base = kind === 'complete' ? lines() : [];
  asked = {id: asked.id + 1, kind, base};
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
  answers = sketches.map((sketch) =>
    (base.length ? toLines(sketch, base[0][0]) : onPaper(toLines(sketch))));
  const animate = kind !== 'between' && !reducedMotion.matches;
  tiles.forEach((tile, i) => {
    tile.disabled = !answers[i]?.length;
    tile.classList.remove('taken');
    tile.setAttribute('aria-label', tileLabel(kind, i));
    showPicture(tile.firstChild, answers[i] || [], {given, animate, large: kind === 'between'});
  });
  say(SAID[kind]);
}

const SAID = {
  complete: 'Nine ways to finish it. Take one, or draw on.',
  mimic: 'Your drawing, nine times in the network’s own hand.',
  between: 'What lies between the two. Move the slider, or take it.',
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

/** A tile's drawing becomes the visitor's; the tiles stay, so that one can take another. */
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
  say('It is your drawing now. Draw on, or keep it.');
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

/** Shows the drawing, and which buttons can do something. */
function refresh() {
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
  find('undo').disabled = history().states.length < 2;
  for (const id of ['clear', 'svg', 'png', 'json']) find(id).disabled = !count;
}

function showTemperature() {
  find('degrees').textContent = find('temperature').valueAsNumber.toFixed(2);
}

async function copyJson() {
  try {
    await copy(toJson(lines()));
    say('Copied as stroke-3 JSON.');
  } catch (error) {
    say(`Not copied: ${error.message}`);
  }
}

function say(text) {
  find('status').textContent = text;
}
