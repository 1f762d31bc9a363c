// Types of a module that sketch_rnn_export wrote.

/** A point: the offset from the last one in data units, and 1 where the pen is lifted after it. */
export type Row = [dx: number, dy: number, lifted: number];

/** A drawing. It starts at (0, 0) with the pen down, so that the first row is a segment. */
export type Sketch = Row[];

/** What is taken for a drawing. */
export type SketchLike = ReadonlyArray<readonly [number, number, number | boolean]>;

/** A point of the latent space, `zSize` numbers. */
export type Z = ArrayLike<number>;

export interface Model {
  /** What the model has learned from: the names of its data sets. */
  readonly name: string;
  /** Points of its longest drawing. */
  readonly maxPoints: number;
  /** Data units in a unit of the model's. */
  readonly scaleFactor: number;
  /** The longer side of a typical drawing in data units; null where it is not known. */
  readonly fullSize: number | null;
  /** Numbers of a z; 0 for a model without an encoder. */
  readonly zSize: number;
}

export interface StepOptions {
  /** Where in the latent space the drawing is; by default at random, or that of the drawing to
   * finish. */
  z?: Z | null;
  /** Above 0, default 0.5: low is sure, 1 is as trained. */
  temperature?: number;
  /** Always the most probable point, default false. */
  greedy?: boolean;
  /** Points before the drawing may end: default 0, and 2 that are added to one to finish. */
  leastPoints?: number;
  /** Points of the whole drawing at most, default the model's `maxPoints`. */
  maxPoints?: number;
  /** 0 to 4294967295: the same seed draws the same; by default another each time. */
  seed?: number;
}

export interface CompleteOptions extends StepOptions {
  /** Drawings, 1 to 10000, default 1. */
  count?: number;
}

export interface DecodeOptions extends Omit<CompleteOptions, 'z'> {
  /** As of `StepOptions`, or a list, of which each z becomes `count` drawings. */
  z?: Z | ReadonlyArray<Z> | null;
}

/** The model in the module. */
export function load(): Model;

/** The distribution of z given a drawing; `mu` is what to draw it again from. */
export function encode(model: Model, sketch: SketchLike): {mu: number[]; logvar: number[]};

/** New drawings. */
export function decode(model: Model, options?: DecodeOptions): Sketch[];

/** A drawing, finished in `count` ways, each of which begins with it. */
export function complete(model: Model, sketch: SketchLike, options?: CompleteOptions): Sketch[];

/** One new drawing, row by row; returns the whole. */
export function decodeSteps(model: Model, options?: StepOptions): Generator<Row, Sketch, void>;

/** One ending of a drawing, row by row without those given; returns the whole. */
export function completeSteps(
  model: Model, sketch: SketchLike, options?: StepOptions,
): Generator<Row, Sketch, void>;

/** z at `t`, 0 to 1, on the way from one to another. */
export function interpolate(first: Z, second: Z, t: number): number[];

/** z of a square, row by row, `steps` along a side; the first two corners are above. */
export function grid(corners: readonly [Z, Z, Z, Z], steps: number): number[][];

/** z of first - second + third. */
export function analogy(first: Z, second: Z, third: Z): number[];
