// Writes a drawing into the part of an address that no server sees: `#d=`, then text.
//
// For each line, the text holds the number of its points, then their offsets in thousandths of the
// paper's side. Numbers are varints (seven bits per byte; the lowest bit of an offset is its sign),
// and the bytes are encoded as URL-safe base64.

import {simplify} from './strokes.mjs';

const UNITS = 1000; // units along the paper's side
const LONGEST = 1600; // characters that every mail program accepts in an address
const MOST_POINTS = 5000;
const FINEST = 0.5; // units

/** Returns the lines as text, simplified until it is short enough for a link in an email. */
export function toFragment(lines, side) {
  const whole = lines.map((line) => line.map((point) => point.map((x) => x * UNITS / side)));
  for (let epsilon = FINEST; ; epsilon *= 2) {
    const text = written(whole.map((line) => simplify(line, epsilon)));
    if (text.length <= LONGEST || epsilon > UNITS) return text;
  }
}

/** Returns the lines that a string holds; throws an Error if `toFragment` did not write it. */
export function fromFragment(text, side) {
  const numbers = numbersOf(text);
  const lines = [];
  let points = 0, x = 0, y = 0;
  for (let i = 0; i < numbers.length;) {
    const count = numbers[i++];
    points += count;
    if (count < 1 || points > MOST_POINTS || i + 2 * count > numbers.length) throw notOne();
    lines.push(Array.from({length: count}, () => {
      x += signed(numbers[i++]);
      y += signed(numbers[i++]);
      return [x * side / UNITS, y * side / UNITS];
    }));
  }
  if (!lines.length) throw notOne();
  return lines;
}

function written(lines) {
  const bytes = [];
  const add = (n) => {
    for (; n > 127; n >>>= 7) bytes.push(n & 127 | 128);
    bytes.push(n);
  };
  let before = [0, 0];
  for (const line of lines) {
    add(line.length);
    for (const point of line) {
      const now = point.map(Math.round);
      now.forEach((value, axis) => add(unsigned(value - before[axis])));
      before = now;
    }
  }
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function numbersOf(text) {
  const numbers = [];
  let n = 0, shift = 0;
  for (const sign of decoded(text)) {
    const byte = sign.charCodeAt(0);
    n += (byte & 127) << shift;
    shift += 7;
    if (shift > 28) throw notOne();
    if (byte > 127) continue;
    numbers.push(n);
    n = shift = 0;
  }
  if (shift) throw notOne();
  return numbers;
}

function decoded(text) {
  try {
    return atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    throw notOne();
  }
}

function notOne() {
  return new Error('the link does not contain a complete drawing; was it cut off?');
}

function unsigned(n) {
  return n < 0 ? -2 * n - 1 : 2 * n;
}

function signed(n) {
  return n % 2 ? -(n + 1) / 2 : n / 2;
}
