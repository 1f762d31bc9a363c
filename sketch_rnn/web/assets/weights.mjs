// Decodes the weights that the exporter writes, and multiplies with them.
//
// Legend: B batch, I inputs, O outputs. Arrays are row-major and flat.

import {vectors} from './products.mjs';

const READERS = {
  float32: {width: 4, read: (view, offset) => view.getFloat32(offset, true)},
  float16: {width: 2, read: (view, offset) => halfToNumber(view.getUint16(offset, true))},
  int16: {width: 2, read: (view, offset) => view.getInt16(offset, true)},
  int8: {width: 1, read: (view, offset) => view.getInt8(offset)},
};

/**
 * Returns an exported model's tensors, keyed by name, as {shape, values}, with Float32Array values.
 *
 * If integers are stored, `scales` float32 numbers come before them: one for all columns, or one
 * for each column. A weight is its integer times the scale of its column.
 */
export function decodeTensors(content) {
  const view = new DataView(decodeBase64(content.data));
  const tensors = {};
  let offset = 0;
  const take = (type, count) => {
    const {width, read} = READERS[type];
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++, offset += width) values[i] = read(view, offset);
    return values;
  };
  for (const {name, shape, type, scales: count} of content.tensors) {
    const scales = take('float32', count);
    const values = take(type, shape.reduce((product, side) => product * side, 1));
    for (let i = 0; count && i < values.length; i++) values[i] *= scales[i % count];
    tensors[name] = {shape, values};
  }
  return tensors;
}

function decodeBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

/** Returns the value of a half-precision number (IEEE 754), given its 16 bits. */
export function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * Rows `begin` to `end` of a kernel [I, O], stored for matrix products with rows of x: for each
 * input, the weights of four outputs lie side by side, in the order in which `addProduct` reads
 * them. The last group of four is padded with zeros.
 */
export class Matrix {
  constructor(kernel, begin = 0, end = kernel.shape[0]) {
    const outputs = kernel.shape[1];
    this.inputs = end - begin;
    this.outputs = outputs;
    const fours = new Float32Array(Math.ceil(outputs / 4) * 4 * this.inputs);
    for (let o = 0; o < outputs; o++) {
      const place = (o - o % 4) * this.inputs + o % 4;
      for (let i = 0; i < this.inputs; i++) {
        fours[place + 4 * i] = kernel.values[(begin + i) * outputs + o];
      }
    }
    this.kept = this.inputs && vectors?.keep(fours, this.inputs);
    this.fours = this.kept ? null : fours;
  }

  /** Computes y += x W, for x [B, I] and y [B, O], three rows at a time where possible. */
  addProduct(x, y, batch) {
    if (this.kept) return vectors.addProduct(this.kept, this.outputs, x, y, batch);
    const threes = batch - batch % 3;
    for (let b = 0; b < threes; b += 3) this.addThreeRows(x, y, b);
    for (let b = threes; b < batch; b++) this.addRow(x, y, b);
  }

  /** Adds x W to three rows, four outputs at a time: twelve independent sums. */
  addThreeRows(x, y, row) {
    const {inputs, outputs, fours} = this;
    const x0 = row * inputs, x1 = x0 + inputs, x2 = x1 + inputs;
    for (let o = 0, w = 0; o < outputs; o += 4) {
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      let c0 = 0, c1 = 0, c2 = 0, c3 = 0;
      for (let i = 0; i < inputs; i++, w += 4) {
        const w0 = fours[w], w1 = fours[w + 1], w2 = fours[w + 2], w3 = fours[w + 3];
        const a = x[x0 + i], b = x[x1 + i], c = x[x2 + i];
        a0 += a * w0;
        a1 += a * w1;
        a2 += a * w2;
        a3 += a * w3;
        b0 += b * w0;
        b1 += b * w1;
        b2 += b * w2;
        b3 += b * w3;
        c0 += c * w0;
        c1 += c * w1;
        c2 += c * w2;
        c3 += c * w3;
      }
      addFour(y, row * outputs, o, outputs, a0, a1, a2, a3);
      addFour(y, (row + 1) * outputs, o, outputs, b0, b1, b2, b3);
      addFour(y, (row + 2) * outputs, o, outputs, c0, c1, c2, c3);
    }
  }

  addRow(x, y, row) {
    const {inputs, outputs, fours} = this;
    const x0 = row * inputs;
    for (let o = 0, w = 0; o < outputs; o += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let i = 0; i < inputs; i++, w += 4) {
        const value = x[x0 + i];
        s0 += value * fours[w];
        s1 += value * fours[w + 1];
        s2 += value * fours[w + 2];
        s3 += value * fours[w + 3];
      }
      addFour(y, row * outputs, o, outputs, s0, s1, s2, s3);
    }
  }
}

/** Adds four sums to outputs `o` to `o + 3` of the row that starts at `begin`; skips padding. */
function addFour(y, begin, o, outputs, s0, s1, s2, s3) {
  const place = begin + o, left = outputs - o;
  y[place] += s0;
  if (left > 1) y[place + 1] += s1;
  if (left > 2) y[place + 2] += s2;
  if (left > 3) y[place + 3] += s3;
}

/** Drops all sketches of a batch except `rows` from the arrays in `run` (see cells.mjs), which hold
 * one row per sketch; `rows` are indices in ascending order. */
export function keepRows(run, rows) {
  for (const [name, array] of Object.entries(run)) {
    if (name === 'batch') continue;
    const width = array.length / run.batch;
    rows.forEach((from, to) => array.copyWithin(to * width, from * width, (from + 1) * width));
    run[name] = array.subarray(0, rows.length * width);
  }
  run.batch = rows.length;
}

/** Returns `batch` copies of `row` as one array; zeros if `row` is null. */
export function repeated(row, batch, width) {
  const rows = new Float64Array(batch * width);
  if (row) for (let b = 0; b < batch; b++) rows.set(row, b * width);
  return rows;
}

/** A dense layer: x [B, I] -> x W + b [B, O]. */
export class Dense {
  constructor(kernel, bias) {
    this.matrix = new Matrix(kernel);
    this.bias = bias.values;
  }

  apply(x, batch) {
    const y = repeated(this.bias, batch, this.matrix.outputs);
    this.matrix.addProduct(x, y, batch);
    return y;
  }
}
