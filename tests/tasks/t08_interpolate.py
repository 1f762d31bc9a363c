"""Interpolate from one drawing to another."""

import sketch_rnn

model = sketch_rnn.load_model()
data = sketch_rnn.load_dataset(["cat.npz", "fish.npz"], "doodles")
way = model.interpolate(data.test[0], data.test[150], steps=6, temperature=0.2, seed=1)
sketch_rnn.draw(way, "way.svg", columns=6)

assert len(way) == 6
