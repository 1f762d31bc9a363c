"""Compute the viewports in SVG files: boxes that are fitted into other boxes."""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element

import numpy as np
import svgelements

from sketch_rnn.svg import transforms, values

Page = tuple[float, float]  # width and height, in pixels


def page_size(root: Element, own: Mapping[str, str]) -> Page | None:
    """Return the size of the outermost `svg` in pixels; None if the file does not give it.

    Args:
      root: the outermost `svg`.
      own: its CSS properties.
    """
    box = view_box(root)
    width, height = (
        values.length(own.get(name) or root.get(name), whole, whole)
        for name, whole in zip(("width", "height"), box[2:] if box else (0.0, 0.0), strict=True)
    )
    return (width, height) if width > 0 and height > 0 else None


def view_box(element: Element) -> list[float] | None:
    """Return the left, top, width and height of an element's viewBox; None if it has none."""
    numbers = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", element.get("viewBox", ""))
    return [float(number) for number in numbers] if len(numbers) == 4 else None


def inner_coordinates(
    element: Element, matrix: np.ndarray, inside: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Return the matrix from the coordinates inside an `svg` or `symbol` to those of the page.

    Args:
      element: the `svg` or `symbol`, which may have a viewBox.
      matrix: the matrix from the parent's coordinates to the page's. The origin of the parent's
        coordinates has been moved to the element's corner.
      inside: the element's width and height, in the coordinates of its parent.

    Returns:
      The new matrix; and the viewport's width and height in the coordinates inside the element, or
      None if the element is not rendered.
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
    """Parse a transform written by svgelements; return the identity if it is not finite."""
    m = svgelements.Matrix(text)
    matrix = np.array([[m.a, m.c, m.e], [m.b, m.d, m.f]], np.float64)
    return matrix if np.isfinite(matrix).all() else transforms.IDENTITY
