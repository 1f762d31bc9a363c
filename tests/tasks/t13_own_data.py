"""Build a data set from lines of points, and look at it."""

import numpy as np

import sketch_rnn

random = np.random.default_rng(0)
drawings = [[random.integers(0, 99, [9, 2]), random.integers(0, 99, [5, 2])] for _ in range(40)]
sketch_rnn.build_dataset(strokes=drawings, output="mine.npz")
data = sketch_rnn.load_dataset("mine.npz")

assert len(data.train) + len(data.valid) + len(data.test) == 40
