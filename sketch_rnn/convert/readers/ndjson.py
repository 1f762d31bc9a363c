"""Quick, Draw! drawings, one JSON object a line.

https://github.com/googlecreativelab/quickdraw-dataset: `{"word": ..., "recognized": true,
"drawing": [line, ...]}`, each line `[[x, ...], [y, ...]]` (simplified) or `[[x, ...], [y, ...],
[t, ...]]` (raw).
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from sketch_rnn.convert.input_file import InputFile
from sketch_rnn.convert.readers.chunks import Chunk, Drawing, Reading, item_chunks
from sketch_rnn.errors import UserError

MAX_LINE = 8 << 20  # bytes of one drawing


def ndjson_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Chunks of the drawings of a file."""
    yield from item_chunks(file, _lines, parse_line)


def _lines(file: InputFile) -> Iterator[tuple[str, bytes]]:
    with file.open() as opened:
        number = 0
        while line := opened.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise UserError(f"a line of more than {MAX_LINE >> 20} MB")
            number += 1
            if line.strip():
                yield f":{number}", line


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
