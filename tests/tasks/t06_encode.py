"""Encode drawings, and find the two whose z are nearest."""

import numpy as np

import sketch_rnn

model = sketch_rnn.load_model()
data = sketch_rnn.load_dataset("cat.npz", "doodles")
mu, logvar = model.encode(data.test)
distances = np.linalg.norm(mu[:, None] - mu[None], axis=-1)
np.fill_diagonal(distances, np.inf)
nearest = np.unravel_index(distances.argmin(), distances.shape)
sketch_rnn.draw(data.test[list(nearest)], "nearest.svg")

assert mu.shape == logvar.shape == (100, 16)
