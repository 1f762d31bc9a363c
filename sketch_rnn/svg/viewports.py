"""Viewports of SVG files: boxes that are fitted into others."""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element

import numpy as np
import svgelements

from sketch_rnn.svg import transforms, values

Page = tuple[float, float]  # width and height, in pixels


def page(root: Element, own: Mapping[str, str]) -> Page | None:
    """Return the size of the outermost `svg` in pixels, if the file gives it.

    Args:
      root: the element.
      own: what CSS says of it.
    """
    box = view_box(root)
    width, height = (
        values.length(own.get(name) or root.get(name), whole, whole)
        for name, whole in zip(("width", "height"), box[2:] if box else (0.0, 0.0), strict=True)
    )
    return (width, height) if width > 0 and height > 0 else None


def view_box(element: Element) -> list[float] | None:
    """Return left, top, width and height of the box that is fitted into an element."""
    numbers = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", element.get("viewBox", ""))
    return [float(number) for number in numbers] if len(numbers) == 4 else None


def enter(
    element: Element, matrix: np.ndarray, inside: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Return the matrix of the coordinates inside an `svg` or `symbol`.

    Args:
      element: with a box that is fitted, perhaps.
      matrix: of the coordinates outside, from the element's corner.
      inside: its width and height.

    Returns:
      The matrix inside, and the viewport; None where the element is not rendered.
    """
    box = view_box(element)
    if min(inside) <= 0 or (box and min(box[2:]) <= 0):
        return matrix, None
    if box is None:
        return matrix, inside
    fit = svgelements.Viewbox.viewbox_transform(
        0, 0, *inside, *box, element.get("preserveAspectRatio", "xMidYMid")
    )
    return transforms.compose(matrix, _fitted(fit)), (box[2], box[3])


def _fitted(text: str) -> np.ndarray:
    """Return the matrix of a transform that the library wrote; the identity if not finite."""
    m = svgelements.Matrix(text)
    matrix = np.array([[m.a, m.c, m.e], [m.b, m.d, m.f]], np.float64)
    return matrix if np.isfinite(matrix).all() else transforms.IDENTITY
