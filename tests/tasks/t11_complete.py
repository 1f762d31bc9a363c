"""Finish a drawing that was begun."""

import numpy as np

import sketch_rnn

model = sketch_rnn.load_model()
begun = sketch_rnn.load_dataset("cat.npz", "doodles").test[0][:15]
ways = model.complete(begun, num_samples=4, temperature=0.3, seed=1)
sketch_rnn.draw(ways, "ways.svg", prefixes=len(begun))

assert all(np.array_equal(way[:15], begun) for way in ways)
