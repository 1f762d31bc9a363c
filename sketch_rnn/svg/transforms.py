"""Compute transforms of elements, as browsers apply them to SVG.

This module follows https://www.w3.org/TR/css-transforms-1/ and -2. It reads lists of functions, the
properties `translate`, `rotate` and `scale`, and `transform-origin`, the point around which
elements are rotated and scaled. As in browsers, only the affine part of 3D transforms is kept. A
matrix `[2, 3]` maps x to `m[:, :2] @ x + m[:, 2]`. A value that is not understood raises
ValueError.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from tinycss2.ast import Node

from sketch_rnn.svg import values
from sketch_rnn.svg.values import Units

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
PROPERTIES = ("translate", "rotate", "scale", "transform")  # in order of multiplication

Box = tuple[float, float, float, float]  # left, top, width, height

_HORIZONTAL = {"left": 0.0, "center": 0.5, "right": 1.0}
_VERTICAL = {"top": 0.0, "center": 0.5, "bottom": 1.0}
_ATTRIBUTE = re.compile(r"\s*,?\s*([A-Za-z]+)\s*\(([^()]*)\)")
_NUMBER = re.compile(r"\s*,?\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the matrix that applies `inner`, then `outer`."""
    linear = outer[:, :2] @ inner
    linear[:, 2] += outer[:, 2]
    return linear


def moved(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    """Return the matrix with its origin moved to (x, y)."""
    return compose(matrix, np.array([[1, 0, x], [0, 1, y]]))


def own_transform(style: Mapping[str, str], box: Box, units: Units) -> np.ndarray:
    """Return an element's transform, `[2, 3]`, from its properties.

    Args:
      style: the element's properties.
      box: the box that percentages and the origin refer to.
      units: the sizes that relative units refer to.
    """
    if not any(name in style for name in PROPERTIES):
        return IDENTITY
    total = np.eye(4)
    for name in PROPERTIES:
        if name in style:
            total = total @ property_matrix(name, style[name], box[2:], units)
    x, y, z = origin(style.get("transform-origin", "0 0"), box[2:], units)
    x, y = x + box[0], y + box[1]
    total = _translation(x, y, z) @ total @ _translation(-x, -y, -z)
    matrix = total[:2, [0, 1, 3]]
    return matrix if np.isfinite(matrix).all() else IDENTITY


def property_matrix(name: str, text: str, size: tuple[float, float], units: Units) -> np.ndarray:
    """Return the matrix `[4, 4]` of one of `PROPERTIES`."""
    nodes = values.components(text)
    if len(nodes) == 1 and nodes[0].type == "ident" and nodes[0].lower_value == "none":
        return np.eye(4)
    if not nodes:
        raise ValueError("no value")
    if name == "transform":
        matrix = np.eye(4)
        for node in nodes:
            if node.type != "function" or node.lower_name not in _FUNCTIONS:
                raise ValueError("not a transform")
            kinds, make = _FUNCTIONS[node.lower_name]
            matrix = matrix @ make(*_arguments(kinds, values.arguments(node), size, units))
        return matrix
    if name == "rotate":
        return _rotation(nodes, units)
    if name == "scale":
        return _scaling(*_arguments("ss?s?", nodes, size, units))
    return _translation(*_arguments("xy?z?", nodes, size, units))


def origin(text: str, size: tuple[float, float], units: Units) -> tuple[float, float, float]:
    """Return the point that `transform-origin` names, relative to the corner of a box."""
    return place(values.components(text), size, units)


def place(
    said: Sequence[Node], size: tuple[float, float], units: Units
) -> tuple[float, float, float]:
    """Return the point that CSS position keywords and lengths specify, from the corner of a box."""
    first, *others = said or (None,)
    if first is None or len(others) > 2:
        raise ValueError("expected one to three lengths")
    z = values.as_length(others.pop(), None, units) if len(others) == 2 else 0.0
    words = [_word(node) for node in (first, *others)]
    nodes = [first, *others]
    if len(nodes) == 1:
        nodes = [None, first] if words[0] in ("top", "bottom") else [first, None]
    elif words[0] in ("top", "bottom") or words[1] in ("left", "right"):
        if not (words[0] in _VERTICAL and words[1] in _HORIZONTAL):
            raise ValueError("expected a horizontal position and a vertical position")
        nodes.reverse()
    x = _place(nodes[0], _HORIZONTAL, size[0], units)
    return x, _place(nodes[1], _VERTICAL, size[1], units), z


def _word(node: Node) -> str:
    return node.lower_value if node.type == "ident" else ""


def _place(node: Node | None, words: Mapping[str, float], whole: float, units: Units) -> float:
    if node is None:
        return whole / 2
    if node.type == "ident":
        if node.lower_value not in words:
            raise ValueError("not a place")
        return words[node.lower_value] * whole
    return values.as_length(node, whole, units)


@lru_cache(maxsize=1024)
def from_attribute(text: str) -> str:
    """Convert the attribute `transform`, which has its own grammar, to a CSS property value."""
    matrix, at = np.eye(4), 0
    text = text[: values.MAX_VALUE].rstrip()
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if match is None:
            raise ValueError("not a transform")
        matrix = matrix @ _attribute_function(match[1], _numbers(match[2]))
        at = match.end()
    if not np.isfinite(matrix).all():
        raise ValueError("not finite")
    return f"matrix({','.join(map(repr, matrix[:2, [0, 1, 3]].T.ravel().tolist()))})"


def _numbers(text: str) -> list[float]:
    numbers, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _NUMBER.match(text, at)
        if match is None:
            raise ValueError("not a number")
        numbers.append(float(match[1]))
        at = match.end()
    return numbers


def _attribute_function(name: str, numbers: Sequence[float]) -> np.ndarray:
    makers: dict[tuple[str, int], Callable[..., np.ndarray]] = {
        ("matrix", 6): _matrix,
        ("translate", 1): _translation,
        ("translate", 2): _translation,
        ("scale", 1): _scaling,
        ("scale", 2): _scaling,
        ("rotate", 1): _turn,
        ("rotate", 3): _turn_about,
        ("skewX", 1): _skew,
        ("skewY", 1): lambda angle: _skew(0.0, angle),
    }
    if (name, len(numbers)) not in makers:
        raise ValueError("not a transform")
    return makers[name, len(numbers)](*numbers)


def _arguments(
    kinds: str, nodes: Sequence[Node], size: tuple[float, float], units: Units
) -> list[float]:
    """Parse arguments.

    Each letter in `kinds` stands for one argument: a length (x, y or z, the axis), a number (n), a
    factor (s) or an angle (a). The number of `?` in `kinds` is the number of arguments at the end
    that are optional.
    """
    letters = kinds.replace("?", "")
    if not len(letters) - kinds.count("?") <= len(nodes) <= len(letters):
        raise ValueError("too few or too many values")
    result = []
    for kind, node in zip(letters, nodes, strict=False):
        if kind == "a":
            result.append(values.as_angle(node, units))
        elif kind in "ns":
            result.append(values.as_number(node, units, percentage=kind == "s"))
        else:
            whole = {"x": size[0], "y": size[1], "z": None}[kind]
            result.append(values.as_length(node, whole, units))
    return result


def _rotation(nodes: Sequence[Node], units: Units) -> np.ndarray:
    """Return the matrix of the property `rotate`: an angle, with an axis before or after it."""
    if len(nodes) == 1:
        return _turn(values.as_angle(nodes[0], units))
    axes = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
    for angle, axis in ((nodes[-1], nodes[:-1]), (nodes[0], nodes[1:])):
        if len(axis) == 1 and _word(axis[0]) in axes:
            return _turn_in_space(*axes[_word(axis[0])], values.as_angle(angle, units))
        if len(axis) == 3 and angle.type != "number":
            x, y, z = (values.as_number(node, units) for node in axis)
            return _turn_in_space(x, y, z, values.as_angle(angle, units))
    raise ValueError("not a rotation")


def _translation(x: float, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def _scaling(x: float, y: float | None = None, z: float = 1.0) -> np.ndarray:
    return np.diag([x, x if y is None else y, z, 1.0])


def _matrix(a: float, b: float, c: float, d: float, e: float, f: float) -> np.ndarray:
    return np.array([[a, c, 0, e], [b, d, 0, f], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def _turn(angle: float) -> np.ndarray:
    return _turn_in_space(0.0, 0.0, 1.0, angle)


def _turn_about(angle: float, x: float, y: float) -> np.ndarray:
    return _translation(x, y) @ _turn(angle) @ _translation(-x, -y)


def _turn_in_space(x: float, y: float, z: float, angle: float) -> np.ndarray:
    """Return a rotation about an axis (Rodrigues' formula)."""
    matrix = np.eye(4)
    norm = math.hypot(x, y, z)
    if norm == 0:
        return matrix
    x, y, z = x / norm, y / norm, z / norm
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = math.radians(math.fmod(angle, 360))
    matrix[:3, :3] += math.sin(turn) * cross + (1 - math.cos(turn)) * cross @ cross
    return matrix


def _skew(x: float, y: float = 0.0) -> np.ndarray:
    matrix = np.eye(4)
    matrix[0, 1], matrix[1, 0] = math.tan(math.radians(x)), math.tan(math.radians(y))
    return matrix


def _perspective(depth: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[3, 2] = -1 / max(depth, 1.0)
    return matrix


_FUNCTIONS: dict[str, tuple[str, Callable[..., np.ndarray]]] = {
    "matrix": ("nnnnnn", _matrix),
    "matrix3d": ("n" * 16, lambda *numbers: np.array(numbers).reshape(4, 4).T),
    "translate": ("xy?", _translation),
    "translatex": ("x", _translation),
    "translatey": ("y", lambda y: _translation(0.0, y)),
    "translatez": ("z", lambda z: _translation(0.0, 0.0, z)),
    "translate3d": ("xyz", _translation),
    "scale": ("ss?", _scaling),
    "scalex": ("s", lambda x: _scaling(x, 1.0)),
    "scaley": ("s", lambda y: _scaling(1.0, y)),
    "scalez": ("s", lambda z: _scaling(1.0, 1.0, z)),
    "scale3d": ("sss", _scaling),
    "rotate": ("a", _turn),
    "rotatez": ("a", _turn),
    "rotatex": ("a", lambda angle: _turn_in_space(1.0, 0.0, 0.0, angle)),
    "rotatey": ("a", lambda angle: _turn_in_space(0.0, 1.0, 0.0, angle)),
    "rotate3d": ("nnna", _turn_in_space),
    "skew": ("aa?", _skew),
    "skewx": ("a", _skew),
    "skewy": ("a", lambda angle: _skew(0.0, angle)),
    "perspective": ("z", _perspective),
}
