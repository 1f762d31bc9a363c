// Types for a module written by sketch_rnn_export.

/** A point: its offset from the last point in data units, and 1 if the pen is lifted after it. */
export type Row = [dx: number, dy: number, lifted: number];

/** A drawing. It starts at (0, 0) with the pen down, so that the first row is a segment. */
export type Sketch = Row[];

/** A value that functions accept as a drawing. */
export type SketchLike = ReadonlyArray<readonly [number, number, number | boolean]>;

/** A latent vector of `zSize` numbers. */
export type Z = ArrayLike<number>;

export interface Model {
  /** The names of the data sets that the model was trained on. */
  readonly name: string;
  /** The number of points in the longest drawing that it was trained on. */
  readonly maxPoints: number;
  /** The number of data units in a model unit. */
  readonly scaleFactor: number;
  /** The longer side of a typical drawing in data units; null if it is not known. */
  readonly fullSize: number | null;
  /** The length of a latent vector; 0 for a model without an encoder. */
  readonly zSize: number;
}

export interface StepOptions {
  /** The latent vector to draw from; by default random, or the mu of the drawing to finish. */
  z?: Z | null;
  /**
   * A number above 0, by default 0.5. Low values give the most likely drawings; 1 samples the
   * distribution that the model learned.
   */
  temperature?: number;
  /** Whether to always choose the most probable point; by default false. */
  greedy?: boolean;
  /** The fewest points in a new drawing (default 0), or added to a given one (default 2). */
  leastPoints?: number;
  /** The largest number of points in the whole drawing; by default the model's `maxPoints`. */
  maxPoints?: number;
  /** 0 to 4294967295: the same seed gives the same drawings; by default random. */
  seed?: number;
}

export interface CompleteOptions extends StepOptions {
  /** The number of drawings, 1 to 10000, default 1. */
  count?: number;
}

export interface DecodeOptions extends Omit<CompleteOptions, 'z'> {
  /** As in `StepOptions`, or a list of latent vectors; each gives `count` drawings. */
  z?: Z | ReadonlyArray<Z> | null;
}

/** Returns the model in this module. */
export function load(): Model;

/** Returns the distribution of z given a drawing; decode `mu` to reconstruct the drawing. */
export function encode(model: Model, sketch: SketchLike): {mu: number[]; logvar: number[]};

/** Returns new drawings. */
export function decode(model: Model, options?: DecodeOptions): Sketch[];

/** Finishes a drawing in `count` ways; each result begins with the given drawing. */
export function complete(model: Model, sketch: SketchLike, options?: CompleteOptions): Sketch[];

/** Yields the rows of one new drawing one by one; returns the whole drawing. */
export function decodeSteps(model: Model, options?: StepOptions): Generator<Row, Sketch, void>;

/** Finishes a drawing once; yields only the added rows, and returns the whole drawing. */
export function completeSteps(
  model: Model, sketch: SketchLike, options?: StepOptions,
): Generator<Row, Sketch, void>;

/** Returns the z at `t`, from 0 to 1, on the great circle from one z to another. */
export function interpolate(first: Z, second: Z, t: number): number[];

/** Returns a square of z, row by row, with `steps` per side; the first two corners are on top. */
export function grid(corners: readonly [Z, Z, Z, Z], steps: number): number[][];

/** Returns the z first - second + third. */
export function analogy(first: Z, second: Z, third: Z): number[];
