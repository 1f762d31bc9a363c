"""The array layouts of a sketch, and conversions between them, in pure NumPy.

stroke-3: `[n, 3]` rows (dx, dy, pen_lifted): the offset from the previous point, and 1 if the pen
is lifted after this point.
stroke-5: rows (dx, dy, p1, p2, p3): the pen stays down, is lifted after this point, or the sketch
has ended (Ha & Eck 2017, arXiv:1704.03477, section 3.1).
polylines: one `[n, 2]` array of absolute coordinates for each pen line.

Dimensions: n points in one sketch, N rows of a stroke-5 array.
"""

from collections.abc import Iterable, Sequence, Sized

import numpy as np
from numpy.typing import ArrayLike

from sketch_rnn.errors import UserError

START_TOKEN = np.array([0, 0, 1, 0, 0], np.float32)
_FARTHEST = 1e30  # the largest offset or coordinate, in any units


def checked(sketch: np.ndarray) -> np.ndarray:
    """Return the sketch as an array after checking that it is stroke-3 `[n, 3]` and not empty.

    Raises:
      UserError: the sketch is not of shape `[n, 3]`, is empty, or has NaN or infinite offsets.
    """
    try:
        sketch = np.asarray(sketch)
    except ValueError:  # rows of different lengths
        sketch = np.array(None)
    if sketch.size == 0:
        raise UserError("it has no points")
    if sketch.ndim != 2 or sketch.shape[1] != 3 or sketch.dtype.kind not in "biuf":
        hint = "; `strokes.to_stroke3` converts stroke-5" if sketch.shape[-1:] == (5,) else ""
        raise UserError(f"expected stroke-3 rows [n, 3], got shape {list(sketch.shape)}{hint}")
    if not (np.abs(sketch) < _FARTHEST).all():
        raise UserError("expected finite offsets, got NaN, infinity or values above 1e30")
    return sketch


def all_checked(sketches: Iterable[np.ndarray], may_be_empty: bool = False) -> list[np.ndarray]:
    """Check several sketches with `checked`; an error says which sketch is wrong."""
    found = []
    for number, sketch in enumerate(sketches):
        try:
            is_left_out = may_be_empty and isinstance(sketch, Sized) and not len(sketch)
            found.append(np.zeros((0, 3)) if is_left_out else checked(sketch))
        except UserError as error:
            raise UserError(f"sketch {number}: {error}") from None
    return found


def to_stroke3(stroke5: np.ndarray) -> np.ndarray:
    """Convert a stroke-5 sketch `[N, 5]` to stroke-3 `[n, 3]`, up to its first end-of-sketch row.

    A start token (0, 0, 1, 0, 0) in the first row is left out.
    """
    ended = np.flatnonzero(stroke5[:, 4] > 0)
    first = int(len(stroke5) > 0 and np.array_equal(stroke5[0], START_TOKEN))
    last = ended[0] if len(ended) else len(stroke5)
    return stroke5[first:last][:, [0, 1, 3]]


def to_polylines(stroke3: np.ndarray) -> list[np.ndarray]:
    """Convert stroke-3 `[n, 3]` to pen lines, each `[m, 2]` float64 absolute coordinates.

    The sketch starts at (0, 0) with the pen down, as the start token says, so the first offset
    is the first segment.
    """
    points = np.cumsum(stroke3[:, :2], axis=0, dtype=np.float64)
    points = np.concatenate([np.zeros((1, 2)), points])
    lines = np.split(points, np.flatnonzero(stroke3[:, 2] > 0) + 2)
    return [line for line in lines if len(line)] if len(stroke3) else []


def from_polylines(polylines: Sequence[np.ndarray]) -> np.ndarray:
    """Convert lines of absolute coordinates `[m, 2]` to stroke-3 `[n, 3]` float32.

    This is the inverse of `to_polylines`, except for a shift: the first point becomes (0, 0), where
    every sketch starts, and takes no row. Empty lines are left out. If the first line has a single
    point, a second point is added at the same position.
    """
    lines = [np.asarray(line, np.float64).reshape(-1, 2) for line in polylines if len(line)]
    if not lines:
        return np.zeros((0, 3), np.float32)
    if len(lines[0]) == 1:
        lines[0] = np.repeat(lines[0], 2, axis=0)
    stroke3 = np.zeros((sum(map(len, lines)) - 1, 3), np.float32)
    stroke3[:, :2] = np.diff(np.concatenate(lines), axis=0)
    stroke3[np.cumsum([len(line) for line in lines]) - 2, 2] = 1
    return stroke3


def to_points(sketch: np.ndarray) -> list[np.ndarray]:
    """Convert a sketch to pen lines in absolute coordinates.

    Args:
      sketch: stroke-3 `[n, 3]`.

    Returns:
      An array `[m, 2]` float64 for each line. The first line begins at (0, 0); y points down.

    Raises:
      UserError: the sketch is not stroke-3.
    """
    return to_polylines(checked(sketch))


def from_points(lines: Sequence[ArrayLike]) -> np.ndarray:
    """Convert pen lines to a sketch; the inverse of `to_points`.

    Args:
      lines: the points (x, y) of each line, `[m, 2]`, in absolute coordinates with y pointing down.

    Returns:
      stroke-3 `[n, 3]` float32, in the units of the lines. The first point of the first line
      becomes (0, 0) and takes no row.

    Raises:
      UserError: a line's shape is not `[m, 2]`, or a coordinate is not finite.
    """
    found = []
    for number, line in enumerate(lines):
        try:
            points = np.asarray(line, np.float64)
        except (TypeError, ValueError):
            points = np.array(None, np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise UserError(f"line {number}: expected points [m, 2], got shape {points.shape}")
        if not (np.abs(points) < _FARTHEST).all():
            raise UserError(f"line {number}: expected finite coordinates, got NaN or infinity")
        found.append(points)
    return from_polylines(found)


def bounds(stroke3: np.ndarray) -> tuple[float, float, float, float]:
    """Return (min_x, max_x, min_y, max_y) of a sketch's points, including (0, 0) at its start."""
    points = np.cumsum(stroke3[:, :2], axis=0, dtype=np.float64)
    points = np.concatenate([np.zeros((1, 2)), points])
    (min_x, min_y), (max_x, max_y) = points.min(axis=0), points.max(axis=0)
    return float(min_x), float(max_x), float(min_y), float(max_y)


def longer_side(stroke3: np.ndarray) -> float:
    """Return the longer side of the box around a sketch."""
    left, right, top, bottom = bounds(stroke3)
    return max(right - left, bottom - top)


def typical_side(sketches: Sequence[np.ndarray]) -> float:
    """Return the median longer side of sketches; 0 if there are none."""
    return float(np.median([longer_side(sketch) for sketch in sketches])) if len(sketches) else 0.0
