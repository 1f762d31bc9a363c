"""Read files of records: consecutive JSON values, one drawing each.

Whether their strokes are lists of x and of y or of points is decided by the file (see `strokes`),
so it is looked at twice: in the first process until that is clear, which mostly is after a line or
two, and in the workers.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from sketch_rnn.convert.input_file import MAX_WHOLE, InputFile
from sketch_rnn.convert.readers import values
from sketch_rnn.convert.readers.chunks import Chunk, Drawing, Reading, item_chunks
from sketch_rnn.convert.readers.stored_files import Stored
from sketch_rnn.convert.readers.strokes import Arrangement, Vote
from sketch_rnn.errors import UserError

Cut = Callable[[InputFile], Iterator[tuple[str, bytes]]]  # places in a file, and the values there


def record_chunks(file: InputFile, reading: Reading, cut: Cut) -> Iterator[Chunk]:
    """Yield chunks of the drawings of a file."""
    if stored := stored_of(file, cut):
        yield from stored.chunks(str(file), reading)
    else:
        yield from item_chunks(
            file, cut, partial(parse_record, arrangement=arrangement_of(file, cut))
        )


def parse_record(text: bytes, arrangement: Arrangement | None = None) -> Drawing:
    """Return the drawing of a JSON value, in a file of that arrangement; raise UserError."""
    found = values.found(values.parse(text))
    if isinstance(found, values.Strokes):
        return found.drawing(arrangement)
    if isinstance(found, values.Scene):
        return found.read(found.value)
    raise UserError("it holds rows of a sketch, and other records hold strokes")


def arrangement_of(file: InputFile, cut: Cut) -> Arrangement | None:
    """Return the arrangement of the strokes of a file, as far as it can be read."""
    vote = Vote()
    try:
        for _, text in cut(file):
            vote.add(_unsure(text))
            if vote.sure:
                break
    except (UserError, OSError):
        pass  # said when its drawings are read
    return vote.arrangement


def _unsure(text: bytes) -> list[list]:
    try:
        found = values.found(values.parse(text))
    except UserError:
        return []
    return found.unsure if isinstance(found, values.Strokes) else []


def stored_of(file: InputFile, cut: Cut) -> Stored | None:
    """Return the sketches of a file whose first value is one, stroke-3 or stroke-5; else None.

    Raises:
      UserError: one of them is none, or they take more than `MAX_WHOLE` bytes.
    """
    sketches: list[np.ndarray] = []
    size = 0
    for place, text in cut(file):
        try:
            found = values.found(values.parse(text))
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
