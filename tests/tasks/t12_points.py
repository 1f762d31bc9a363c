"""Turn lines of points into a sketch and back."""

import numpy as np

import sketch_rnn

house = [[(0, 0), (80, 0), (80, 60), (0, 60), (0, 0)], [(0, 0), (40, -40), (80, 0)]]
sketch = sketch_rnn.from_points(house)
lines = sketch_rnn.to_points(sketch)

for ours, theirs in zip(house, lines, strict=True):
    np.testing.assert_allclose(theirs - lines[0][0], np.array(ours))
