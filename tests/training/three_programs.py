"""Train, evaluate and draw as on a GPU, with batches whose lengths differ."""

import numpy as np
from test_step import GPU, LENGTHS, STEPS, model_of, sketches, update

from sketch_rnn.data.dataset import Split
from sketch_rnn.data.split import flatten, make_part
from sketch_rnn.setup import setup
from sketch_rnn.training.evaluate import Evaluator
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

setup()
model = model_of("lstm", GPU)
train, rng = TrainStep(TrainState(model), 1), np.random.default_rng(4)
for step in range(4):
    update(train, step, rng.integers(1, STEPS + 1, len(LENGTHS)).astype(np.int32))

drawings = [*sketches(), *sketches(), sketches()[0]]
points, lengths = flatten(drawings)
Evaluator(model, 1, 1.0, STEPS).evaluate(Split([make_part(points, lengths)]), "valid")
for seed in range(2):
    model.decode(num_samples=3, seed=seed)
