"""Quick, Draw! drawings, one JSON object a line.

https://github.com/googlecreativelab/quickdraw-dataset: `{"word": ..., "drawing": [line, ...]}`,
each line `[[x, ...], [y, ...]]` (simplified) or `[[x, ...], [y, ...], [t, ...]]` (raw).
"""

import json

import numpy as np

from sketch_rnn.errors import UserError


def parse_line(line: bytes) -> list[np.ndarray]:
    """The lines `[n, 2]` of a drawing, from its line of the file; raises UserError."""
    try:
        drawing = json.loads(line)
    except (ValueError, RecursionError):
        raise UserError("not JSON") from None
    drawing = drawing.get("drawing") if isinstance(drawing, dict) else None
    if not isinstance(drawing, list):
        raise UserError('not an object with "drawing", a list')
    return [_polyline(stroke) for stroke in drawing]


def _polyline(stroke: object) -> np.ndarray:
    try:
        x, y = (np.array(values) for values in stroke[:2])
    except (TypeError, KeyError, ValueError):
        raise UserError("a stroke is not [x, y] or [x, y, t]") from None
    if x.ndim != 1 or x.shape != y.shape:
        raise UserError("a stroke has not as many x as y")
    if x.size and (x.dtype.kind not in "if" or y.dtype.kind not in "if"):
        raise UserError("a coordinate is not a number")
    return np.column_stack([x, y]).astype(np.float64)
