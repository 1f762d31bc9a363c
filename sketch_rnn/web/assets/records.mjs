// Converts the pad's drawings to and from Quick, Draw!'s raw format: one JSON object per line, with
// strokes as [[x, ...], [y, ...], [t, ...]]; t is in milliseconds from the start of the drawing.

const PAUSE = 500; // ms between the last stroke before a reload and the first one after it

/** Returns a new drawing without strokes. */
export function newRecord(word) {
  return {key_id: newKey(), word, timestamp: now(), drawing: [], done: false};
}

function newKey() {
  const digits = crypto.getRandomValues(new Uint32Array(2));
  return `${1e8 + digits[0] % 9e8}${1e7 + digits[1] % 9e7}`.slice(0, 16);
}

function now() {
  return new Date().toISOString().replace('T', ' ').replace('Z', ' UTC');
}

/** Returns a line of points [x, y, t] as a stroke of a drawing that began at t = `start`. */
export function toStroke(line, start) {
  return [
    line.map(([x]) => Math.round(x * 10) / 10),
    line.map(([, y]) => Math.round(y * 10) / 10),
    line.map(([, , t]) => Math.max(0, Math.round(t - start))),
  ];
}

/** Returns when the drawing began, on the clock of `line`, which is the next line to add. */
export function startOf(record, line) {
  const last = record.drawing.at(-1)?.[2]?.at(-1);
  return line[0][2] - (last === undefined ? 0 : last + PAUSE);
}

/** Returns the strokes as lines of points [x, y]. */
export function linesOf({drawing}) {
  return drawing.map(([xs, ys]) => xs.map((x, i) => [x, ys[i]]));
}

/** Returns drawings as the text of a file, one drawing per line. */
export function textOf(records) {
  return records
      .map(({key_id, word, timestamp, drawing}) => JSON.stringify({word, timestamp, key_id, drawing}))
      .map((line) => `${line}\n`).join('');
}

/** Returns the drawings in the text of a file; throws an Error that names an invalid line. */
export function recordsOf(text) {
  return text.split('\n').flatMap((line, i) => {
    if (!line.trim()) return [];
    const record = parsed(line);
    if (!record) throw new Error(`line ${i + 1} is not a drawing in the format of Quick, Draw!`);
    return [record];
  });
}

function parsed(line) {
  let value;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!Array.isArray(value?.drawing) || !value.drawing.length) return null;
  if (!value.drawing.every(isStroke)) return null;
  const {word, timestamp, key_id, drawing} = value;
  return {
    key_id: String(key_id || newKey()), word: String(word || 'drawing'),
    timestamp: String(timestamp || now()), drawing: drawing.map(withTimes), done: true,
  };
}

function isStroke(stroke) {
  if (!Array.isArray(stroke) || stroke.length < 2 || stroke.length > 3) return false;
  return stroke.every((values) => Array.isArray(values) && values.length
    && values.length === stroke[0].length && values.every(Number.isFinite));
}

function withTimes([xs, ys, ts]) {
  return [xs, ys, ts || xs.map((_, i) => i)];
}
