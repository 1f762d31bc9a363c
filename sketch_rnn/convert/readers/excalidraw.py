"""Read scenes from Excalidraw: `.excalidraw` files, libraries, and clipboard contents.

https://docs.excalidraw.com/docs/codebase/json-schema: an element is placed at x, y; its `points`
are relative to this place; the element is rotated by `angle` around the center of its box.
"""

import math
from typing import Any

import numpy as np

from sketch_rnn.convert.readers.chunks import Drawing
from sketch_rnn.convert.readers.scenes import Canvas, elements, number, placing_matrix
from sketch_rnn.convert.readers.strokes import numbers
from sketch_rnn.svg.transforms import compose

LINEAR = ("freedraw", "line", "arrow", "draw")
BOXES = ("rectangle", "diamond", "ellipse")
_HEAD, _HEAD_ANGLE = 30, math.radians(20)  # arrowhead: length, angle to the line


def is_scene(value: dict[str, Any]) -> bool:
    """Return whether a JSON object is an Excalidraw drawing."""
    inner = value.get("elements")
    if not isinstance(inner, list):
        return False
    return str(value.get("type")).startswith("excalidraw") or any(map(is_element, inner))


def is_element(value: Any) -> bool:
    """Return whether an object is an element of a scene."""
    return (
        isinstance(value, dict)
        and value.get("type") in (*LINEAR, *BOXES, "text", "image", "frame")
        and "x" in value
        and ("points" in value or "strokeColor" in value)
    )


def scenes_in_library(value: dict[str, Any]) -> list[Any]:
    """Return the scenes in a library; an empty list if the object is not a library."""
    items = value.get("libraryItems", value.get("library"))
    if value.get("type") != "excalidrawlib" or not isinstance(items, list):
        return []
    inner = [item.get("elements") if isinstance(item, dict) else item for item in items]
    return [{"type": "excalidraw", "elements": item} for item in inner]


def read(scene: dict[str, Any]) -> Drawing:
    """Return the drawing in a scene; raise UserError if it is invalid or has no lines."""
    canvas = Canvas()
    for element in elements(scene.get("elements")):
        kind = element.get("type")
        if element.get("isDeleted") or element.get("strokeColor") == "transparent":
            continue
        if kind in LINEAR:
            _draw_linear(canvas, element)
        elif kind in BOXES:
            _draw_box(canvas, element, str(kind))
        elif kind != "selection":
            canvas.left_out[str(kind)[:20]] += 1
    return canvas.drawing()


def _draw_linear(canvas: Canvas, element: dict[str, Any]) -> None:
    points = numbers(element.get("points") or [[0, 0]])
    if points.ndim != 2 or points.shape[1] < 2:
        points = np.zeros((0, 2))
    points = points[:, :2]
    if not len(points):
        return
    low, high = points.min(axis=0), points.max(axis=0)
    matrix = _matrix(element, (low + high) / 2)
    is_round = element.get("roundness") is not None or element.get("strokeSharpness") == "round"
    is_curved = is_round and element["type"] in ("line", "arrow") and len(points) > 2
    if is_curved and not element.get("elbowed"):
        canvas.path(_smooth_path(points), matrix)
    else:
        canvas.line(points, matrix)
    for end, before, name in ((0, 1, "startArrowhead"), (-1, -2, "endArrowhead")):
        if element["type"] == "arrow" and element.get(name) and len(points) > 1:
            canvas.line(_arrowhead(points[before], points[end]), matrix)


def _smooth_path(points: np.ndarray) -> str:
    """Return a Catmull-Rom curve through points `[n, 2]`, as path data."""
    around = np.concatenate([points[:1], points, points[-1:]])
    first = points[:-1] + (around[2:-1] - around[:-3]) / 6
    second = points[1:] - (around[3:] - around[1:-2]) / 6
    data = [f"M{points[0][0]} {points[0][1]}"]
    for controls in np.concatenate([first, second, points[1:]], axis=1):
        data.append("C" + " ".join(map(str, controls)))
    return "".join(data)


def _arrowhead(before: np.ndarray, tip: np.ndarray) -> np.ndarray:
    """Return the line `[3, 2]` of an arrowhead."""
    back = before - tip
    length = float(np.hypot(*back))
    back = back * (min(_HEAD, length / 2) / max(length, 1e-9))
    turns = [placing_matrix(0, 0, angle)[:, :2] for angle in (_HEAD_ANGLE, -_HEAD_ANGLE)]
    return np.array([tip + turns[0] @ back, tip, tip + turns[1] @ back])


def _draw_box(canvas: Canvas, element: dict[str, Any], kind: str) -> None:
    width, height = number(element.get("width")), number(element.get("height"))
    middle = np.array([width / 2, height / 2])
    matrix = _matrix(element, middle)
    if kind == "ellipse":
        canvas.ellipse(width / 2, height / 2, compose(matrix, placing_matrix(*middle)))
        return
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    if kind == "diamond":
        corners = [(width / 2, 0), (width, height / 2), (width / 2, height), (0, height / 2)]
    canvas.line(corners, matrix, closed=True)


def _matrix(element: dict[str, Any], middle: np.ndarray) -> np.ndarray:
    """Return the matrix of an element, rotated around `middle` in its own coordinates."""
    x, y = number(element.get("x")), number(element.get("y"))
    turned = placing_matrix(x + middle[0], y + middle[1], number(element.get("angle")))
    return compose(turned, placing_matrix(-middle[0], -middle[1]))
