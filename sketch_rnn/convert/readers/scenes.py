"""Collect the lines of scenes that drawing programs save as JSON; shared by their readers.

A scene holds elements, each with its own position, rotation and lines. Elements without pen lines,
such as text and pictures, are left out and reported.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from sketch_rnn.convert.readers.chunks import Drawing
from sketch_rnn.convert.readers.strokes import numbers
from sketch_rnn.errors import UserError
from sketch_rnn.svg import shapes
from sketch_rnn.svg.transforms import IDENTITY
from sketch_rnn.svg.values import Units

TOLERANCE = 4e-4  # share of the longer side: tolerance of flattened curves
_TOO_LARGE = "a curve in it has numbers too large to draw"
MAX_GROUPS = 50  # levels of nested groups


class Canvas:
    """A collection of the lines that a scene draws."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.pieces: list[np.ndarray] = []  # chains of curves [C, 4, 2], polylines [n, 2]

    def line(self, points: Any, matrix: np.ndarray = IDENTITY, closed: bool = False) -> None:
        """Draw a polyline through points `[n, 2]`, transformed by a matrix `[2, 3]`."""
        points = numbers(points)
        if not points.size:
            return
        if points.ndim != 2 or points.shape[1] < 2:
            raise UserError("a line is not a list of points")
        if closed:
            points = np.concatenate([points, points[:1]])
        self.pieces.append(points[:, :2] @ matrix[:, :2].T + matrix[:, 2])

    def path(self, data: str, matrix: np.ndarray = IDENTITY) -> None:
        """Draw the path that SVG path data describes."""
        element = Element("path", d=data)
        try:
            chains = [*shapes.chains(shapes.segments(element, element.get, (0, 0), Units()))]
        except (ArithmeticError, ValueError) as error:  # what svgelements raises
            raise error if isinstance(error, UserError) else UserError(_TOO_LARGE) from None
        for chain in chains:
            self.pieces.append(np.array(chain) @ matrix[:, :2].T + matrix[:, 2])

    def ellipse(self, rx: float, ry: float, matrix: np.ndarray) -> None:
        """Draw an ellipse around the origin."""
        if rx > 0 and ry > 0:
            self.path(f"M{-rx} 0A{rx} {ry} 0 1 1 {rx} 0A{rx} {ry} 0 1 1 {-rx} 0", matrix)

    def drawing(self) -> Drawing:
        """Return all lines of the scene as a drawing; raise UserError if there are none."""
        said = tuple(f"{n} {kind}{'s' * (n > 1)} left out" for kind, n in self.left_out.items())
        drawn = [curve for curve in self.pieces if len(curve)]
        if not drawn:
            raise UserError(f"no lines in this scene ({', '.join(said) or 'it is empty'})")
        points = np.concatenate([curve.reshape(-1, 2) for curve in drawn])
        if not np.isfinite(points).all():
            raise UserError("a coordinate is not finite")
        tolerance = max(np.ptp(points, axis=0).max() * TOLERANCE, 1e-12)
        lines = [shapes.flatten(curve, tolerance) if curve.ndim == 3 else curve for curve in drawn]
        if sum(map(len, lines)) > shapes.MAX_POINTS:
            raise UserError(f"its curves take more than {shapes.MAX_POINTS} points to draw")
        return Drawing(lines, left_out=said)


def number(value: Any, default: float = 0.0) -> float:
    """Return a finite number, or the default if it is missing; raise UserError for other values."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError("a value of an element is not a number")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise UserError("a value of an element is not finite")
    return value


def elements(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list; raise UserError if the value is not a list."""
    if not isinstance(value, list):
        raise UserError("a scene's elements are not a list")
    return [element for element in value if isinstance(element, dict)]


def placing_matrix(
    x: float, y: float, angle: float = 0, scale: Sequence[float] = (1, 1)
) -> np.ndarray:
    """Return the matrix `[2, 3]` that scales, rotates by radians, and moves to (x, y)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos * scale[0], -sin * scale[1], x], [sin * scale[0], cos * scale[1], y]])
