"""Read and write the JSON of `sketch_rnn_sample`: `{"sketches": [[[dx, dy, pen_lifted], ...]]}`.

Dimensions: n points in one sketch.
"""

import numpy as np

from sketch_rnn.errors import UserError


def from_lists(sketches: list, name: str) -> list[np.ndarray]:
    """Return a file's sketches `[n, 3]` in data units; check only that they are rows of numbers.

    Args:
      sketches: the sketches in the file, as lists.
      name: the name of the file, for messages.

    Raises:
      UserError: a sketch is not rows of numbers.
    """
    return [_sketch(rows, f"{name}[{index}]") for index, rows in enumerate(sketches)]


def to_lists(sketch: np.ndarray) -> list[list[float]]:
    """Return stroke-3 rows as lists, with six digits per offset."""
    return [[float(f"{dx:.6g}"), float(f"{dy:.6g}"), int(pen)] for dx, dy, pen in sketch]


def _sketch(rows: object, where: str) -> np.ndarray:
    try:
        sketch = np.array(rows if rows != [] else np.zeros((0, 3)))
    except ValueError:
        sketch = np.array(None)
    if sketch.dtype.kind not in "iuf":
        raise UserError(f"{where}: expected rows [dx, dy, pen_lifted] of numbers")
    return sketch
