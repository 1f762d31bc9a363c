"""Tell what the first row of sketches is: drawn, or the place where the drawing begins.

The public data sets begin with the pen down at the first point, and row 0 leads to the second.
Files that were made of absolute lines by differences hold the first point itself in row 0: its
place on the page, seen from a corner. Taken for drawn, it is a long line that nobody drew.

Dimensions: S sketches, P points of all of them.
"""

import numpy as np

FIRST_ROWS = ("auto", "drawn", "place")
FEW = 10  # sketches; below, nothing can be said
SAMPLE = 500  # sketches that are looked at, spread evenly
_FROM_ONE_CORNER = 0.95  # share of the sketches that lie on one side of both axes
_QUADRANTS = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
_LONG = 1.25  # of row 0 to a sketch's other drawn offsets, in the middle of the sketches


def is_place(points: np.ndarray, lengths: np.ndarray) -> bool:
    """Return whether row 0 looks like a place, by flat stroke-3 points `[P, 3]` and lengths `[S]`.

    It does if nearly all sketches lie in the same quadrant, with (0, 0) before row 0 at or beyond
    its corner, and row 0 is long beside the offsets that are drawn.
    """
    ends = np.cumsum(lengths)
    chosen = np.flatnonzero(lengths > 2)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), SAMPLE)).astype(int)]
    corners, ratios = [], []
    for number in chosen:
        sketch = points[ends[number] - lengths[number] : ends[number]].astype(np.float64)
        places = np.cumsum(sketch[:, :2], axis=0)
        corners.append([(sign * places >= 0).all() for sign in _QUADRANTS])
        sizes = np.hypot(sketch[:, 0], sketch[:, 1])
        drawn = sizes[1:][sketch[:-1, 2] == 0]
        if drawn.any():
            ratios.append(sizes[0] / np.median(drawn[drawn > 0]))
    if len(ratios) < FEW:
        return False
    return np.mean(corners, axis=0).max() >= _FROM_ONE_CORNER and np.median(ratios) >= _LONG


def without_place(sketch: np.ndarray) -> np.ndarray:
    """A stroke-3 sketch `[n, 3]` whose row 0 is a place, with the pen down there instead.

    A dot to begin with stays the row (0, 0, 1).
    """
    if not len(sketch) or sketch[0, 2] == 0:
        return sketch[1:]
    sketch = sketch.copy()
    sketch[0, :2] = 0
    return sketch
