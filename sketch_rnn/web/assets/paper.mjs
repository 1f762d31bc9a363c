// Shows drawings on the screen: the paper that visitors draw on, and small pictures of drawings.

import {boundsOf, pathData, squareAround} from './strokes.mjs';

const SVG = 'http://www.w3.org/2000/svg';
const PEN = 1 / 120; // the pen's width, as a share of the side
const SMALL_PEN = 1 / 64;
const MARGIN = 0.1;
const PALM_TIME = 60000; // ms after a pen was used in which touches are taken for a palm
const SECONDS = 1.6; // the time in which a picture draws itself, without pauses

/** Shows lines in an <svg>; everything after the first `given` points was added by the model. */
export function showPicture(svg, lines, {given = Infinity, animate = false, large = false} = {}) {
  const box = boundsOf(lines);
  svg.replaceChildren();
  if (!box) return;
  const view = squareAround(box, MARGIN);
  setView(svg, view, large ? PEN : SMALL_PEN);
  const parts = split(lines, given);
  const added = parts.filter((part) => part.added);
  const total = added.reduce((sum, part) => sum + lengthOf(part.line), 0);
  let delay = 0;
  for (const {line, added} of parts) {
    const path = addPath(svg, line, added ? 'added' : '');
    if (!animate || !added) continue;
    const duration = Math.max(60, 1000 * SECONDS * lengthOf(line) / Math.max(total, 1e-9));
    drawItself(path, delay, duration);
    delay += duration + 40;
  }
}

/** The paper, which turns pointer events into lines of points [x, y, t]. */
export class Paper {
  /**
   * `side` is the side of the paper in data units; `onBegin` is called when a line begins, `onLine`
   * with each finished line.
   */
  constructor(svg, side, onLine, onBegin = () => {}) {
    this.svg = svg;
    this.side = side;
    this.onLine = onLine;
    this.onBegin = onBegin;
    this.penSeen = -Infinity;
    this.line = null;
    this.show([]);
    svg.addEventListener('pointerdown', (event) => this.begin(event));
    svg.addEventListener('pointermove', (event) => this.goOn(event));
    svg.addEventListener('pointerup', (event) => this.end(event));
    svg.addEventListener('pointercancel', (event) => this.cancel(event));
  }

  /** Shows a drawing; zooms out if it does not fit on the paper. */
  show(lines) {
    this.giveUp();
    const box = boundsOf(lines) || {x: 0, y: 0, width: 0, height: 0};
    const fits = box.x >= 0 && box.y >= 0
      && box.x + box.width <= this.side && box.y + box.height <= this.side;
    this.view = fits
      ? {x: 0, y: 0, width: this.side, height: this.side}
      : squareAround(box, MARGIN);
    this.svg.replaceChildren();
    setView(this.svg, this.view, PEN);
    for (const line of lines) addPath(this.svg, line, '');
  }

  begin(event) {
    if (!this.takes(event)) return;
    this.giveUp();
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.line = [this.place(event)];
    this.path = addPath(this.svg, this.line, '');
    this.onBegin();
  }

  /** Returns whether a pointer draws; second buttons, second fingers and palms do not. */
  takes(event) {
    const {pointerType, isPrimary, button} = event;
    if (pointerType === 'pen') this.penSeen = event.timeStamp;
    if (pointerType === 'touch') {
      if (event.timeStamp - this.penSeen < PALM_TIME) return false;
      if (!isPrimary) this.giveUp();
    }
    return isPrimary && button === 0 && (!this.line || pointerType === 'pen');
  }

  goOn(event) {
    if (!this.line || event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of events.length ? events : [event]) this.line.push(this.place(each));
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.line) this.path.setAttribute('d', pathData(this.line));
    });
  }

  end(event) {
    if (event.pointerId === this.pointer) this.finish();
  }

  /** Ends the line that is being drawn, if there is one. */
  finish() {
    if (!this.line) return;
    const line = this.line;
    this.giveUp();
    this.onLine(line);
  }

  cancel(event) {
    if (event.pointerId === this.pointer) this.giveUp();
  }

  giveUp() {
    if (this.line) this.path.remove();
    this.line = null;
  }

  /** Returns an event's position in data units and time in milliseconds: [x, y, t]. */
  place(event) {
    const {left, top, width, height} = this.svg.getBoundingClientRect();
    const {view} = this; // shown in the middle of the element, which may not be square
    const scale = view.width / Math.min(width, height);
    return [
      view.x + view.width / 2 + (event.clientX - left - width / 2) * scale,
      view.y + view.height / 2 + (event.clientY - top - height / 2) * scale,
      event.timeStamp,
    ];
  }
}

function setView(svg, {x, y, width, height}, pen) {
  svg.setAttribute('viewBox', `${x} ${y} ${width} ${height}`);
  svg.setAttribute('stroke-width', width * pen);
}

function addPath(svg, line, name) {
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', pathData(line));
  if (name) path.setAttribute('class', name);
  svg.append(path);
  return path;
}

/** Splits lines where the given points end. */
function split(lines, given) {
  const parts = [];
  let left = given;
  for (const line of lines) {
    const cut = Math.min(Math.max(left, 0), line.length);
    left -= line.length;
    if (cut) parts.push({line: line.slice(0, cut), added: false});
    if (cut < line.length) parts.push({line: line.slice(Math.max(cut - 1, 0)), added: true});
  }
  return parts;
}

function lengthOf(line) {
  let sum = 0;
  for (let i = 1; i < line.length; i++) {
    sum += Math.hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]);
  }
  return sum;
}

/** Animates a path with a dash; it starts just before the line, so that its round cap is hidden. */
function drawItself(path, delay, duration) {
  path.setAttribute('pathLength', 1);
  path.animate(
      [
        {strokeDasharray: '1 2', strokeDashoffset: 1.05, visibility: 'hidden'},
        {strokeDasharray: '1 2', strokeDashoffset: 0, visibility: 'visible'},
      ],
      {delay, duration, fill: 'backwards', easing: 'ease-in-out'});
}
