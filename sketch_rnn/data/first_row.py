"""Tell whether the first row of sketches is a drawn line or the place where the drawing begins.

In the public data sets, a sketch begins with the pen down at its first point, and row 0 leads to
the second point. In files made by taking differences of absolute coordinates, row 0 is the first
point itself: its position relative to a corner of the page. If such a row 0 were read as an offset,
it would become a long line that nobody drew.

Dimensions: S sketches, P points in all sketches.
"""

import numpy as np

FIRST_ROWS = ("auto", "drawn", "place")
FEW = 10  # sketches; fewer are not enough to tell
SAMPLE = 500  # the most sketches to examine, taken at even intervals
_FROM_ONE_CORNER = 0.95  # the share of sketches that lie on one side of both axes
_QUADRANTS = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
_LONG = 1.25  # the least ratio of the length of row 0 to that of a typical drawn offset


def is_place(points: np.ndarray, lengths: np.ndarray) -> bool:
    """Return one answer for all sketches: True if row 0 looks like an absolute start position.

    Usually row 0 is the offset of the second point. It looks like the position of the first point
    if two conditions hold: nearly all sketches lie in the same quadrant, as seen from the origin,
    and row 0 is long compared to the offsets of drawn lines.

    Args:
      points: flat stroke-3 points `[P, 3]`.
      lengths: the number of points in each sketch, `[S]`.
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
    """Return the sketch `[n, 3]` without row 0, which gives the position where the drawing begins.

    If the first line is only a dot, row 0 becomes (0, 0, 1) instead.
    """
    if not len(sketch) or sketch[0, 2] == 0:
        return sketch[1:]
    sketch = sketch.copy()
    sketch[0, :2] = 0
    return sketch
