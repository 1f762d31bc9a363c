"""Look at the mixture at one step of a drawing: where the pen may go next."""

import numpy as np

import sketch_rnn

model = sketch_rnn.load_model()
data = sketch_rnn.load_dataset("cat.npz", "doodles")
batch = model.batch(data.test[:1])
expected = model.distribution(batch)
step = 10
weights, means = expected.pi[0, step].numpy(), expected.mu[0, step].numpy()
likeliest = means[weights.argmax()] * model.scale_factor  # in data units

assert likeliest.shape == (2,) and np.isclose(weights.sum(), 1)
assert expected.sample(seed=1).shape == (1, model.hparams.max_seq_len, 5)
