"""Show drawings beside their reconstructions."""

import sketch_rnn

model = sketch_rnn.load_model()
data = sketch_rnn.load_dataset("cat.npz", "doodles")
picture = sketch_rnn.Sampler(model, data.test[:5], temperature=[0.1, 0.5], seed=1).reconstruct()
picture.write("again.png")

assert [len(row) for row in picture.rows] == [3] * 5
