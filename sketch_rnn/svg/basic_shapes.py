"""The CSS shapes for clip-path: `circle()`, `ellipse()`, `inset()`, `polygon()`, and others.

https://www.w3.org/TR/css-shapes-1/. A shape that is not understood raises ValueError. Rounded
corners of `inset()`, `rect()` and `xywh()` are treated as square.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from tinycss2.ast import Node

from sketch_rnn.svg import shapes, values
from sketch_rnn.svg.transforms import Box, place
from sketch_rnn.svg.values import Units

ROUND = 128  # corners of the polygon for a circle or an ellipse

Rings = list[np.ndarray]  # closed lines `[n, 2]`


def rings(node: Node, box: Box, units: Units) -> tuple[Rings, bool]:
    """Return the edges of a shape, and whether they follow the even-odd rule.

    Args:
      node: the CSS function.
      box: the box that percentages and positions refer to.
      units: the sizes that relative units refer to.
    """
    if node.type != "function" or node.lower_name not in _SHAPES:
        raise ValueError("not a shape")
    parts = [list(values.without_spaces(part)) for part in values.parts(node.arguments)]
    even_odd = False
    if parts[0] and parts[0][0].type == "ident" and parts[0][0].lower_value in _RULES:
        even_odd = parts.pop(0)[0].lower_value == "evenodd"
    if not parts or (len(parts) > 1 and node.lower_name != "polygon"):
        raise ValueError("not a shape")
    corner = np.array(box[:2])
    found = _SHAPES[node.lower_name](parts, box[2:], units)
    return [shapes.closed(ring) + corner for ring in found], even_odd


Size = tuple[float, float]
Parts = Sequence[list[Node]]  # the arguments between commas


def _circle(parts: Parts, size: Size, units: Units) -> Rings:
    radii, middle = _radii_and_center(parts[0], size, units)
    if len(radii) > 1:
        raise ValueError("expected one radius")
    whole = math.hypot(*size) / math.sqrt(2)
    sides = [middle[0], size[0] - middle[0], middle[1], size[1] - middle[1]]
    radius = _radius(radii[0] if radii else None, sides, whole, units)
    return [_oval(middle, (radius, radius))]


def _ellipse(parts: Parts, size: Size, units: Units) -> Rings:
    radii, middle = _radii_and_center(parts[0], size, units)
    if len(radii) not in (0, 2):
        raise ValueError("expected two radii")
    across, down = (
        _radius(radii[i] if radii else None, [middle[i], size[i] - middle[i]], size[i], units)
        for i in (0, 1)
    )
    return [_oval(middle, (across, down))]


def _radii_and_center(nodes: list[Node], size: Size, units: Units) -> tuple[list[Node], Size]:
    """Return the radii of a circle or ellipse, and its center, which follows the word `at`."""
    at = [i for i, node in enumerate(nodes) if node.type == "ident" and node.lower_value == "at"]
    if not at:
        return nodes, (size[0] / 2, size[1] / 2)
    x, y, _ = place(nodes[at[0] + 1 :], size, units)
    return nodes[: at[0]], (x, y)


def _radius(node: Node | None, sides: Sequence[float], whole: float, units: Units) -> float:
    if node is None or (node.type == "ident" and node.lower_value == "closest-side"):
        return min(map(abs, sides))
    if node.type == "ident" and node.lower_value == "farthest-side":
        return max(map(abs, sides))
    return values.as_length(node, whole, units)


def _oval(middle: Size, radii: Size) -> np.ndarray:
    angles = np.linspace(0, 2 * math.pi, ROUND, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii + middle


def _inset(parts: Parts, size: Size, units: Units) -> Rings:
    top, right, bottom, left = _four_sides(parts[0], size, units)
    return _box(left, top, size[0] - right, size[1] - bottom)


def _rect(parts: Parts, size: Size, units: Units) -> Rings:
    top, right, bottom, left = _four_sides(parts[0], size, units)
    return _box(left, top, right, bottom)


def _xywh(parts: Parts, size: Size, units: Units) -> Rings:
    x, y, width, height = (
        values.as_length(node, size[i % 2], units)
        for i, node in enumerate(_before_round(parts[0], 4))
    )
    return _box(x, y, x + width, y + height)


def _four_sides(nodes: list[Node], size: Size, units: Units) -> list[float]:
    """Return the lengths for the four sides, in pixels; some may be omitted, as in CSS."""
    nodes = _before_round(nodes, 0)
    if not 1 <= len(nodes) <= 4:
        raise ValueError("expected one to four lengths")
    while len(nodes) < 4:  # copies the opposite side, or the first one
        nodes = [*nodes, nodes[max(len(nodes) - 2, 0)]]
    return [values.as_length(node, size[1 - i % 2], units) for i, node in enumerate(nodes)]


def _before_round(nodes: list[Node], count: int) -> list[Node]:
    """Return the nodes before the keyword `round`. Raises: ValueError: the number of these nodes is
    not `count`, unless `count` is 0.
    """
    for i, node in enumerate(nodes):
        if node.type == "ident" and node.lower_value == "round":
            nodes = nodes[:i]
            break
    if count and len(nodes) != count:
        raise ValueError(f"expected {count} lengths")
    return nodes


def _box(left: float, top: float, right: float, bottom: float) -> Rings:
    right, bottom = max(right, left), max(bottom, top)
    return [np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)]


def _polygon(parts: Parts, size: Size, units: Units) -> Rings:
    if any(len(part) != 2 for part in parts):
        raise ValueError("expected two lengths per corner")
    corners = [
        [values.as_length(node, size[i], units) for i, node in enumerate(part)] for part in parts
    ]
    return [np.array(corners, np.float64)]


def _path(parts: Parts, size: Size, units: Units) -> Rings:
    if len(parts[0]) != 1 or parts[0][0].type != "string":
        raise ValueError("expected a path's data")
    chains = [np.array(chain, np.float64) for chain in shapes.parse_path(parts[0][0].value)]
    return [shapes.flatten(chain, 1e-3 * float(np.ptp(chain) or 1)) for chain in chains]


_RULES = ("evenodd", "nonzero")
_SHAPES: dict[str, Callable[[Parts, Size, Units], Rings]] = {
    "circle": _circle,
    "ellipse": _ellipse,
    "inset": _inset,
    "path": _path,
    "polygon": _polygon,
    "rect": _rect,
    "xywh": _xywh,
}


def understood(text: str) -> bool:
    """Return whether a `clip-path` value is understood; raise ValueError if it is invalid."""
    if text.lower() == "none" or text.lower().startswith("url("):
        return True
    nodes = [node for node in values.components(text) if node.type != "ident"]
    return not nodes or bool(rings(nodes[0], (0.0, 0.0, 1.0, 1.0), Units()))
