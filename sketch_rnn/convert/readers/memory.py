"""Read drawings that a Python program holds in memory, without a file.

A drawing is an array of rows, stroke-3 `[n, 3]` or stroke-5 `[n, 5]`, or a list of lines, each a
list or an array of points, or anything else that a JSON value may be (see `values`).
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from sketch_rnn.convert.readers import values
from sketch_rnn.convert.readers.chunks import (
    SKETCHES_IN_CHUNK,
    Chunk,
    Drawing,
    Items,
    Reading,
    Unreadable,
)
from sketch_rnn.convert.readers.stored_files import Stored
from sketch_rnn.convert.readers.strokes import Arrangement, Vote
from sketch_rnn.errors import UserError


def memory_chunks(option: str, drawings: Iterable[Any], reading: Reading) -> Iterator[Chunk]:
    """Yield chunks of drawings; each name is `option[index]`, as in `drawings[3]`."""
    sketches: list[np.ndarray] = []
    names: list[str] = []
    found: list[values.Strokes | values.Scene] = []
    vote = Vote()
    for index, drawing in enumerate(drawings):
        name = f"{option}[{index}]"
        try:
            one = _found(drawing)
        except UserError as error:
            yield Unreadable([name], str(error))
            continue
        if isinstance(one, np.ndarray):
            sketches.append(one)
            continue
        names.append(name)
        found.append(one)
        if isinstance(one, values.Strokes):
            vote.add(one.unsure)
    if sketches:
        yield from Stored({"": sketches}).chunks(option, reading)
    parse = partial(_drawing, vote.arrangement or "points")
    for first in range(0, len(found), SKETCHES_IN_CHUNK):
        chunk = slice(first, first + SKETCHES_IN_CHUNK)
        yield Items(names[chunk], found[chunk], parse)


def _found(drawing: Any) -> values.Found:
    if isinstance(drawing, np.ndarray) and drawing.ndim == 2 and drawing.shape[1] in (3, 4, 5):
        return drawing
    return values.drawing_in(_as_lists(drawing))


def _as_lists(value: Any) -> Any:
    """Return the value as it would be in JSON: with lists instead of arrays and tuples."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_as_lists(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _as_lists(item) for key, item in value.items()}
    return value


def _drawing(arrangement: Arrangement, found: values.Strokes | values.Scene) -> Drawing:
    if isinstance(found, values.Strokes):
        return found.drawing(arrangement)
    return found.read(found.value)
