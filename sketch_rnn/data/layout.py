"""Detect what the rows in a file mean (coordinates and pen), and convert them to stroke-3.

A stroke-3 row is (dx, dy, pen_lifted). But some files from other people contain padding at the end
of their sketches (`padding.py`), absolute coordinates, or a pen value with another meaning, and do
not say so. All sketches in a file are examined together. The user is told what was detected; if the
meaning cannot be determined, an error asks for it.

Coordinates. Files of offsets were compared to the same drawings in absolute coordinates (on a page,
centered, or relative to the first point): doodles, aaron_sheep, short_kanji, KanjiVG, and Quick,
Draw! raw and simplified. Three ratios tell offsets from absolute coordinates. Each ratio is
averaged over the sketches in a file. The length of a row is the length of its vector (x, y).
- spread: the size of the box around the running sums of the rows, divided by the size of the box
  around the rows. The spread was 0.5 to 3.5 for offsets, and 1.6 or more for absolute coordinates.
- turn: D / (D + S). D is the sum of the absolute differences between each row and the row before
  it; S is the sum of the absolute values in the rows. The turn was 0.31 to 0.64 for offsets. It was
  0.02 to 0.50 for absolute coordinates, since successive points are near each other.
- leap: the length of rows with the pen lifted, divided by the length of other rows. The leap was
  1.1 or more for offsets, and 1.0 to 2.2 for absolute coordinates, since the position of a point
  does not depend on the pen.
A file's score is a weighted sum of these ratios: `_SPREAD` * log(spread) + `_TURN` * turn +
`_LEAP` * log(leap) + `_EVEN`. In files of 10 or 30 drawings, the score is below 0 for offsets and
above 0 for absolute coordinates. It also separates the two in files of icons (lucide, tabler) and
of handwriting, which were not used to choose the weights. In files of 3 to 9 drawings, the score of
offsets can reach 0.7, and the score of absolute coordinates is above 0.5 in 98 of 100 files. If in
nearly all sketches all points lie in one quadrant, as seen from (0, 0), the coordinates are taken
to be absolute, whatever the score.

Pen. The pen is rarely up for two points in a row. In these files, the pen is also up at the next
point after 0 to 2% of the points with the pen up; it is also down at the next point after 54 to 98%
of the points with the pen down. A sketch ends with a line, and then the pen goes up. So the last
row shows what the column means. If the pen is up there, the column gives the state of the pen after
each point. If the pen is down there, the column gives the state before each point.

Dimensions: n points in one sketch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sketch_rnn.choices import COORDINATES, PENS
from sketch_rnn.data import npz
from sketch_rnn.data.first_row import FEW, FIRST_ROWS, SAMPLE, without_place
from sketch_rnn.data.padding import is_rows, unpadded, without_padding
from sketch_rnn.errors import UserError, check_choice, warn

PEN_MEANINGS = {
    "lifted": "the pen is lifted after the point",
    "down": "the pen stays down after the point",
    "moved": "the pen is lifted while it moves to the point",
    "drawn": "the pen draws a line to the point",
}
_FEW_ROWS = 20  # rows in a whole file; fewer are not enough to tell
_SHORT = 6  # rows; shorter sketches are not used to detect coordinates
_SPREAD, _TURN, _LEAP, _EVEN = 1.0, -11.0, -4.5, 6.7
_SCATTERED = 0.54  # drawings in absolute coordinates never have a larger turn
_LARGEST_LEAP = 1.5  # as a natural logarithm
_UNSURE = (0.0, 0.3)  # a score between these is inconclusive
_UNSURE_OF_FEW = (0.7, 1.0)  # the same with fewer than `FEW` sketches
_FEWEST = 3  # sketches; the score of fewer means nothing
_CORNERED = 0.9  # the share of sketches that lie on one side of both axes
_CLEAR = 0.2  # the least difference between the shares in which pen values 0 and 1 are repeated
_SELDOM = 0.3  # the largest share of rows with the pen up that are followed by another such row
_ENDED = 0.8  # the share of sketches that end with the pen lifted after their last row
_OPENED = 0.8  # the share of sketches whose first row begins a line
_LONGER = 1.4  # the least ratio between the leaps under the two possible meanings of the pen
_LONGER_OF_FEW = 2.0  # the same with fewer than `FEW` sketches, for a pen given after a point


@dataclass(frozen=True)
class Layout:
    """The meaning of a file's rows, as the user states it; `auto` means that it is detected.

    Attributes:
      first_row: `drawn` or `place`; see the module `first_row`. In absolute coordinates, row 0 is
        the position of the first point, unless `drawn` says that a line leads to it from (0, 0).
      coordinates: `offsets` or `absolute`.
      pen: the meaning of 1; see `PEN_MEANINGS`.
    """

    first_row: str = FIRST_ROWS[0]
    coordinates: str = COORDINATES[0]
    pen: str = PENS[0]

    def __post_init__(self) -> None:
        check_choice("first_row", self.first_row, FIRST_ROWS)
        check_choice("coordinates", self.coordinates, COORDINATES)
        check_choice("pen", self.pen, PENS)


AS_IT_LOOKS, AS_IT_IS = Layout(), Layout("drawn", "offsets", "lifted")


def plain(
    sketches: Sequence[np.ndarray], where: str, layout: Layout = AS_IT_LOOKS
) -> list[np.ndarray]:
    """Convert the sketches in a file to stroke-3: offsets, and 1 where the pen is lifted.

    An array that is not a sketch is returned unchanged; later checks refuse it. A line is logged
    for everything that was detected.

    Args:
      sketches: stroke-3 `[n, 3]` or stroke-5 `[n, 5]` arrays, not yet checked.
      where: the name of the place that holds the sketches, for messages.
      layout: what the user says about the sketches.

    Raises:
      UserError: the meaning of the rows cannot be determined.
    """
    sketches = [_as_stroke3(sketch) for sketch in without_padding(sketches, where)]
    sketches = _with_two_pens(sketches, where)
    sample = [sketch for sketch in sketches if _is_usable(sketch)]
    sample = sample[:: len(sample) // SAMPLE + 1]
    is_absolute = _is_absolute(sample, where, layout)
    if is_absolute:
        sample = [_as_offsets(sketch) for sketch in sample]
    pen = _pen(sample, where, layout)
    if not is_absolute and pen == "lifted":
        return sketches
    return [
        _reinterpreted(sketch, is_absolute and layout.first_row != "drawn", is_absolute, pen)
        if _is_usable(sketch)
        else sketch
        for sketch in sketches
    ]


def oddities(sketches: Sequence[np.ndarray]) -> list[str]:
    """Describe everything that is odd about a file's stroke-3 sketches.

    Each description completes a sentence about the sketches, such as "seem to hold absolute
    coordinates".
    """
    found = []
    sketches, padding = unpadded(sketches)
    if padding is not None:
        found.append(f"end in rows of padding ({', '.join(f'{value:g}' for value in padding)})")
    sample = [sketch for sketch in sketches if _is_usable(sketch)]
    if _looks_absolute(sample):
        found.append("seem to hold absolute coordinates")
        sample = [_as_offsets(sketch) for sketch in sample]
    pen = _pen_that_makes_sense(sample)
    if pen not in (None, "lifted"):
        found.append(f"have 1 in column 3 where {PEN_MEANINGS[pen]}")
    return found


def _is_usable(sketch: np.ndarray) -> bool:
    return (
        is_rows(sketch)
        and sketch.shape[1] == 3
        and len(sketch) > 0
        and bool(np.isfinite(sketch).all() and np.isin(sketch[:, 2], (0, 1)).all())
    )


def _as_stroke3(sketch: np.ndarray) -> np.ndarray:
    """Convert a stroke-5 array to stroke-3; return any other array unchanged."""
    try:
        return npz.as_stroke3(sketch) if is_rows(sketch) else sketch
    except UserError:
        return sketch


# Pen


def _with_two_pens(sketches: list[np.ndarray], where: str) -> list[np.ndarray]:
    """Replace the two values that the pen has in the sketches, such as -1 and 1, with 0 and 1."""
    rows = [s for s in sketches if is_rows(s) and s.shape[1] == 3 and len(s)]
    values: set[float] = set()
    for sketch in rows:
        values.update(sketch[:, 2].tolist())
        if len(values) > 2:
            return sketches
    if len(values) != 2 or values <= {0, 1} or not all(map(math.isfinite, values)):
        return sketches
    low, high = sorted(values)
    warn(f"{where}: its pen column holds {low:g} and {high:g}, which are read as 0 and 1")
    return [
        np.concatenate([s[:, :2], (s[:, 2:] == high).astype(s.dtype)], axis=1)
        if is_rows(s) and s.shape[1] == 3
        else s
        for s in sketches
    ]


def _pen(sample: Sequence[np.ndarray], where: str, layout: Layout) -> str:
    """Return the meaning of the pen value 1 in rows of offsets; warn unless it is `lifted`."""
    if layout.pen != "auto":
        return layout.pen
    pen = _pen_that_makes_sense(sample)
    if pen is None:
        raise UserError(
            f"{where}: cannot tell what 1 in column 3 of its rows means; choose "
            f"`pen={'|'.join(PENS[1:])}`, which stand for: " + ", ".join(PEN_MEANINGS.values())
        )
    if pen != "lifted":
        warn(
            f"{where}: 1 in column 3 of its drawings means that {PEN_MEANINGS[pen]}, and is read "
            "that way; `pen=lifted` keeps the column unchanged"
        )
    return pen


def _pen_that_makes_sense(sample: Sequence[np.ndarray]) -> str | None:
    """Return the likely meaning of pen value 1, one of `PENS`; None if it cannot be determined."""
    pens = [sketch[:, 2] for sketch in sample]
    if sum(map(len, pens)) < _FEW_ROWS:
        return "lifted"
    is_up = _up_value(sample)
    if is_up is None:
        return None
    after, before = ("lifted", "moved") if is_up else ("down", "drawn")
    if np.mean([pen[-1] == is_up for pen in pens]) >= _ENDED:
        return after
    if not any((pen[:-1] == is_up).any() for pen in pens):
        return after
    if np.mean([pen[0] == is_up for pen in pens]) >= _OPENED:
        return before
    if len(pens) < _FEWEST:
        return after
    longer = _pen_up_ratio(sample, is_up, after=False) - _pen_up_ratio(sample, is_up, after=True)
    if longer >= math.log(_LONGER):
        return before
    return after if longer <= -math.log(_LONGER if len(pens) >= FEW else _LONGER_OF_FEW) else None


def _up_value(sample: Sequence[np.ndarray]) -> int | None:
    """Return which pen value, 0 or 1, means that the pen is up; None if it cannot be determined."""
    pens = [sketch[:, 2] for sketch in sample]
    zeros, ones = (_followed_by_its_like(pens, value) for value in (0, 1))
    ended = float(np.mean([pen[-1] for pen in pens]))
    if ones is None:
        return 1
    if zeros is None:
        return None if ended else 0
    if ones <= zeros - _CLEAR:
        return 1
    if zeros <= min(ones - _CLEAR, _SELDOM):
        return 0
    lifted, drawn = _pen_up_ratio(sample, 1, after=True), _pen_up_ratio(sample, 0, after=False)
    return 1 if ended >= _ENDED and lifted >= drawn else None


def _followed_by_its_like(pens: Sequence[np.ndarray], value: int) -> float | None:
    """Of the rows with this pen value, return the share whose next row has the same value."""
    rows = sum(int((pen[:-1] == value).sum()) for pen in pens)
    pairs = sum(int(((pen[:-1] == value) & (pen[1:] == value)).sum()) for pen in pens)
    return pairs / rows if rows else None


# Coordinates


def _is_absolute(sample: Sequence[np.ndarray], where: str, layout: Layout) -> bool:
    """Return whether sketches contain absolute coordinates; warn if they do."""
    if layout.coordinates != "auto":
        return layout.coordinates == "absolute"
    found = _looks_absolute(sample)
    if found is None:
        raise UserError(
            f"{where}: cannot tell whether its coordinates are absolute or offsets from the "
            "previous point; choose `coordinates=absolute` or `coordinates=offsets`"
        )
    if found:
        warn(
            f"{where}: its coordinates look absolute, not like offsets from the previous point, "
            "and are read that way; `coordinates=offsets` keeps them unchanged"
        )
    return found


def _looks_absolute(sample: Sequence[np.ndarray]) -> bool | None:
    """Return whether coordinates look absolute; None if it cannot be determined."""
    sketches = [sketch for sketch in sample if len(sketch) >= _SHORT]
    if sum(map(len, sketches)) < _FEW_ROWS:
        return False
    if np.mean([_is_cornered(sketch) for sketch in sketches]) >= _CORNERED:
        return True
    score = _absolute_score(sketches)
    low, high = _UNSURE if len(sketches) >= FEW else _UNSURE_OF_FEW
    return None if low < score < high else score > low


def _absolute_score(sketches: Sequence[np.ndarray]) -> float:
    """Return the score that the module's docstring describes: above 0 for absolute coordinates."""
    lifting = [sketch for sketch in sketches if 0 < sketch[:-1, 2].sum() < len(sketch) - 1]
    if len(sketches) < _FEWEST or len(lifting) < len(sketches) / 2:
        return -math.inf
    spread = float(np.median([_extent_ratio(sketch) for sketch in sketches]))
    turn = float(np.mean([_row_change(sketch) for sketch in sketches]))
    if turn > _SCATTERED:
        return -math.inf
    leap = max(abs(_pen_up_ratio(sketches, 1, after)) for after in (True, False))
    return _SPREAD * spread + _TURN * turn + _LEAP * min(leap, _LARGEST_LEAP) + _EVEN


def _is_cornered(sketch: np.ndarray) -> bool:
    """Return whether all points lie in one quadrant, axes included, but not all on one axis."""
    points = sketch[:, :2]
    one_side = (points >= 0).all(axis=0) | (points <= 0).all(axis=0)
    return bool(one_side.all() and points.any(axis=0).all())


def _extent_ratio(sketch: np.ndarray) -> float:
    """Return the log of the ratio of two bounding boxes, a / b, each measured by its longer side.

    Box a is around the running sums of the rows, and box b is around the rows.
    """
    rows = sketch[:, :2].astype(np.float64)
    summed = np.concatenate([np.zeros((1, 2)), np.cumsum(rows, axis=0)])
    boxes = [float(np.ptp(points, axis=0).max()) for points in (summed, rows)]
    return math.log(max(boxes[0], 1e-9) / max(boxes[1], 1e-9))


def _row_change(sketch: np.ndarray) -> float:
    """Return how much each row differs from the previous row, from 0 (not at all) to 1.

    The result is d / (d + s): d is the sum of the absolute differences between rows, s is the sum
    of the absolute values in the rows.
    """
    rows = sketch[:, :2].astype(np.float64)
    differences = float(np.abs(np.diff(rows, axis=0)).sum())
    return differences / max(differences + float(np.abs(rows[1:]).sum()), 1e-9)


def _pen_up_ratio(sketches: Sequence[np.ndarray], is_up: int, after: bool) -> float:
    """Return the median over sketches of log(mean pen-up length / mean pen-down length).

    A row's pen value applies to the next row if `after` is set, else to the row itself.
    """
    leaps = []
    for sketch in sketches:
        sizes = np.hypot(*sketch[1:, :2].T.astype(np.float64))
        up = (sketch[:-1, 2] if after else sketch[1:, 2]) == is_up
        if up.any() and not up.all():
            leaps.append(math.log(max(sizes[up].mean(), 1e-9) / max(sizes[~up].mean(), 1e-9)))
    return float(np.median(leaps)) if leaps else 0.0


# Conversion


def _reinterpreted(sketch: np.ndarray, is_place: bool, is_absolute: bool, pen: str) -> np.ndarray:
    """Convert a sketch whose rows have the given meaning to stroke-3."""
    sketch = _as_offsets(sketch) if is_absolute else sketch.copy()
    if pen in ("down", "drawn"):
        sketch[:, 2] = 1 - sketch[:, 2]
    if pen in ("moved", "drawn"):
        is_place |= bool(sketch[0, 2])
        sketch[:, 2] = np.append(sketch[1:, 2], 1)
    return without_place(sketch) if is_place else sketch


def _as_offsets(sketch: np.ndarray) -> np.ndarray:
    """Convert absolute coordinates to offsets; row 0 stays the position of the first point."""
    kind = np.float64 if sketch.dtype.kind == "f" else np.int64
    points = sketch[:, :2].astype(kind)
    offsets = np.diff(points, axis=0, prepend=np.zeros((1, 2), kind))
    return np.concatenate([offsets, sketch[:, 2:].astype(kind)], axis=1)
