"""Read scenes from fabric.js, as `canvas.toJSON()` writes them.

http://fabricjs.com: an object's `left` and `top` are the position of its origin in its parent. A
path, polyline or polygon has its own coordinates; the center of their box is the object's center.
The coordinates of other shapes are centered at (0, 0). Scaling, flips, skews and the angle (in
degrees) are around the center; the box includes the width of the stroke.
"""

import math
from typing import Any

import numpy as np

from sketch_rnn.convert.readers.chunks import Drawing
from sketch_rnn.convert.readers.scenes import MAX_GROUPS, Canvas, elements, number, placing_matrix
from sketch_rnn.convert.readers.strokes import from_columns, numbers
from sketch_rnn.errors import UserError
from sketch_rnn.svg import shapes
from sketch_rnn.svg.transforms import IDENTITY, compose

_SHARES = {"left": 0.0, "center": 0.5, "right": 1.0, "top": 0.0, "bottom": 1.0}
_ARGUMENTS = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0, "H": 1, "V": 1, "T": 2, "S": 4, "A": 7}


def is_scene(value: dict[str, Any]) -> bool:
    """Return whether a JSON object is a Fabric.js drawing: a scene, or a single path."""
    return isinstance(value.get("objects"), list) or is_path(value)


def is_path(value: dict[str, Any]) -> bool:
    """Return whether an object is a path whose commands are lists."""
    path = value.get("path")
    return isinstance(path, list) and bool(path) and isinstance(path[0], list)


def read(scene: dict[str, Any]) -> Drawing:
    """Return the drawing in a scene; raise UserError if it is invalid or has no lines."""
    canvas = Canvas()
    _draw_all(canvas, [scene] if is_path(scene) else scene["objects"], IDENTITY, 0)
    return canvas.drawing()


def _draw_all(canvas: Canvas, objects: Any, matrix: np.ndarray, depth: int) -> None:
    if depth > MAX_GROUPS:
        raise UserError(f"groups nested more than {MAX_GROUPS} levels deep")
    for item in elements(objects):
        kind = str(item.get("type", "path")).lower()[:20]
        if item.get("visible") is False:
            continue
        if item.get("globalCompositeOperation") == "destination-out":
            canvas.left_out["eraser stroke"] += 1
        elif kind in ("group", "activeselection"):
            inner = compose(matrix, _matrix(item, np.zeros(2)))
            _draw_all(canvas, item.get("objects"), inner, depth + 1)
        elif kind not in _SHAPES:
            canvas.left_out[kind] += 1
        elif "stroke" in item and item["stroke"] in (None, "", "transparent"):
            canvas.left_out["filled shape"] += 1
        else:
            _SHAPES[kind](canvas, item, matrix)


def _draw_path(canvas: Canvas, item: dict[str, Any], matrix: np.ndarray) -> None:
    commands = item.get("path")
    if isinstance(commands, str):
        raise UserError("a path is stored in another file")
    data, own = [], Canvas()
    for command in commands if isinstance(commands, list) else []:
        letter = command[0] if isinstance(command, list) and command else None
        if not isinstance(letter, str) or letter.upper() not in _ARGUMENTS:
            raise UserError("a path's command is not [letter, number, ...]")
        values = [number(value) for value in command[1:]]
        if len(values) != _ARGUMENTS[letter.upper()]:
            raise UserError("a path's command has the wrong number of values")
        data.append(letter + " ".join(map(repr, values)))
    own.path("".join(data))
    if own.pieces:
        matrix = compose(
            matrix, _matrix(item, _middle([shapes.flatten(curve, 0.1) for curve in own.pieces]))
        )
        canvas.path("".join(data), matrix)


def _draw_points(canvas: Canvas, item: dict[str, Any], matrix: np.ndarray) -> None:
    points = elements(item.get("points"))
    line = from_columns([p.get("x") for p in points], [p.get("y") for p in points])
    if len(line):
        closed = str(item["type"]).lower() == "polygon"
        canvas.line(line, compose(matrix, _matrix(item, _middle([line]))), closed)


def _draw_line(canvas: Canvas, item: dict[str, Any], matrix: np.ndarray) -> None:
    ends = numbers([[item.get("x1", 0), item.get("y1", 0)], [item.get("x2", 0), item.get("y2", 0)]])
    canvas.line(ends, compose(matrix, _matrix(item, _middle([ends]))))


def _draw_box(canvas: Canvas, item: dict[str, Any], matrix: np.ndarray) -> None:
    x, y = number(item.get("width")) / 2, number(item.get("height")) / 2
    corners = [(-x, -y), (x, -y), (x, y), (-x, y)]
    if str(item["type"]).lower() == "triangle":
        corners = [(0, -y), (x, y), (-x, y)]
    canvas.line(corners, compose(matrix, _matrix(item, np.zeros(2))), closed=True)


def _draw_round(canvas: Canvas, item: dict[str, Any], matrix: np.ndarray) -> None:
    rx = number(item.get("rx", item.get("radius")))
    ry = number(item.get("ry", item.get("radius")))
    canvas.ellipse(rx, ry, compose(matrix, _matrix(item, np.zeros(2))))


_SHAPES = {
    "path": _draw_path,
    "polyline": _draw_points,
    "polygon": _draw_points,
    "line": _draw_line,
    "rect": _draw_box,
    "triangle": _draw_box,
    "circle": _draw_round,
    "ellipse": _draw_round,
}


def _middle(lines: list[np.ndarray]) -> np.ndarray:
    """Return the center `[2]` of the box around lines."""
    points = np.concatenate([line.reshape(-1, 2) for line in lines])
    return (points.min(axis=0) + points.max(axis=0)) / 2


def _matrix(item: dict[str, Any], middle: np.ndarray) -> np.ndarray:
    """Return the matrix from an object's coordinates to its parent's coordinates.

    `middle` is the center of the object's bounding box.
    """
    if "left" not in item and "top" not in item:
        return IDENTITY
    scale = np.array([number(item.get("scaleX"), 1), number(item.get("scaleY"), 1)])
    angle = math.radians(number(item.get("angle")))
    stroke = number(item.get("strokeWidth"), 0)
    size = np.array([number(item.get("width")), number(item.get("height"))])
    wide = stroke if item.get("strokeUniform") else stroke * scale
    origin = [
        _SHARES.get(str(item.get(name)), default)
        for name, default in (("originX", 0.0), ("originY", 0.0))
    ]
    to_middle = placing_matrix(0, 0, angle)[:, :2] @ (
        (0.5 - np.array(origin)) * (size * scale + wide)
    )
    flip = np.array([-1 if item.get(name) is True else 1 for name in ("flipX", "flipY")])
    x, y = np.array([number(item.get("left")), number(item.get("top"))]) + to_middle
    skew = np.array([[1, math.tan(math.radians(number(item.get("skewX")))), 0], [0, 1, 0]])
    turned = compose(placing_matrix(x, y, angle, scale * flip), skew)
    return compose(turned, placing_matrix(-middle[0], -middle[1]))
