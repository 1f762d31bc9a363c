// Computes y += x W for a few rows of x with WebAssembly's vectors of four numbers. If the browser
// or a Content-Security-Policy does not allow WebAssembly, `Matrix` multiplies in JavaScript.
//
// Both read the weights in the same order: for each input, four outputs side by side. This module
// writes the WebAssembly program byte by byte, as the WebAssembly specification defines it.

const PAGE = 65536; // bytes in a page of WebAssembly's memory
const ROWS = [3, 1]; // rows that each function computes together
const I32 = 0x7f, V128 = 0x7b;
const END = 0x0b, LOOP = [0x03, 0x40], BACK = [0x49, 0x0d, 0]; // repeat while less
const ADD = 0x6a, TIMES = 0x6c;
const LOAD = [0xfd, 0, 4, 0], LOAD_ONE = [0xfd, 9, 2, 0], STORE = [0xfd, 11, 4, 0];
const ZEROS = [0xfd, 12, ...Array(16).fill(0)], ADD_FOUR = [0xfd, 0xe4, 1];
const TIMES_FOUR = [0xfd, 0xe6, 1];

const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const keep = (local) => [0x22, local];
const number = (n) => [0x41, n]; // n must be below 64
const list = (items) => [...size(items.length), ...items.flat()];
const section = (id, bytes) => [id, ...size(bytes.length), ...bytes];
const text = (word) => list(Array.from(word, (sign) => [sign.charCodeAt(0)]));
const each = (rows, write) => Array.from({length: rows}, (_, row) => write(row)).flat();

/** Encodes a number as WebAssembly does, with seven bits per byte. */
function size(n) {
  return n < 128 ? [n] : [n & 127 | 128, ...size(n >> 7)];
}

/**
 * Returns the body of a function that computes y += x W for `rows` rows, four outputs at a time. Its
 * parameters are the addresses of x, W and y, and the bytes of a row of x and of y.
 */
function body(rows) {
  const [x, w, y, xBytes, yBytes, yEnd, xEnd, place, sums] = Array.from({length: 9}, (_, i) => i);
  const weights = sums + rows;
  const rowOf = (local, bytes, row) =>
    [...get(local), ...(row ? [...get(bytes), ...number(row), TIMES, ADD] : [])];
  const code = [
    ...get(y), ...get(yBytes), ADD, ...set(yEnd),
    ...get(x), ...get(xBytes), ADD, ...set(xEnd),
    ...LOOP,
    ...get(x), ...set(place),
    ...each(rows, (row) => [...ZEROS, ...set(sums + row)]),
    ...LOOP,
    ...get(w), ...LOAD, ...set(weights),
    ...each(rows, (row) => [
      ...get(sums + row), ...rowOf(place, xBytes, row), ...LOAD_ONE, ...get(weights), ...TIMES_FOUR,
      ...ADD_FOUR, ...set(sums + row),
    ]),
    ...get(w), ...number(16), ADD, ...set(w),
    ...get(place), ...number(4), ADD, ...keep(place), ...get(xEnd), ...BACK,
    END,
    ...each(rows, (row) => {
      const outputs = rowOf(y, yBytes, row);
      return [...outputs, ...outputs, ...LOAD, ...get(sums + row), ...ADD_FOUR, ...STORE];
    }),
    ...get(y), ...number(16), ADD, ...keep(y), ...get(yEnd), ...BACK,
    END, END,
  ];
  const locals = [2, 3, I32, rows + 1, V128];
  return [...size(locals.length + code.length), ...locals, ...code];
}

function program() {
  return new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, list([[0x60, ...list(Array(5).fill([I32])), 0]])),
    ...section(2, list([[...text('page'), ...text('memory'), 2, 0, 1]])),
    ...section(3, list(ROWS.map(() => [0]))),
    ...section(7, list(ROWS.map((rows, i) => [...text(`rows${rows}`), 0, i]))),
    ...section(10, list(ROWS.map(body))),
  ]);
}

/** Starts WebAssembly; returns null if it is not available. */
function startVectors() {
  try {
    const memory = new WebAssembly.Memory({initial: 1});
    const compiled = new WebAssembly.Module(program());
    return new Vectors(memory, new WebAssembly.Instance(compiled, {page: {memory}}).exports);
  } catch {
    return null; // no WebAssembly, or a Content-Security-Policy without 'wasm-unsafe-eval'
  }
}

/** Weights in WebAssembly's memory; each matrix also has room there for its rows of x and y. */
class Vectors {
  constructor(memory, functions) {
    this.memory = memory;
    this.functions = ROWS.map((rows) => functions[`rows${rows}`]);
    this.end = 0; // bytes in use
  }

  /** Copies weights [O / 4, I, 4] into the memory; returns what `addProduct` needs. */
  keep(fours, inputs) {
    const width = fours.length / inputs;
    const sizes = [fours.length, ROWS[0] * inputs, ROWS[0] * width];
    const [weights, x, y] = sizes.map((count) => this.take(count));
    new Float32Array(this.memory.buffer, weights, fours.length).set(fours);
    return {weights, x, y, inputs, width};
  }

  /** Reserves memory for `count` numbers; returns its address. */
  take(count) {
    const place = this.end;
    this.end += Math.ceil(count / 4) * 16;
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return place;
  }

  addProduct(kept, outputs, x, y, batch) {
    const {inputs, width} = kept;
    const ofX = new Float32Array(this.memory.buffer, kept.x, ROWS[0] * inputs);
    const ofY = new Float32Array(this.memory.buffer, kept.y, ROWS[0] * width);
    for (let b = 0; b < batch;) {
      const which = batch - b >= ROWS[0] ? 0 : 1;
      const rows = ROWS[which];
      ofX.set(x.subarray(b * inputs, (b + rows) * inputs));
      ofY.fill(0, 0, rows * width);
      this.functions[which](kept.x, kept.weights, kept.y, 4 * inputs, 4 * width);
      for (let row = 0; row < rows; row++) {
        const to = (b + row) * outputs, from = row * width;
        for (let o = 0; o < outputs; o++) y[to + o] += ofY[from + o];
      }
      b += rows;
    }
  }
}

export const vectors = startVectors();
