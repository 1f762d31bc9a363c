"""Measure branches: distances along them, directions in which they leave a junction, half widths.

Dimensions: H, W height and width of the picture in pixels, n points in a line.
"""

import numpy as np

from sketch_rnn.trace.graph import Branch

NEAR, FAR = 0.8, 3.2  # line widths from a junction: a branch's direction is measured there


def along(points: np.ndarray) -> np.ndarray:
    """Return the distance of each point from the first, along the line, `[n]`."""
    return np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])


def direction(points: np.ndarray, width: float) -> np.ndarray:
    """Return the unit vector `[2]` along which a branch leaves its junction; zero for a point."""
    at = along(points)
    far = min(FAR * width, at[-1])
    near = min(NEAR * width, far / 2)
    ends = [np.interp([near, far], at, points[:, axis]) for axis in (0, 1)]
    way = np.array([values[1] - values[0] for values in ends])
    return way / max(np.hypot(*way), 1e-9)


def cross(one: np.ndarray, two: np.ndarray) -> float:
    """Return the cross product of two vectors `[2]`."""
    return float(one[0] * two[1] - one[1] * two[0])


def angle(one: np.ndarray, two: np.ndarray) -> float:
    """Return the angle between two directions, in radians."""
    return float(np.abs(np.arctan2(cross(one, two), one @ two)))


def half_widths(points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return the half width of the ink at each point `[n]`; radius: distance to its edge `[H, W]`.

    Points outside the picture count as if they were at its edge.
    """
    x, y = points.astype(int).T
    return radius[np.clip(y, 0, radius.shape[0] - 1), np.clip(x, 0, radius.shape[1] - 1)]


def half_width(branch: Branch, radius: np.ndarray) -> float:
    """Return the mean half width of the ink along a branch."""
    return float(np.mean(half_widths(branch.points, radius)))
