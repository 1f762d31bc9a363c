"""Padding rows at the end of other people's sketches, detected in all sketches of a file together.

Dimensions: n points in one sketch.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sketch_rnn.errors import warn

_PADDED = 0.2  # the share of sketches that end with the same row, repeated at least twice
_FEW_PADDED = 5  # sketches


def is_rows(sketch: np.ndarray) -> bool:
    """Return whether an array looks like stroke-3 `[n, 3]` or stroke-5 `[n, 5]`."""
    return sketch.ndim == 2 and sketch.shape[1] in (3, 5) and sketch.dtype.kind in "iufb"


def without_padding(sketches: Sequence[np.ndarray], where: str) -> list[np.ndarray]:
    """Return the sketches without the rows that only pad them to a common length."""
    padding = padding_of(sketches)
    if padding is None:
        return list(sketches)
    kept = [stripped(sketch, padding) for sketch in sketches]
    lost = [len(old) - len(new) for old, new in zip(sketches, kept, strict=True) if old is not new]
    row = ", ".join(f"{value:g}" for value in padding)
    warn(
        f"{where}: left out {sum(lost)} rows of padding ({row}) at the ends of {len(lost)} of "
        f"{len(kept)} drawings"
    )
    if _is_image_of_zero(padding, kept):
        warn(
            f"{where}: its offsets count from ({padding[0]:g}, {padding[1]:g}) rather than from "
            "0; this is subtracted"
        )
        return [_shifted(sketch, padding) for sketch in kept]
    return kept


def padding_of(sketches: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the row that pads the sketches; None if there is none."""
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
        often = count >= max(_FEW_PADDED, _PADDED * len(rows))
        if often and _is_at_ends_alone(padding, rows):
            return padding
    return None


def _is_end_of_stroke5(row: tuple) -> bool:
    return len(row) == 5 and row[4] == 1


def _is_at_ends_alone(padding: np.ndarray, rows: Sequence[np.ndarray]) -> bool:
    """Return whether hardly any row other than those at the ends equals the padding."""
    kept = [stripped(sketch, padding) for sketch in rows]
    same = sum(int(_equal(sketch, padding).sum()) for sketch in kept)
    return same <= 0.01 * sum(map(len, kept))


def _equal(sketch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Return which rows equal the padding, bool `[n]`."""
    if sketch.ndim != 2 or sketch.shape[1] != len(padding):
        return np.zeros(len(sketch) if sketch.ndim else 0, bool)
    same = (sketch == padding) | (np.isnan(sketch.astype(np.float64)) & np.isnan(padding))
    return same.all(axis=1)


def stripped(sketch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Return the sketch without the padding at its end, but keep at least its first row."""
    if not is_rows(sketch) or not len(sketch) or not _equal(sketch[-1:], padding).any():
        return sketch
    others = np.flatnonzero(~_equal(sketch, padding))
    if not len(others):
        return sketch[: 0 if np.isnan(padding).any() else 1]
    return sketch[: others[-1] + 1]


def _is_image_of_zero(padding: np.ndarray, kept: Sequence[np.ndarray]) -> bool:
    """Return whether the padding was (0, 0, 0) before the whole file was normalized."""
    if len(padding) != 3 or not padding[:2].any() or not np.isfinite(padding).all():
        return False
    pens = {float(pen) for sketch in kept if is_rows(sketch) for pen in sketch[:, 2]}
    return len(pens) == 2 and padding[2] in (0, min(pens))


def _shifted(sketch: np.ndarray, padding: np.ndarray) -> np.ndarray:
    if not is_rows(sketch):
        return sketch
    return sketch - np.array([padding[0], padding[1], 0])
