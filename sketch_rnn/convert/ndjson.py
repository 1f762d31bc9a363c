"""Quick, Draw! drawings, one JSON object a line.

https://github.com/googlecreativelab/quickdraw-dataset: `{"word": ..., "recognized": true,
"drawing": [line, ...]}`, each line `[[x, ...], [y, ...]]` (simplified) or `[[x, ...], [y, ...],
[t, ...]]` (raw).
"""

import json
from typing import Any, NamedTuple

import numpy as np

from sketch_rnn.errors import UserError


class Drawing(NamedTuple):
    """A drawing's lines, each `[n, 2]`, and whether the game recognized it."""

    lines: list[np.ndarray]
    recognized: bool


def parse_line(line: bytes) -> Drawing:
    """The drawing of a line of the file; raises UserError."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise UserError("not JSON") from None
    drawing = value.get("drawing") if isinstance(value, dict) else None
    if not isinstance(drawing, list):
        raise UserError('not an object with "drawing", a list')
    lines = [_polyline(stroke) for stroke in drawing]
    return Drawing(lines, value.get("recognized", True) is not False)


def _polyline(stroke: Any) -> np.ndarray:
    try:
        x, y = (np.array(values) for values in stroke[:2])
    except (TypeError, KeyError, ValueError):
        raise UserError("a stroke is not [x, y] or [x, y, t]") from None
    if x.ndim != 1 or x.shape != y.shape:
        raise UserError("a stroke has not as many x as y")
    if x.size and (x.dtype.kind not in "if" or y.dtype.kind not in "if"):
        raise UserError("a coordinate is not a number")
    return np.column_stack([x, y]).astype(np.float64)
