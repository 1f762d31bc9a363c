"""Detect padding rows at the ends of sketches, from all sketches in a file together.

The last row that belongs to a sketch may equal the padding. For example, it is (0, 0, 1) if a line
ends twice at the same point, or comes back to (0, 0). Every sketch ends with the pen lifted. So a
sketch that would end with the pen down after its padding is removed gets the first row of the
padding back, if that row lifts the pen. This does not work if a file gives the state of the pen
before each point instead of after it. Two kinds of files therefore cause an error, so that no point
is lost:
- files in which points within drawings equal the padding, since last points may equal it too;
- files that seem to hold drawings of a single closed line from (0, 0), since the last row of such a
  drawing equals the padding.

Dimensions: n points in one sketch.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sketch_rnn.errors import UserError, warn

_PADDED = 0.2  # the share of sketches that end with the same row, repeated at least twice
_FEW_PADDED = 5  # sketches
FEW = 10  # sketches; among fewer, half must have the same padding
_SELDOM = 0.3  # the share of rows with the pen lifted that are followed by another such row
_FEW_SINGLE = 0.03  # the share of sketches that are one line from (0, 0)
_FEW_CLOSED = 0.02  # the share of other sketches' lines that return to their first point
_DOTS = ", and with them any dot that was drawn where the last line ends"


def is_rows(sketch: np.ndarray) -> bool:
    """Return whether an array looks like stroke-3 `[n, 3]` or stroke-5 `[n, 5]`."""
    return sketch.ndim == 2 and sketch.shape[1] in (3, 5) and sketch.dtype.kind in "iufb"


def without_padding(sketches: Sequence[np.ndarray], where: str) -> list[np.ndarray]:
    """Return the sketches without the rows that only pad them to a common length.

    Raises:
      UserError: it is unclear whether the last rows are padding or real points of the drawings.
    """
    kept, padding = unpadded(sketches)
    if padding is None:
        return kept
    _check_closed_lines(padding, kept, where)
    _check_last_points(padding, kept, where)
    lost = [len(old) - len(new) for old, new in zip(sketches, kept, strict=True) if old is not new]
    row = ", ".join(f"{value:g}" for value in padding)
    warn(
        f"{where}: left out {sum(lost)} rows of padding ({row}) at the ends of {len(lost)} of "
        f"{len(kept)} drawings{_DOTS if _lifts_the_pen(padding, kept) else ''}"
    )
    if _is_image_of_zero(padding, kept):
        warn(
            f"{where}: its offsets are all shifted by ({padding[0]:g}, {padding[1]:g}); they "
            "were shifted back"
        )
        return [_shifted(sketch, padding) for sketch in kept]
    return kept


def unpadded(sketches: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Return the sketches without padding, and the row that padded them (None if nothing did)."""
    padding = _padding_of(sketches)
    if padding is None:
        return list(sketches), None
    kept = [_stripped(sketch, padding) for sketch in sketches]
    if _lifts_the_pen(padding, kept):
        kept = [_with_last_lift(new, old, padding) for old, new in zip(sketches, kept, strict=True)]
    is_padded = any(old is not new for old, new in zip(sketches, kept, strict=True))
    return kept, padding if is_padded else None


def _padding_of(sketches: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the row that seems to be repeated as padding at the ends; None if there is none."""
    rows = [sketch for sketch in sketches if is_rows(sketch) and len(sketch) > 1]
    ends = Counter(
        tuple("nan" if math.isnan(value) else value for value in sketch[-1].tolist())
        for sketch in rows
        if np.array_equal(sketch[-1], sketch[-2], equal_nan=sketch.dtype.kind == "f")
    )
    ends = Counter({end: count for end, count in ends.items() if not _is_end_of_stroke5(end)})
    for end, count in ends.most_common(3):
        padding = np.array([float(value) for value in end])
        if not padding[:2].any() or np.isnan(padding).all() or (padding == -1).all():
            return padding
        if _is_often(count, len(rows)) and _is_at_ends_alone(padding, rows):
            return padding
    return None


def _is_often(count: int, total: int) -> bool:
    """Return whether `count` of `total` sketches are enough evidence that a file has padding."""
    if total < FEW:
        return count >= max(2, total / 2)
    return count >= max(_FEW_PADDED, _PADDED * total)


def _is_end_of_stroke5(row: tuple) -> bool:
    return len(row) == 5 and row[4] == 1


def _is_at_ends_alone(padding: np.ndarray, rows: Sequence[np.ndarray]) -> bool:
    """Return whether the padding row occurs almost only at the ends of sketches."""
    kept = [_stripped(sketch, padding) for sketch in rows]
    same = sum(int(_is_padding(sketch, padding).sum()) for sketch in kept)
    return same <= 0.01 * sum(map(len, kept))


def _is_padding(sketch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Return a mask `[n]` of the rows that equal the padding."""
    if sketch.ndim != 2 or sketch.shape[1] != len(padding):
        return np.zeros(len(sketch) if sketch.ndim else 0, bool)
    same = (sketch == padding) | (np.isnan(sketch.astype(np.float64)) & np.isnan(padding))
    return same.all(axis=1)


def _stripped(sketch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Return the sketch without the padding at its end, but keep at least its first row."""
    if not is_rows(sketch) or not len(sketch) or not _is_padding(sketch[-1:], padding).any():
        return sketch
    others = np.flatnonzero(~_is_padding(sketch, padding))
    if not len(others):
        return sketch[: 0 if np.isnan(padding).any() else 1]
    return sketch[: others[-1] + 1]


def _lifts_the_pen(padding: np.ndarray, kept: Sequence[np.ndarray]) -> bool:
    """Return True if the padding's pen value lifts the pen in every row that has this value.

    This is assumed under two conditions: most sketches without their padding end with this pen
    value, and two successive rows seldom both have this pen value.
    """
    lifted = [_has_pen_of(padding, sketch) for sketch in kept if is_rows(sketch) and len(sketch)]
    twice = sum(int((up[:-1] & up[1:]).sum()) for up in lifted)
    within = sum(int(up[:-1].sum()) for up in lifted)
    return _end_with_its_pen(padding, kept) and twice <= _SELDOM * within


def _end_with_its_pen(padding: np.ndarray, kept: Sequence[np.ndarray]) -> bool:
    """Return whether most sketches without padding end with the padding's pen value."""
    ends = [_has_pen_of(padding, s[-1:]).all() for s in kept if is_rows(s) and len(s)]
    return 2 * sum(map(bool, ends)) > len(ends)


def _has_pen_of(padding: np.ndarray, sketch: np.ndarray) -> np.ndarray:
    """Return a mask `[n]` of the rows with the same pen value as the padding."""
    if sketch.shape[1] != len(padding):
        return np.zeros(len(sketch), bool)
    return (sketch[:, 2:] == padding[2:]).all(axis=1)


def _with_last_lift(kept: np.ndarray, sketch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Remove a sketch's padding, but keep one row of it if the pen would otherwise stay down."""
    if kept is sketch or not len(kept) or _has_pen_of(padding, kept)[-1]:
        return kept
    return sketch if len(kept) + 1 == len(sketch) else sketch[: len(kept) + 1]


def _check_last_points(padding: np.ndarray, kept: Sequence[np.ndarray], where: str) -> None:
    """Raise UserError if last points of sketches may have been removed with the padding.

    If points in the middle of sketches equal the padding, last points of sketches may equal it too.
    """
    if np.isnan(padding).any() or not _end_with_its_pen(padding, kept):
        return
    is_lifted = _lifts_the_pen(padding, kept)
    count = 0
    for sketch in kept:
        if is_rows(sketch) and len(sketch) > 1:
            same = _is_padding(sketch, padding)[1:-1]
            if is_lifted:
                same = same & _has_pen_of(padding, sketch)[:-2]
            count += int(same.sum())
    if count:
        row = ", ".join(f"{value:g}" for value in padding)
        raise UserError(
            f"{where}: cannot tell where its drawings end, since {count} points within drawings "
            f"equal the padding ({row}); pad the drawings with NaN, or not at all"
        )


def _check_closed_lines(padding: np.ndarray, kept: Sequence[np.ndarray], where: str) -> None:
    """Raise UserError if the last points of closed lines may have been removed with the padding."""
    rows = [sketch for sketch in kept if is_rows(sketch) and sketch.shape[1] == len(padding)]
    single = [_is_one_line_from(padding, sketch) for sketch in rows]
    if sum(single) <= _FEW_SINGLE * len(rows):
        return
    others = [sketch for sketch, is_single in zip(rows, single, strict=True) if not is_single]
    lines = [
        line[:, :2]
        for sketch in others
        for line in np.split(sketch, np.flatnonzero(~_has_pen_of(padding, sketch)))
        if len(line) > 2
    ]
    if sum(bool((line[0] == line[-1]).all()) for line in lines) > _FEW_CLOSED * len(lines):
        raise UserError(
            f"{where}: cannot tell where {sum(single)} of its {len(rows)} drawings end; each is a "
            "single line, and its last row may be padding or the return to its first point; pad "
            "the drawings with NaN, or not at all"
        )


def _is_one_line_from(padding: np.ndarray, sketch: np.ndarray) -> bool:
    """Return whether a sketch is one line whose first point has the padding's coordinates."""
    pens = _has_pen_of(padding, sketch)
    begins_there = len(sketch) > 2 and (sketch[0, :2] == padding[:2]).all()
    return bool(begins_there and not pens[0] and pens[1:].all())


def _is_image_of_zero(padding: np.ndarray, kept: Sequence[np.ndarray]) -> bool:
    """Return whether the padding rows were probably (0, 0) before someone normalized the file."""
    if len(padding) != 3 or not padding[:2].any() or not np.isfinite(padding).all():
        return False
    pens = {float(pen) for sketch in kept if is_rows(sketch) for pen in sketch[:, 2]}
    return len(pens) == 2 and padding[2] in (0, *pens)


def _shifted(sketch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    if not is_rows(sketch):
        return sketch
    return sketch - np.array([padding[0], padding[1], 0])
