"""Make sketches from SVG files; `sketch_rnn.svg` reads the files."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from sketch_rnn.convert.prepare import Sketch, to_sketch
from sketch_rnn.convert.readers.chunks import InputFile, Pending, Reading
from sketch_rnn.svg.reader import read_polylines
from sketch_rnn.svg.xml import MAX_BYTES
from sketch_rnn.trace.installed import check_installed


def svg_drawings(file: InputFile, reading: Reading) -> Iterator[Pending]:
    """Yield the drawing in a file."""
    yield str(file), partial(_sketch, file, reading)


def _sketch(file: InputFile, reading: Reading) -> Sketch:
    recipe = reading.recipe
    with file.open() as opened:
        content = opened.read(MAX_BYTES + 1)
    tolerance = recipe.tolerance / recipe.size
    drawing = read_polylines(
        content,
        outline=reading.outline,
        tolerance=tolerance,
        middle=_middle if reading.centerline else None,
    )
    sketch = to_sketch(drawing.lines, recipe, pieces=True)
    return replace(sketch, left_out=tuple(drawing.left_out))


def _middle(
    rings: Sequence[np.ndarray], even_odd: bool, stroke: float
) -> tuple[list[np.ndarray], float] | None:
    check_installed()
    from sketch_rnn.trace.ribbon import middle

    return middle(rings, even_odd, stroke)
