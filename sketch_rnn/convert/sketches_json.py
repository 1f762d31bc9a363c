"""The `.json` that `sketch_rnn_sample` writes: `{"sketches": [[[dx, dy, pen_lifted], ...], ...]}`.

Dimensions: n points of one sketch.
"""

import json
from pathlib import Path

import numpy as np

from sketch_rnn.errors import UserError

MAX_BYTES = 64 << 20


def read_sketches(path: str | Path) -> list[np.ndarray]:
    """The sketches `[n, 3]` of a file, in data units; nothing of them is checked but their form.

    Raises:
      UserError: the file holds something else, or is larger than the limit.
    """
    with Path(path).open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UserError(f"{path}: larger than the limit of {MAX_BYTES >> 20} MB")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise UserError(f"{path}: not JSON") from None
    sketches = value.get("sketches") if isinstance(value, dict) else None
    if not isinstance(sketches, list):
        raise UserError(f'{path}: expected {{"sketches": [[[dx, dy, pen_lifted], ...], ...]}}')
    return [_sketch(rows, f"{path}[{index}]") for index, rows in enumerate(sketches)]


def to_lists(sketch: np.ndarray) -> list[list[float]]:
    """stroke-3 rows as lists, the offsets with six digits."""
    return [[float(f"{dx:.6g}"), float(f"{dy:.6g}"), int(pen)] for dx, dy, pen in sketch]


def _sketch(rows: object, where: str) -> np.ndarray:
    try:
        sketch = np.array(rows if rows != [] else np.zeros((0, 3)))
    except ValueError:
        sketch = np.array(None)
    if sketch.dtype.kind not in "iuf":
        raise UserError(f"{where}: expected rows [dx, dy, pen_lifted] of numbers")
    return sketch
