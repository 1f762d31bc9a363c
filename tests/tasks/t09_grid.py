"""Interpolate between four drawings in a square."""

import sketch_rnn

model = sketch_rnn.load_model()
data = sketch_rnn.load_dataset("cat.npz", "doodles")
picture = sketch_rnn.Sampler(model, data.test[:4], steps=4, seed=1).grid()
picture.write("grid.svg")

assert len(picture.rows) == 4 and len(picture.rows[0]) == 4
