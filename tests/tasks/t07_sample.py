"""Draw new sketches at several temperatures, the same ones for the same seed."""

import numpy as np

import sketch_rnn

model = sketch_rnn.load_model()
rows = [model.decode(num_samples=5, temperature=t, seed=7) for t in (0.1, 0.5, 1.0)]
sketch_rnn.draw(
    [sketch for row in rows for sketch in row],
    "temperatures.png",
    columns=5,
    row_titles=["0.1", "0.5", "1"],
)
mixed = model.decode(num_samples=3, temperature=[0.1, 0.5, 1.0], seed=7)
again = model.decode(num_samples=5, temperature=0.1, seed=7)
surest = model.decode(num_samples=1, greedy=True, seed=7)

assert all(np.array_equal(a, b) for a, b in zip(rows[0], again, strict=True))
assert len(mixed) == 3 and len(surest) == 1
