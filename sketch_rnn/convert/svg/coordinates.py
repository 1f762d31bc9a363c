"""Coordinates of SVG elements: lengths, transforms and viewports, all in pixels.

A matrix `[2, 3]` maps x to `m[:, :2] @ x + m[:, 2]`.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from xml.etree.ElementTree import Element

import numpy as np
import svgelements

PIXELS_PER_INCH = 96
MAX_TRANSFORM = 2000  # characters of a list of transforms; what follows does not count
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])

_ORIGINS = {"left": "0%", "top": "0%", "center": "50%", "right": "100%", "bottom": "100%"}


def length(text: str | None, whole: float, default: float) -> float:
    """A length in pixels; percentages are of `whole`."""
    if not text or text == "auto":
        return default
    value = svgelements.Length(text).value(
        ppi=PIXELS_PER_INCH, relative_length=whole, font_size=16, font_height=16
    )
    return value if isinstance(value, float | int) and math.isfinite(value) else default


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The matrix that applies `inner`, then `outer`."""
    linear = outer[:, :2] @ inner
    linear[:, 2] += outer[:, 2]
    return linear


def moved(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    """The matrix of coordinates whose origin lies at (x, y)."""
    return compose(matrix, np.array([[1, 0, x], [0, 1, y]]))


def own_transform(style: Mapping[str, str], viewport: tuple[float, float]) -> np.ndarray:
    """An element's transform, about its origin."""
    matrix = _transform(style.get("transform", "")[:MAX_TRANSFORM])
    origin = [_ORIGINS.get(word, word) for word in style.get("transform-origin", "").split()[:2]]
    if not origin or matrix is IDENTITY:
        return matrix
    words = [*origin, "50%"][:2]
    x, y = (length(word, whole, 0.0) for word, whole in zip(words, viewport, strict=True))
    return moved(compose(moved(IDENTITY, x, y), matrix), -x, -y)


@lru_cache(maxsize=256)
def _transform(text: str) -> np.ndarray:
    """An SVG transform list as a matrix `[2, 3]`; what cannot be read changes nothing."""
    if not text:
        return IDENTITY
    try:
        m = svgelements.Matrix(text)
        matrix = np.array([[m.a, m.c, m.e], [m.b, m.d, m.f]], np.float64)
    except (ValueError, TypeError, IndexError, AttributeError):
        return IDENTITY
    return matrix if np.isfinite(matrix).all() else IDENTITY


def view_box(element: Element) -> list[float] | None:
    """Left, top, width and height of the box that is fitted into an element."""
    numbers = re.findall(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", element.get("viewBox", ""))
    return [float(number) for number in numbers] if len(numbers) == 4 else None


def enter_viewport(
    element: Element,
    matrix: np.ndarray,
    outer: tuple[float, float],
    outermost: bool,
    size: Mapping[str, str],
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """The coordinates inside an `svg` or `symbol`.

    Args:
      element: with its own place and size.
      matrix: of the coordinates outside.
      outer: width and height of the viewport outside.
      outermost: whether it is the file's first element.
      size: width and height that a `use` gives it.

    Returns:
      The matrix inside, and the viewport; None where the element is not rendered.
    """
    box = view_box(element)
    default = box[2:] if box and outermost else outer
    width = length(size.get("width") or element.get("width"), default[0], default[0])
    height = length(size.get("height") or element.get("height"), default[1], default[1])
    if not outermost and element.tag == "svg":
        x, y = (length(element.get(k), whole, 0.0) for k, whole in zip("xy", outer, strict=True))
        matrix = moved(matrix, x, y)
    if width <= 0 or height <= 0 or (box and (box[2] <= 0 or box[3] <= 0)):
        return matrix, None
    if box is None:
        return matrix, (width, height)
    fit = svgelements.Viewbox.viewbox_transform(
        0, 0, width, height, *box, element.get("preserveAspectRatio", "xMidYMid")
    )
    return compose(matrix, _transform(fit)), (box[2], box[3])
