// The weights of a model as the exporter writes them, and products with them.
//
// Legend: B batch, I inputs, O outputs. Arrays are row-major and flat.

const READERS = {
  float32: {width: 4, read: (view, offset) => view.getFloat32(offset, true)},
  float16: {width: 2, read: (view, offset) => halfToNumber(view.getUint16(offset, true))},
  int16: {width: 2, read: (view, offset, scale) => scale * view.getInt16(offset, true)},
};

/** The tensors of an exported model by name, each {shape, values}; values are a Float32Array. */
export function decodeTensors(content) {
  const view = new DataView(decodeBase64(content.data));
  const {width, read} = READERS[content.weights];
  const tensors = {};
  let offset = 0;
  for (const {name, shape, scale} of content.tensors) {
    const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
    for (let i = 0; i < values.length; i++, offset += width) values[i] = read(view, offset, scale);
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

/** The value of the 16 bits of a half-precision number (IEEE 754). */
export function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rows `begin` to `end` of a kernel [I, O], kept transposed for products with rows of x. */
export class Matrix {
  constructor(kernel, begin = 0, end = kernel.shape[0]) {
    const outputs = kernel.shape[1];
    this.inputs = end - begin;
    this.outputs = outputs;
    this.columns = new Float32Array(this.inputs * outputs);
    for (let i = 0; i < this.inputs; i++) {
      const row = (begin + i) * outputs;
      for (let o = 0; o < outputs; o++) {
        this.columns[o * this.inputs + i] = kernel.values[row + o];
      }
    }
  }

  /** y += x W, for x [B, I] and y [B, O]: rows three at a time where there are as many. */
  addProduct(x, y, batch) {
    const threes = batch - batch % 3;
    for (let b = 0; b < threes; b += 3) this.addThreeRows(x, y, b);
    for (let b = threes; b < batch; b++) this.addRow(x, y, b);
  }

  /** Two outputs at a time: six sums that do not wait for each other. */
  addThreeRows(x, y, b) {
    const {inputs, outputs, columns} = this;
    const x0 = b * inputs, x1 = x0 + inputs, x2 = x1 + inputs;
    const y0 = b * outputs, y1 = y0 + outputs, y2 = y1 + outputs;
    let o = 0;
    for (; o + 2 <= outputs; o += 2) {
      const w0 = o * inputs, w1 = w0 + inputs;
      let s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0;
      for (let i = 0; i < inputs; i++) {
        const first = columns[w0 + i], second = columns[w1 + i];
        const a = x[x0 + i], b = x[x1 + i], c = x[x2 + i];
        s00 += a * first;
        s01 += a * second;
        s10 += b * first;
        s11 += b * second;
        s20 += c * first;
        s21 += c * second;
      }
      y[y0 + o] += s00;
      y[y0 + o + 1] += s01;
      y[y1 + o] += s10;
      y[y1 + o + 1] += s11;
      y[y2 + o] += s20;
      y[y2 + o + 1] += s21;
    }
    for (; o < outputs; o++) {
      for (let row = b; row < b + 3; row++) y[row * outputs + o] += this.dot(x, row, o);
    }
  }

  /** Four outputs at a time. */
  addRow(x, y, b) {
    const {inputs, outputs, columns} = this;
    const row = b * inputs;
    let o = 0;
    for (; o + 4 <= outputs; o += 4) {
      const w0 = o * inputs, w1 = w0 + inputs, w2 = w1 + inputs, w3 = w2 + inputs;
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let i = 0; i < inputs; i++) {
        const value = x[row + i];
        s0 += value * columns[w0 + i];
        s1 += value * columns[w1 + i];
        s2 += value * columns[w2 + i];
        s3 += value * columns[w3 + i];
      }
      const place = b * outputs + o;
      y[place] += s0;
      y[place + 1] += s1;
      y[place + 2] += s2;
      y[place + 3] += s3;
    }
    for (; o < outputs; o++) y[b * outputs + o] += this.dot(x, b, o);
  }

  /** Row b of x, times column o. */
  dot(x, b, o) {
    const {inputs, columns} = this;
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += x[b * inputs + i] * columns[o * inputs + i];
    return sum;
  }
}

/** `batch` rows, each equal to `row`; zeros without one. */
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
