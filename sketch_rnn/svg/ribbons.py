"""Find ribbons: thin filled shapes with which some drawing apps store brush strokes.

Dimensions: C is the number of curves in a subpath, n the number of points in a line.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import shapely

from sketch_rnn.svg import shapes
from sketch_rnn.svg.paint import Painted, same_color

THIN = 0.3  # share of the longer side of a ribbon's box: the ribbon is narrower
SHORT = 1 / 16  # share of the drawing's longer side: shorter shapes may be dots, not ribbons
MOST_RINGS = 50  # rings in a shape whose even-odd area is computed exactly

# (rings `[n, 2]` of a filled shape, whether the even-odd rule applies, width of its stroke)
# -> (lines `[n, 2]` along the shape's middle, their width), or None if the shape is not thin
Middle = Callable[[Sequence[np.ndarray], bool, float], tuple[list[np.ndarray], float] | None]


def is_ribbon(shape: Painted) -> bool:
    """Return whether a shape is a ribbon: filled, thin on average, and without an outline.

    A stroke with the same color as the fill is ignored if it is thinner than the filled shape,
    because it only makes the shape a little wider.
    """
    if shape.fill is None or not shape.filled:
        return False
    if shape.stroke and not same_color(shape.stroke.color, shape.fill.color):
        return False
    around, area = _perimeter_and_area(shape)
    if shape.stroke and shape.width * around > 2 * area:
        return False
    points = np.concatenate([line.reshape(-1, 2) for line in shape.filled])
    return 0 < 2 * area < THIN * around * float(np.ptp(points, axis=0).max())


def ribbon_length(painted: Sequence[Painted], side: float) -> float:
    """Return the total length of a drawing's ribbons (thin filled shapes) in pixels.

    Short ribbons are left out, because they may be dots.
    """
    half = [_perimeter_and_area(shape)[0] / 2 for shape in painted if is_ribbon(shape)]
    return sum(length for length in half if length > SHORT * side)


def along_middle(shape: Painted, middle: Middle, tolerance: float) -> Painted:
    """Return a ribbon as strokes along its middle, and any other shape unchanged."""
    if not is_ribbon(shape):
        return shape
    rings = [shapes.flatten(line, tolerance) for line in shape.filled]
    found = middle(rings, shape.even_odd, shape.width if shape.stroke else 0.0)
    if found is None:
        return shape
    lines, width = found
    chains = [shapes.straight(line if len(line) > 1 else np.repeat(line, 2, 0)) for line in lines]
    return replace(
        shape, lines=chains, stroke=shape.fill, fill=None, width=width, cap="round", area=None
    )


def _perimeter_and_area(shape: Painted) -> tuple[float, float]:
    """Return the approximate perimeter and area of a filled shape."""
    corners = [np.concatenate([line[:, 0], line[-1:, 3], line[:1, 0]]) for line in shape.filled]
    around = sum(float(np.hypot(*np.diff(ring, axis=0).T).sum()) for ring in corners)
    if shape.even_odd and len(corners) <= MOST_RINGS:
        rings = [shapely.Polygon(ring).buffer(0) for ring in corners]
        return around, float(reduce(shapely.symmetric_difference, rings).area)
    turns = [ring[:-1, 0] @ ring[1:, 1] - ring[1:, 0] @ ring[:-1, 1] for ring in corners]
    return around, abs(float(sum(turns))) / 2
