"""Read scenes from tldraw: `.tldr` files, snapshots of tldraw's store, clipboard contents.

A shape is a record with `props`, and with an x, a y and a rotation relative to its parent. A `draw`
shape stores its points in one of three ways. In `points`, they are objects, or base64 of 16-bit
floats x, y, z. In `path`, which current versions use, they are base64: the first point is three
32-bit floats, and the differences that follow are 16-bit floats.
"""

import base64
import binascii
import math
from typing import Any

import numpy as np

from sketch_rnn.convert.readers.chunks import Drawing
from sketch_rnn.convert.readers.scenes import MAX_GROUPS, Canvas, elements, number, placing_matrix
from sketch_rnn.convert.readers.strokes import from_columns
from sketch_rnn.errors import UserError
from sketch_rnn.svg.transforms import IDENTITY, compose

Shape = dict[str, Any]
_CORNERS = {
    "rectangle": [(0, 0), (1, 0), (1, 1), (0, 1)],
    "diamond": [(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)],
    "triangle": [(0.5, 0), (1, 1), (0, 1)],
}
_GROUPS = ("group", "frame")


def is_scene(value: Any) -> bool:
    """Return whether a JSON value is a tldraw drawing."""
    return isinstance(value, dict) and _records(value) is not None


def _records(value: dict[str, Any]) -> list[Any] | None:
    """Return the records in a file, a snapshot or a clipboard; None if it is none of these."""
    document = value.get("document")
    inside = [value, document] if isinstance(document, dict) else [value]
    for part in inside:
        if isinstance(store := part.get("store"), dict):
            return list(store.values())
        if isinstance(records := part.get("records"), list) and "schema" in part:
            return records
        if isinstance(shapes := part.get("shapes"), list) and all(map(_is_shape, shapes)):
            return shapes
    return None


def _is_shape(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("props"), dict)


def read(scene: dict[str, Any]) -> Drawing:
    """Return all pages of a scene as one drawing; raise UserError if it is invalid or empty."""
    shapes = [shape for shape in elements(_records(scene)) if _is_shape(shape)]
    shapes = [shape for shape in shapes if shape.get("typeName", "shape") == "shape"]
    by_id = {shape["id"]: shape for shape in shapes if isinstance(shape.get("id"), str)}
    canvas = Canvas()
    for shape in sorted(shapes, key=lambda shape: str(shape.get("index", ""))):
        kind = str(shape.get("type"))[:20]
        matrix = _matrix(shape, by_id)
        if kind in ("draw", "highlight"):
            _draw_segments(canvas, shape["props"], matrix)
        elif kind in ("line", "arrow"):
            canvas.line(_corners_of(shape["props"]), matrix)
        elif kind == "geo" and _has_outline(shape["props"]):
            _draw_geo(canvas, shape["props"], matrix)
        elif kind not in _GROUPS:
            canvas.left_out[kind] += 1
    return canvas.drawing()


def _matrix(shape: Shape, by_id: dict[str, Shape]) -> np.ndarray:
    """Return the matrix of a shape, including the matrices of all groups that contain it."""
    matrix, depth = IDENTITY, 0
    inside: Shape | None = shape
    while inside is not None:
        x, y, angle = (number(inside.get(key)) for key in ("x", "y", "rotation"))
        matrix, depth = compose(placing_matrix(x, y, angle), matrix), depth + 1
        if depth > MAX_GROUPS:
            raise UserError(f"groups nested more than {MAX_GROUPS} levels deep")
        parent = inside.get("parentId")
        inside = by_id.get(parent) if isinstance(parent, str) else None
    return matrix


def _draw_segments(canvas: Canvas, props: dict[str, Any], matrix: np.ndarray) -> None:
    """Draw the segments of a pen line; each begins where the previous one ended."""
    parts = [_points(segment) for segment in elements(props.get("segments"))]
    line = np.concatenate([np.zeros((0, 2)), *parts])
    line = line * (number(props.get("scaleX"), 1), number(props.get("scaleY"), 1))
    if len(line):
        canvas.line(line, matrix, closed=props.get("isClosed") is True)


def _points(segment: dict[str, Any]) -> np.ndarray:
    """Return the points `[n, 2]` in a segment."""
    points = segment.get("points")
    if isinstance(points, list):
        items = elements(points)
        return from_columns([p.get("x") for p in items], [p.get("y") for p in items])
    width = 2 if segment.get("dim") == 2 else 3
    if isinstance(points, str):
        values = np.frombuffer(_bytes(points, 2), "<f2").astype(np.float64)
        return _rows(values, width)
    if not isinstance(path := segment.get("path"), str):
        raise UserError("a segment has no points")
    data = _bytes(path, 2)
    first = np.frombuffer(data[: 4 * width], "<f4") if len(data) >= 4 * width else np.zeros(0)
    steps = np.frombuffer(data[4 * width :], "<f2")
    return np.cumsum(_rows(np.concatenate([first, steps]).astype(np.float64), width), axis=0)


def _bytes(text: str, size: int) -> bytes:
    """Decode base64 and drop bytes beyond the last whole number of `size` bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UserError("a segment's points are not base64") from None
    return data[: len(data) // size * size]


def _rows(values: np.ndarray, width: int) -> np.ndarray:
    return values[: len(values) // width * width].reshape(-1, width)[:, :2]


def _corners_of(props: dict[str, Any]) -> np.ndarray:
    """Return the points `[n, 2]` of a line or an arrow, in order."""
    points = props.get("points", props.get("handles"))
    if isinstance(points, dict):
        points = sorted(elements(list(points.values())), key=lambda p: str(p.get("index", "")))
    elif points is None:
        points = [props.get("start"), props.get("end")]
    items = elements(points)
    return from_columns([p.get("x") for p in items], [p.get("y") for p in items])


def _has_outline(props: dict[str, Any]) -> bool:
    return props.get("geo") in (*_CORNERS, "ellipse", "oval")


def _draw_geo(canvas: Canvas, props: dict[str, Any], matrix: np.ndarray) -> None:
    width = number(props.get("w"))
    height = number(props.get("h")) + number(props.get("growY"))
    kind = props["geo"]
    if kind in _CORNERS:
        canvas.line(np.array(_CORNERS[kind]) * (width, height), matrix, closed=True)
    else:
        middle = compose(matrix, placing_matrix(width / 2, height / 2))
        canvas.ellipse(math.fabs(width) / 2, math.fabs(height) / 2, middle)
