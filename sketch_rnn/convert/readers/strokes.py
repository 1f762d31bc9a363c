"""Read strokes given as lists of numbers that may be columns or points.

Columns are [[x, x, ...], [y, y, ...]], with time and more in further lists, as Quick, Draw! writes
them. Points are [[x, y], [x, y], ...], with pressure or time as further numbers. A stroke that
consists of two or three lists of two to six numbers can be columns or points. All strokes in a file
have the same layout, so one stroke that can only be columns, or only be points, settles the layout
of all. A stroke with strings, such as dates, after its x and y also settles the layout. If the file
has no such stroke, the first of these rules that applies decides:
1. If every stroke has the same number of lists, but the lists of one stroke are longer than those
   of another, the lists are columns.
2. Every list has the same length, but strokes differ in their number of lists: the lists are
   points.
3. Every list has the same length, and this length is above four: the lists are columns. A point
   rarely has more than four numbers, and rarely do all strokes in a file have two or three points.
4. In every stroke, the numbers in the third list increase: the lists are columns, and the third one
   holds the time.
5. In every stroke, the third number increases from list to list: the lists are points, and the
   third number is the time.
Rules 4 and 5 require that the numbers are unlikely to increase by chance. If both rules would
apply, neither does.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from sketch_rnn.errors import UserError

Arrangement = Literal["columns", "points"]
MAX_CHANNELS = 6  # numbers in a point: x, y, time, pressure, two tilts
USUAL_CHANNELS = 4  # without tilts
SURE_COLUMNS = 3  # the most lists in columns with few numbers: x, y and the time
CHANCE = 1e-3  # numbers that are less likely than this to increase by chance are times
UNDECIDED = (
    "its strokes are too short to tell [[x, x, ...], [y, y, ...]] from [[x, y], ...]; "
    'write each stroke as {"x": [...], "y": [...]}'
)


class Vote:
    """Decides which layout (columns or points) a file uses, from strokes passed to `add`."""

    def __init__(self) -> None:
        self.sure: Arrangement | None = None
        self._shapes: set[tuple[int, int]] = set()
        self._chances: dict[Arrangement, float] = {"columns": 1.0, "points": 1.0}

    def add(self, strokes: Iterable[Sequence[Any]]) -> None:
        """Take more strokes into account; each stroke is a list of lists."""
        for stroke in strokes:
            self.sure = self.sure or _by_texts(stroke)
            if self.sure or not all(map(_is_numbers, stroke)):
                continue
            lengths = {len(part) for part in stroke}
            if len(lengths) == 1 and lengths != {0}:
                shape = (len(stroke), lengths.pop())
                self.sure = _by_shape(*shape)
                if self.sure is None:
                    self._shapes.add(shape)
                    self._chances["columns"] *= _chance_of_times(stroke[2:3])
                    self._chances["points"] *= _chance_of_times([[p[2] for p in stroke if p[2:]]])
            elif min(lengths, default=0) >= 2:
                self.sure = "points"

    @property
    def arrangement(self) -> Arrangement | None:
        """The layout, columns or points; None if it cannot be determined."""
        if self.sure or not self._shapes:
            return self.sure
        lists, numbers = (set(counts) for counts in zip(*self._shapes, strict=True))
        if (len(lists) == 1) != (len(numbers) == 1):
            return "columns" if len(lists) == 1 else "points"
        if len(numbers) == 1 and max(numbers) > USUAL_CHANNELS:
            return "columns"
        timed = [each for each, chance in self._chances.items() if chance < CHANCE]
        return timed[0] if len(timed) == 1 else None


def _chance_of_times(found: Sequence[Sequence[Any]]) -> float:
    """Return the probability that so many numbers would be in ascending order by chance.

    The result is infinity if the given numbers do not increase, so that they cannot be times.
    """
    if not found or len(found[0]) < 2:
        return math.inf
    grows = all(a < b for a, b in pairwise(found[0]))
    return 1 / math.factorial(len(found[0])) if grows else math.inf


def _by_shape(lists: int, numbers: int) -> Arrangement | None:
    """Return the only layout that a stroke of this shape can have.

    Return None if the shape fits both layouts (columns and points), or neither of them.
    """
    can_be_columns = 2 <= lists <= (MAX_CHANNELS if numbers > MAX_CHANNELS else SURE_COLUMNS)
    can_be_points = 2 <= numbers <= MAX_CHANNELS
    if can_be_columns != can_be_points:
        return "columns" if can_be_columns else "points"
    return None


def _by_texts(stroke: Sequence[Any]) -> Arrangement | None:
    """Return a stroke's layout if strings, such as dates, follow its x and y; else return None."""
    if not all(isinstance(part, list) and part for part in stroke):
        return None
    if all(map(_is_numbers, stroke[:2])):
        more = [part for part in stroke[2:] if not _is_numbers(part)]
        return "columns" if more and all(_are_texts(part) for part in more) else None
    is_point = [_is_numbers(part[:2]) and _are_texts(part[2:]) for part in stroke]
    return "points" if all(is_point) else None


def _are_texts(part: Sequence[Any]) -> bool:
    return bool(part) and any(isinstance(item, str) for item in part)


def line_of(stroke: Sequence[Any], arrangement: Arrangement | None) -> np.ndarray:
    """Return a stroke as a line `[n, 2]`; raise UserError if it does not have the given layout."""
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
            raise UserError(
                "a stroke is not in the form [[x, x, ...], [y, y, ...]], unlike the other strokes "
                "in its file"
            )
        return from_columns(stroke[0], stroke[1])
    if not all(2 <= len(part) <= MAX_CHANNELS for part in stroke):
        raise UserError(
            "a stroke is not in the form [[x, y], [x, y], ...], unlike the other strokes in its "
            "file"
        )
    return from_columns([part[0] for part in stroke], [part[1] for part in stroke])


def _shape(stroke: Sequence[Sequence[Any]]) -> tuple[int, int]:
    return len(stroke), len(stroke[0])


def from_columns(x: Any, y: Any) -> np.ndarray:
    """Return a line `[n, 2]` from its x and y; raise UserError if their lengths differ."""
    x, y = numbers(x), numbers(y)
    if x.ndim != 1 or x.shape != y.shape:
        raise UserError("a stroke does not have as many x values as y values")
    return np.column_stack([x, y])


def _is_numbers(part: Any) -> bool:
    """Return whether a part of a stroke is a list of numbers."""
    try:
        return isinstance(part, list) and numbers(part).ndim == 1
    except UserError:
        return False


def numbers(values: Any) -> np.ndarray:
    """Convert nested lists of numbers, or of strings that hold numbers, to a float64 array.

    Raises:
      UserError: a value is not a number.
    """
    try:
        array = np.array(values)
        if array.size and array.dtype.kind not in "iufU":
            raise UserError("a coordinate is not a number")
        return array.astype(np.float64)
    except (ValueError, OverflowError, TypeError):
        raise UserError("a coordinate is not a number") from None
