"""Smooth lines of pixels without moving their corners.

Dimensions: n points in a line.
"""

from itertools import pairwise

import numpy as np
from scipy import ndimage

from sketch_rnn.trace.measures import cross, half_widths

STEP = 0.5  # line widths between neighboring points
SMOOTH = 0.35  # line widths: standard deviation of the smoothing along the line
ARM = 2.0  # line widths: length of the arms on both sides between which a turn is measured
AT_ONCE = 0.65  # least share of a corner's turn found with arms half as long; curves turn evenly
DOT = 1.0  # line widths: a shorter line is a dot
MOVE = 1.5  # line widths: a corner is not moved farther than this
INSIDE = 0.42  # line widths: a corner is not moved closer than this to the edge of the ink
CORNER = np.radians(50)  # a corner turns more than this


def smooth(line: np.ndarray, width: float, radius: np.ndarray) -> np.ndarray:
    """Return the line `[n, 2]` with evenly spaced points, smooth between its corners.

    radius: the distance of each pixel from the edge of the ink `[H, W]`.
    """
    step = max(STEP * width, 0.75)
    points = evenly(line, step)
    if len(points) < 4:
        return points.mean(axis=0)[None] if length(line) < DOT * width else points
    closed = bool(np.hypot(*(line[0] - line[-1])) < 1e-6) and len(points) > 8
    corners = _corners(points, ARM * width / step)
    if closed and not len(corners):
        return _gauss(points, SMOOTH * width / step, "wrap")
    if closed:
        points = np.concatenate([points[corners[0] : -1], points[: corners[0] + 1]])
        corners = corners[1:] - corners[0]
    points = _with_sharp(points, corners, width, step, radius)
    cuts = [0, *corners.tolist(), len(points) - 1]
    pieces = [_gauss(points[a : b + 1], SMOOTH * width / step, "ends") for a, b in pairwise(cuts)]
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])


def length(line: np.ndarray) -> float:
    """Return the length of a line."""
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def evenly(line: np.ndarray, step: float) -> np.ndarray:
    """Return points on the line about `step` apart, including its ends."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    count = max(int(np.ceil(along[-1] / step)), 1)
    at = np.linspace(0, along[-1], count + 1)
    return np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], 1)


def _corners(points: np.ndarray, arm: float) -> np.ndarray:
    """Return the indices of the corners: points where the line turns sharply.

    At a corner, the line also turns more sharply than at the points near it.
    """
    arm = max(round(arm), 2)
    inner = np.arange(arm, len(points) - arm)
    if not len(inner):
        return inner
    turn = _turn(points, inner, arm)
    most = ndimage.maximum_filter1d(turn, 2 * arm + 1)
    sharp = _turn(points, inner, max(arm // 2, 1)) > AT_ONCE * turn
    return inner[(turn == most) & (turn > CORNER) & sharp]


def _turn(points: np.ndarray, at: np.ndarray, arm: int) -> np.ndarray:
    """Return the angle by which the line turns at points; measure `arm` points to each side."""
    before = points[at] - points[at - arm]
    after = points[at + arm] - points[at]
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return np.abs(np.arctan2(cross, (before * after).sum(1)))


def _with_sharp(
    points: np.ndarray, corners: np.ndarray, width: float, step: float, radius: np.ndarray
) -> np.ndarray:
    """Move each corner to where the lines on both sides meet, since thinning cuts corners off."""
    result, near, far = points.copy(), max(round(width / step), 1), round(ARM * width / step)
    for corner in corners:
        before, after = points[[corner - far, corner - near]], points[[corner + far, corner + near]]
        meeting = _meeting(before, after)
        if meeting is None or np.hypot(*(meeting - points[corner])) > MOVE * width:
            continue
        meeting = _inside(points[corner], meeting, width, radius)
        result[corner] = meeting
        for side, start in ((-1, before[1]), (1, after[1])):
            for number in range(1, near):
                share = number / near
                result[corner + side * number] = meeting * (1 - share) + start * share
    return result


def _meeting(before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    """Return the point in which two straight lines meet; None if they are parallel.

    Each line is given by two points on it, `[2, 2]`.
    """
    one, two, gap = before[1] - before[0], after[1] - after[0], after[0] - before[0]
    area = cross(one, two)
    return None if abs(area) < 1e-6 else before[0] + one * cross(gap, two) / area


def _inside(
    corner: np.ndarray, meeting: np.ndarray, width: float, radius: np.ndarray
) -> np.ndarray:
    """Return the first point that is deep in the ink, going from `meeting` straight to `corner`."""
    places = meeting + np.linspace(0, 1, 5)[:, None] * (corner - meeting)
    deep = half_widths(places, radius) >= INSIDE * width
    return places[int(np.argmax(deep))] if deep.any() else corner


def _gauss(points: np.ndarray, sigma: float, mode: str) -> np.ndarray:
    """Return points smoothed along a closed line (mode `wrap`) or between fixed ends (`ends`)."""
    if mode == "wrap":
        ring = ndimage.gaussian_filter1d(points[:-1], sigma, axis=0, mode="wrap")
        return np.concatenate([ring, ring[:1]])
    around = min(len(points) - 1, int(4 * sigma) + 1)
    before = 2 * points[0] - points[around:0:-1]
    after = 2 * points[-1] - points[-2 : -around - 2 : -1]
    long = ndimage.gaussian_filter1d(np.concatenate([before, points, after]), sigma, axis=0)
    result = long[around : around + len(points)]
    result[[0, -1]] = points[[0, -1]]
    return result
