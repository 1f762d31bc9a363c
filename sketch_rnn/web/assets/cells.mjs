// The three recurrent cells of the paper's model; each computes a batch of rows at a time.
//
// lstm:        i, j, f, o = [x, h] W + b;  c' = sigmoid(f + 1) c + sigmoid(i) tanh(j);
//              h' = sigmoid(o) tanh(c')
// layer_norm:  layer norm over each gate and over c' (Ba et al. 2016, section 3.1), no bias
// hyper:       a small layer_norm cell scales the matrix products of a large one (Ha et al. 2016)
//
// A cell's `start` returns an object, `run`, with the state of a batch and other arrays; `step`
// changes these arrays. `run.h` is [B, U]. The context is an input that is the same at every step,
// so `start` reads it once.
//
// Legend: B batch, I inputs per step, C context, U units, H hyper units, E embedding, S state,
// K kernels, O outputs.

import {Matrix, repeated} from './weights.mjs';

const FORGET_BIAS = 1;
const EPSILON = 1e-3; // added to the variance in layer norm
const ALPHAS = 8; // scales for x and for h, for each of the gates i, j, f, o
const BETAS = 4; // offsets, for each gate

export class Lstm {
  constructor(weight, inputs, units) {
    this.units = units;
    this.stateSize = 2 * units;
    [this.ofX, this.ofContext] = splitRows(weight('w_xh'), inputs);
    this.ofH = new Matrix(weight('w_hh'));
    this.bias = weight('bias').values;
  }

  /** `first` is the initial state [B, S] (c, then h) or null; `context` is [B, C] or null. */
  start(batch, first, context) {
    const [c, h] = splitState(first, batch, [this.units, this.units]);
    const constant = repeated(this.bias, batch, 4 * this.units);
    if (context) this.ofContext.addProduct(context, constant, batch);
    return {batch, c, h, constant, products: new Float64Array(constant.length)};
  }

  /** Runs one step with the input x [B, I]. */
  step(run, x) {
    run.products.set(run.constant);
    this.ofX.addProduct(x, run.products, run.batch);
    this.ofH.addProduct(run.h, run.products, run.batch);
    for (let b = 0; b < run.batch; b++) {
      updateC(run.products, run.c, b, this.units);
      const gates = 4 * b * this.units, row = b * this.units;
      for (let u = 0; u < this.units; u++) {
        run.h[row + u] = sigmoid(run.products[gates + 3 * this.units + u]) * Math.tanh(run.c[row + u]);
      }
    }
  }
}

export class LayerNormLstm {
  constructor(weight, inputs, units) {
    this.units = units;
    this.stateSize = 2 * units;
    [this.ofX, this.ofContext] = splitRows(weight('w_xh'), inputs);
    this.ofH = new Matrix(weight('w_hh'));
    this.norms = readNorms(weight, '');
  }

  /** `first` is the initial state [B, S] (h, then c) or null; `context` is [B, C] or null. */
  start(batch, first, context) {
    const [h, c] = splitState(first, batch, [this.units, this.units]);
    const constant = repeated(null, batch, 4 * this.units);
    if (context) this.ofContext.addProduct(context, constant, batch);
    return {batch, c, h, constant, products: new Float64Array(constant.length)};
  }

  step(run, x) {
    run.products.set(run.constant);
    this.ofX.addProduct(x, run.products, run.batch);
    this.ofH.addProduct(run.h, run.products, run.batch);
    normalizedCell(run.products, run.c, run.h, run.batch, this.units, this.norms);
  }
}

export class HyperLstm {
  constructor(weight, inputs, units) {
    const hyperKernel = weight('hyper_w_xh'); // [I + C + U, 4 H]
    const width = hyperKernel.shape[0] - units;
    this.units = units;
    this.hyperUnits = hyperKernel.shape[1] / 4;
    this.stateSize = 2 * (units + this.hyperUnits);
    [this.ofX, this.ofContext] = splitRows(weight('w_xh'), inputs);
    this.ofH = new Matrix(weight('w_hh'));
    this.bias = weight('bias').values;
    this.norms = readNorms(weight, '');
    this.hyperOfX = new Matrix(hyperKernel, 0, inputs);
    this.hyperOfContext = new Matrix(hyperKernel, inputs, width);
    this.hyperOfH = new Matrix(hyperKernel, width);
    this.hyperOfHyperH = new Matrix(weight('hyper_w_hh'));
    this.hyperNorms = readNorms(weight, 'hyper_');
    this.zw = new Matrix(weight('zw_kernel'));
    this.zwBias = weight('zw_bias').values;
    this.zb = new Matrix(weight('zb_kernel'));
    this.alphas = splitMatrices(weight('alpha_kernel'));
    this.betas = splitMatrices(weight('beta_kernel'));
  }

  /**
   * `first` is the initial state [B, S], which holds h, hyper h, c and hyper c in this order, or
   * null; `context` is [B, C] or null.
   */
  start(batch, first, context) {
    const {units, hyperUnits} = this;
    const sizes = [units, hyperUnits, units, hyperUnits];
    const [h, hyperH, c, hyperC] = splitState(first, batch, sizes);
    const constant = repeated(null, batch, 4 * units);
    const hyperConstant = repeated(null, batch, 4 * hyperUnits);
    if (context) {
      this.ofContext.addProduct(context, constant, batch);
      this.hyperOfContext.addProduct(context, hyperConstant, batch);
    }
    return {
      batch, c, h, hyperC, hyperH, constant, hyperConstant,
      products: new Float64Array(constant.length),
      hyperProducts: new Float64Array(hyperConstant.length),
    };
  }

  step(run, x) {
    const {batch, hyperProducts} = run;
    hyperProducts.set(run.hyperConstant);
    this.hyperOfX.addProduct(x, hyperProducts, batch);
    this.hyperOfH.addProduct(run.h, hyperProducts, batch);
    this.hyperOfHyperH.addProduct(run.hyperH, hyperProducts, batch);
    normalizedCell(
        hyperProducts, run.hyperC, run.hyperH, batch, this.hyperUnits, this.hyperNorms);

    const z = repeated(this.zwBias, batch, this.zw.outputs);
    this.zw.addProduct(run.hyperH, z, batch);
    const zb = repeated(null, batch, this.zb.outputs);
    this.zb.addProduct(run.hyperH, zb, batch);
    const alpha = modulations(z, this.alphas, batch, ALPHAS);
    const beta = modulations(zb, this.betas, batch, BETAS);
    this.modulate(run, x, alpha, beta);
    normalizedCell(run.products, run.c, run.h, batch, this.units, this.norms);
  }

  /** Computes the sum alpha_x * x W_xh + alpha_h * h W_hh + beta + bias. */
  modulate(run, x, alpha, beta) {
    const {batch, products} = run;
    const width = 4 * this.units;
    const ofH = repeated(null, batch, width);
    products.set(run.constant);
    this.ofX.addProduct(x, products, batch);
    this.ofH.addProduct(run.h, ofH, batch);
    for (let b = 0; b < batch; b++) {
      for (let k = 0; k < width; k++) {
        const place = b * width + k, ofXAlpha = 2 * b * width + k;
        products[place] = alpha[ofXAlpha] * products[place]
          + alpha[ofXAlpha + width] * ofH[place] + beta[place] + this.bias[k];
      }
    }
  }
}

export const CELLS = {lstm: Lstm, layer_norm: LayerNormLstm, hyper: HyperLstm};

/** Splits a kernel [I + C, O] into the rows for the point and those for the constant inputs. */
function splitRows(kernel, inputs) {
  return [new Matrix(kernel, 0, inputs), new Matrix(kernel, inputs)];
}

/** Splits a kernel [K, E, U] into K matrices [E, U]. */
function splitMatrices({shape: [count, rows, columns], values}) {
  const all = {shape: [count * rows, columns], values};
  return Array.from({length: count}, (_, k) => new Matrix(all, k * rows, (k + 1) * rows));
}

/** Splits states [B, S] into arrays [B, size]; zeros if the state is null. */
function splitState(state, batch, sizes) {
  const width = sizes.reduce((sum, size) => sum + size, 0);
  let begin = 0;
  return sizes.map((size) => {
    const part = new Float64Array(batch * size);
    for (let b = 0; state && b < batch; b++) {
      part.set(state.subarray(b * width + begin, b * width + begin + size), b * size);
    }
    begin += size;
    return part;
  });
}

function readNorms(weight, prefix) {
  const read = (name) => weight(`${prefix}${name}`).values;
  return {
    gamma: read('gamma'), beta: read('beta'), cGamma: read('c_gamma'), cBeta: read('c_beta'),
  };
}

/** Multiplies embeddings z [B, K E] with matrices [E, U] to get modulations [B, K U]. */
function modulations(z, matrices, batch, count) {
  const size = matrices[0].inputs, units = matrices[0].outputs;
  const result = new Float64Array(batch * count * units);
  for (let b = 0; b < batch; b++) {
    matrices.forEach((matrix, k) => {
      const from = (b * count + k) * size, to = (b * count + k) * units;
      matrix.addProduct(z.subarray(from, from + size), result.subarray(to, to + units), 1);
    });
  }
  return result;
}

/** Finishes a step after the products [B, 4 U]: normalizes the gates and c, and computes h. */
function normalizedCell(products, c, h, batch, units, norms) {
  const normal = new Float64Array(units);
  for (let b = 0; b < batch; b++) {
    const gates = 4 * b * units, row = b * units;
    for (let gate = 0; gate < 4; gate++) {
      const begin = gates + gate * units;
      normalize(products, begin, products, begin, units, norms.gamma, norms.beta, gate * units);
    }
    updateC(products, c, b, units);
    normalize(c, row, normal, 0, units, norms.cGamma, norms.cBeta, 0);
    for (let u = 0; u < units; u++) {
      h[row + u] = sigmoid(products[gates + 3 * units + u]) * Math.tanh(normal[u]);
    }
  }
}

/** Replaces c in row b with c', computed from the gates. */
function updateC(products, c, b, units) {
  const gates = 4 * b * units, row = b * units;
  for (let u = 0; u < units; u++) {
    const i = sigmoid(products[gates + u]);
    const j = Math.tanh(products[gates + units + u]);
    const f = sigmoid(products[gates + 2 * units + u] + FORGET_BIAS);
    c[row + u] = c[row + u] * f + i * j;
  }
}

/** Writes the layer norm of `size` numbers of x, starting at `begin`, with gain and bias, to y. */
function normalize(x, begin, y, yBegin, size, gamma, beta, normBegin) {
  let mean = 0, variance = 0;
  for (let u = 0; u < size; u++) mean += x[begin + u];
  mean /= size;
  for (let u = 0; u < size; u++) variance += (x[begin + u] - mean) ** 2;
  const inverse = 1 / Math.sqrt(variance / size + EPSILON);
  for (let u = 0; u < size; u++) {
    y[yBegin + u] = (x[begin + u] - mean) * inverse * gamma[normBegin + u] + beta[normBegin + u];
  }
}

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}
