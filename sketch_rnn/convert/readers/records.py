"""Read files of records: consecutive JSON values, one drawing each.

The whole file decides whether its strokes are columns of x and y or lists of points (see
`strokes`). So the file is read twice. First the main process reads it until the layout of its
strokes is clear, usually after one or two lines of the file. Then the workers read it.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from sketch_rnn.convert.readers import values
from sketch_rnn.convert.readers.chunks import (
    MAX_WHOLE,
    Chunk,
    Drawing,
    InputFile,
    Reading,
    item_chunks,
)
from sketch_rnn.convert.readers.stored_files import Stored
from sketch_rnn.convert.readers.strokes import Arrangement, Vote
from sketch_rnn.errors import UserError

Cut = Callable[[InputFile], Iterator[tuple[str, bytes]]]  # yields (place, value) pairs


def record_chunks(file: InputFile, reading: Reading, cut: Cut) -> Iterator[Chunk]:
    """Yield the drawings in a file, as chunks."""
    if stored := read_sketches(file, cut):
        yield from stored.chunks(str(file), reading)
    else:
        yield from item_chunks(
            file, cut, partial(parse_record, arrangement=arrangement_of(file, cut))
        )


def parse_record(text: bytes, arrangement: Arrangement | None = None) -> Drawing:
    """Return the drawing in a JSON value; raise UserError if there is none."""
    found = values.drawing_in(values.parse(text))
    if isinstance(found, values.Strokes):
        return found.drawing(arrangement)
    if isinstance(found, values.Scene):
        return found.read(found.value)
    raise UserError("it holds stroke-3 rows, but other records in the file hold lists of strokes")


def arrangement_of(file: InputFile, cut: Cut) -> Arrangement | None:
    """Return the layout (columns or points) of a file's strokes; stop where it is unreadable."""
    vote = Vote()
    try:
        for _, text in cut(file):
            vote.add(_unsure(text))
            if vote.sure:
                break
    except (UserError, OSError):
        pass  # reported when its drawings are read
    return vote.arrangement


def _unsure(text: bytes) -> list[list]:
    try:
        found = values.drawing_in(values.parse(text))
    except UserError:
        return []
    return found.unsure if isinstance(found, values.Strokes) else []


def read_sketches(file: InputFile, cut: Cut) -> Stored | None:
    """Return a file's sketches if its first value is a stroke-3 or stroke-5 sketch; else None.

    Raises:
      UserError: a later value is not a sketch, or the sketches take more than `MAX_WHOLE` bytes.
    """
    sketches: list[np.ndarray] = []
    size = 0
    for place, text in cut(file):
        try:
            found = values.drawing_in(values.parse(text))
        except UserError as error:
            if not sketches:
                return None
            raise UserError(f"{file}{place}: {error}") from None
        if not isinstance(found, np.ndarray):
            if not sketches:
                return None
            raise UserError(f"{file}{place}: expected rows of a sketch, like the values before it")
        sketches.append(found)
        size += len(text)
        if size > MAX_WHOLE:
            raise UserError(f"its sketches take more than the limit of {MAX_WHOLE >> 20} MB")
    return Stored({"": sketches}) if sketches else None
