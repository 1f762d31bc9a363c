"""Take parts of a data set."""

import sketch_rnn

data = sketch_rnn.load_dataset(["cat.npz", "fish.npz"], "doodles")
first, some = data.test[:4], data.test[[5, 150]]
long = [sketch for sketch in data.valid if len(sketch) > 50]

assert len(first) == 4 and len(some) == 2 and long
assert data.test[0].shape[1] == 3
sketch_rnn.draw(first, "first.svg")
