"""Strokes as lists of numbers, of which no word says whether they are columns or points.

Columns are [[x, x, ...], [y, y, ...]], with the time or more as further lists, as Quick, Draw!
writes them; points are [[x, y], [x, y], ...], with pressure or time as further numbers. A stroke of
two or three lists of two to six numbers can be either. All strokes of a file are arranged alike, so
the file decides: one stroke that can be only one of them is enough. Where there is none, columns
have as many lists in each stroke, points as many numbers in each list.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from sketch_rnn.errors import UserError

Arrangement = Literal["columns", "points"]
MAX_CHANNELS = 6  # of a point: x, y, time, pressure, two tilts
SURE_COLUMNS = 3  # lists that columns of few numbers may be: x, y and the time
UNDECIDED = (
    "none of its strokes is long enough to tell [[x, x, ...], [y, y, ...]] from [[x, y], ...]; "
    'write each as {"x": [...], "y": [...]}'
)


class Vote:
    """The arrangement of a file's strokes, by what has been seen of them."""

    def __init__(self) -> None:
        self.sure: Arrangement | None = None
        self._shapes: set[tuple[int, int]] = set()

    def add(self, strokes: Iterable[Sequence[Any]]) -> None:
        """Looks at strokes, each a list of lists."""
        for stroke in strokes:
            lengths = {len(part) for part in stroke if isinstance(part, list)}
            if self.sure is None and len(lengths) == 1 and lengths != {0}:
                shape = (len(stroke), lengths.pop())
                self.sure = _by_shape(*shape)
                if self.sure is None:
                    self._shapes.add(shape)
            elif self.sure is None and min(lengths, default=0) >= 2:
                self.sure = "points"

    @property
    def arrangement(self) -> Arrangement | None:
        """The arrangement; None if it cannot be told."""
        if self.sure or len(self._shapes) < 2:
            return self.sure
        lists, numbers = (len(set(counts)) for counts in zip(*self._shapes, strict=True))
        if lists == 1:
            return "columns"
        return "points" if numbers == 1 else None


def _by_shape(lists: int, numbers: int) -> Arrangement | None:
    """The arrangement of a stroke of so many lists of so many numbers, if it can be only one."""
    can_be_columns = 2 <= lists <= (MAX_CHANNELS if numbers > MAX_CHANNELS else SURE_COLUMNS)
    can_be_points = 2 <= numbers <= MAX_CHANNELS
    if can_be_columns != can_be_points:
        return "columns" if can_be_columns else "points"
    return None


def line_of(stroke: Sequence[Any], arrangement: Arrangement | None) -> np.ndarray:
    """The line `[n, 2]` of a stroke; raises UserError if it is not of the arrangement."""
    if not len(stroke):
        return np.zeros((0, 2))
    if not all(isinstance(part, list) for part in stroke):
        raise UserError("a stroke is not a list of lists of numbers")
    if arrangement is None:
        if not all(np.isfinite(numbers(part)).all() for part in stroke):
            raise UserError("a coordinate is not finite")
        raise UserError(UNDECIDED)
    if arrangement == "columns":
        if not 2 <= len(stroke) <= MAX_CHANNELS or _by_shape(*_shape(stroke)) == "points":
            raise UserError("a stroke is not [x, y] or [x, y, t], as the others of its file are")
        return from_columns(stroke[0], stroke[1])
    if not all(2 <= len(part) <= MAX_CHANNELS for part in stroke):
        raise UserError("a stroke is not a list of points [x, y], as the others of its file are")
    return from_columns([part[0] for part in stroke], [part[1] for part in stroke])


def _shape(stroke: Sequence[Sequence[Any]]) -> tuple[int, int]:
    return len(stroke), len(stroke[0])


def from_columns(x: Any, y: Any) -> np.ndarray:
    """A line `[n, 2]` of its x and y; raises UserError if they are none."""
    x, y = numbers(x), numbers(y)
    if x.ndim != 1 or x.shape != y.shape:
        raise UserError("a stroke has not as many x as y")
    return np.column_stack([x, y])


def numbers(values: Any) -> np.ndarray:
    """Nested lists of numbers as float64; raises UserError if they are none."""
    try:
        array = np.array(values)
    except (ValueError, OverflowError, TypeError):
        raise UserError("a coordinate is not a number") from None
    if array.size and array.dtype.kind not in "iuf":
        raise UserError("a coordinate is not a number")
    return array.astype(np.float64)
