"""Convert Bezier curves to polylines within a tolerance, and polylines to curves."""

import numpy as np

from sketch_rnn.errors import UserError

MAX_POINTS = 200_000  # in one drawing; a drawing that needs more is not a sketch


def flatten(controls: np.ndarray, tolerance: float) -> np.ndarray:
    """Return a chain of cubic Bezier curves as one polyline.

    Each curve is cut into equal steps of its parameter, enough to keep the chords within
    `tolerance` of the curve: n = sqrt(6 / 8 * max |second difference of the controls| / tolerance)
    (Wang's bound for degree 3).

    Args:
      controls: the curves' control points `[C, 4, 2]`; each starts where the last one ended.
      tolerance: the largest distance between curve and chord, in the controls' units.

    Returns:
      The points `[n, 2]`, beginning with the start of the first curve.

    Raises:
      UserError: the polyline would need more than `MAX_POINTS` points.
    """
    bend = controls[:, :2] - 2 * controls[:, 1:3] + controls[:, 2:]  # [C, 2, 2]
    bend = np.sqrt(np.square(bend).sum(axis=2)).max(axis=1)
    steps = np.maximum(np.ceil(np.sqrt(0.75 * bend / tolerance)), 1)
    if not steps.sum() <= MAX_POINTS:
        raise UserError(f"its curves take more than {MAX_POINTS} points to draw")
    steps = steps.astype(np.int64)
    curve = np.repeat(np.arange(len(controls)), steps)
    step = np.arange(len(curve)) - np.repeat(np.cumsum(steps) - steps, steps)
    t = ((step + 1) / steps[curve])[:, None]
    p0, p1, p2, p3 = controls[curve].transpose(1, 0, 2)
    s = 1 - t
    points = s**3 * p0 + 3 * s * s * t * p1 + 3 * s * t * t * p2 + t**3 * p3
    return np.concatenate([controls[:1, 0], points])


def straight(points: np.ndarray) -> np.ndarray:
    """Return the lines between points `[n, 2]` as curves `[n - 1, 4, 2]`; a dot is one curve."""
    if len(points) == 1:
        points = points[[0, 0]]
    start, end = points[:-1, None], points[1:, None]
    return start + np.linspace(0, 1, 4)[:, None] * (end - start)


def closed(points: np.ndarray) -> np.ndarray:
    """Return points `[n, 2]` with the first one repeated at the end."""
    return np.concatenate([points, points[:1]])
