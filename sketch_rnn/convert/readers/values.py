"""Read drawings from JSON values in the many formats that programs write.

A value is one of
- a record: an object with its strokes under one of the keys `STROKES`, possibly as JSON in a text;
- strokes: lists of numbers (see `strokes`), lists of points {"x": ..., "y": ...} (signature_pad 1
  and 2, p5), objects {"x": [...], "y": [...]} (jSignature, Hugging Face), or objects with "points"
  (signature_pad 3 and later) or "paths" (react-sketch-canvas), without strokes of an eraser;
- a single stroke;
- {"x": [[...], ...], "y": [[...], ...]}: all strokes as columns of a table;
- rows of a sketch: stroke-3 [dx, dy, pen_lifted], stroke-5, or ml5's {"dx", "dy", "pen"};
- a scene from Excalidraw, tldraw or fabric.js (see the modules of those names).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from sketch_rnn.convert.readers import excalidraw, fabric, tldraw
from sketch_rnn.convert.readers.chunks import Drawing
from sketch_rnn.convert.readers.strokes import Arrangement, from_columns, line_of, numbers
from sketch_rnn.errors import UserError

STROKES = ("drawing", "strokes", "lines", "paths", "points", "data")  # keys in a record
_STARTS = ("start", "begin", "down", "moveto")  # in a "type", words that say that a line begins


@dataclass(frozen=True)
class Strokes:
    """The strokes of one drawing.

    strokes: each a line `[n, 2]`, or a list of lists whose layout (columns or points) depends on
    the whole file.
    recognized: whether Quick, Draw! recognized the drawing. left_out: descriptions of parts that
    are left out.
    """

    strokes: list[Any]
    recognized: bool = True
    left_out: tuple[str, ...] = ()

    @property
    def unsure(self) -> list[list[Any]]:
        """The strokes whose layout (columns or points) depends on the whole file."""
        return [stroke for stroke in self.strokes if isinstance(stroke, list)]

    def drawing(self, arrangement: Arrangement | None) -> Drawing:
        """Return the drawing, read in the given layout; raise UserError for invalid strokes."""
        lines = [
            stroke if isinstance(stroke, np.ndarray) else line_of(stroke, arrangement)
            for stroke in self.strokes
        ]
        return Drawing(lines, self.recognized, self.left_out)


@dataclass(frozen=True)
class Scene:
    """A scene from a drawing program, and the function that reads it."""

    value: Any
    read: Callable[[Any], Drawing]


Found = Strokes | Scene | np.ndarray  # an array is a sketch, stroke-3 [n, 3] or stroke-5 [n, 5]


def parse(text: str | bytes) -> Any:
    """Return the value of a JSON text; raise UserError if it is not valid JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UserError("not valid JSON") from None


def split(value: Any) -> list[Any]:
    """Split a file's value into one value per drawing."""
    if isinstance(value, dict):
        if isinstance(many := value.get("drawings"), list):
            return many
        return excalidraw.of_library(value) or [value]
    if not isinstance(value, list) or not value:
        raise UserError("no drawings in this JSON")
    return value if _are_many(value) else [value]


def drawing_in(value: Any) -> Found:
    """Return the drawing in a value; raise UserError if there is none."""
    if isinstance(value, str):
        value = parse(value)
    if isinstance(value, dict):
        return _from_object(value)
    if isinstance(value, list):
        return _from_list(value)
    raise UserError(_expected())


def _expected(value: Any = None) -> str:
    expected = 'expected an object with strokes, under "drawing" or another known key'
    keys = ", ".join(map(repr, value))[:100] if isinstance(value, dict) else ""
    return f"{expected}; it has {keys}" if keys else expected


def _from_object(value: dict[str, Any]) -> Found:
    for program in (excalidraw, tldraw, fabric):
        if program.is_scene(value):
            return Scene(value, program.read)
    if _is_stroke(value) and not _holds_strokes(value):
        return _from_list([value])
    key = next((key for key in STROKES if isinstance(value.get(key), list | str | dict)), None)
    if key is None:
        if isinstance(value.get("x"), list) and isinstance(value.get("y"), list):
            return _from_columns(value["x"], value["y"])
        raise UserError(_expected(value))
    inner = value[key]
    inner = parse(inner) if isinstance(inner, str) else inner
    if isinstance(inner, dict):
        inner = _from_object(inner)
    elif isinstance(inner, list):
        inner = _from_list(inner)
    else:
        raise UserError(_expected(value))
    if isinstance(inner, Strokes):
        recognized = value.get("recognized", True) not in (False, "False", "false")
        return Strokes(inner.strokes, recognized and inner.recognized, inner.left_out)
    return inner


def _from_columns(x: list[Any], y: list[Any]) -> Strokes:
    """Return one stroke, or all strokes, from columns of a table."""
    if x and isinstance(x[0], list):
        if len(x) != len(y):
            raise UserError("x and y hold different numbers of strokes")
        return Strokes([from_columns(*xy) for xy in zip(x, y, strict=True)])
    return Strokes([from_columns(x, y)])


def _from_list(value: list[Any]) -> Found:
    """Return the drawing in a list of rows, points or strokes."""
    first = _first(value)
    if isinstance(first, dict) and "dx" in first:
        return _from_ml5(value)
    if isinstance(first, dict) and _is_point(first):
        return Strokes(_lines_of_points(value))
    if isinstance(first, list) and _is_number(_first(first)):
        if are_rows([value]):
            return numbers(value)
        return Strokes([value])
    if isinstance(first, dict) and excalidraw.is_element(first):
        return Scene({"type": "excalidraw", "elements": value}, excalidraw.read)
    drawn = [stroke for stroke in value if stroke is not None and not _erases(stroke)]
    erased = sum(map(_erases, value))
    said = (f"{erased} eraser stroke{'s' * (erased > 1)} left out",) if erased else ()
    return Strokes(list(chain.from_iterable(map(_from_stroke, drawn))), left_out=said)


def _from_stroke(stroke: Any) -> list[Any]:
    """Return the lines of a stroke in any format, or the stroke itself if its layout is unknown."""
    if isinstance(stroke, dict):
        if isinstance(stroke.get("x"), list):
            return [from_columns(stroke["x"], stroke.get("y"))]
        if fabric.is_path(stroke):
            return fabric.read(stroke).lines
        key = next((key for key in ("points", "paths") if isinstance(stroke.get(key), list)), None)
        if key is None:
            raise UserError("a stroke has neither points nor x and y")
        lines = _from_stroke(stroke[key])
        if _is_number(stroke.get("x")) and _is_number(stroke.get("y")):
            raise UserError(
                "its strokes are moved by an x and y of their own, which is not supported; export "
                "the drawing as SVG"
            )
        return lines
    if not isinstance(stroke, list):
        raise UserError("a stroke is not a list")
    if isinstance(_first(stroke), dict):
        return _lines_of_points(stroke)
    if stroke and all(map(_is_number, stroke)):
        if len(stroke) % 2:
            raise UserError("a stroke has different numbers of x and y")
        return [from_columns(stroke[::2], stroke[1::2])]
    return [stroke]


def _lines_of_points(points: list[Any]) -> list[np.ndarray]:
    """Split points {"x", "y"} into lines, at each None and at points that begin a line."""
    lines: list[list[dict[str, Any]]] = [[]]
    for point in points:
        if point is None:
            lines.append([])
            continue
        if not isinstance(point, dict) or "x" not in point or "y" not in point:
            raise UserError("a point lacks x or y")
        if lines[-1] and _starts_line(point, lines[-1][-1]):
            lines.append([])
        lines[-1].append(point)
    return [from_columns([p["x"] for p in line], [p["y"] for p in line]) for line in lines if line]


def _starts_line(point: dict[str, Any], before: dict[str, Any]) -> bool:
    """Return whether a point's properties say that it begins a new line."""
    if any(point.get(key) is False for key in ("dragging", "drag")):
        return True
    if any(point.get(key) != before.get(key) for key in ("stroke", "strokeId", "stroke_id")):
        return True
    kind = point.get("type", point.get("event"))
    return isinstance(kind, str) and any(word in kind.lower() for word in _STARTS)


def _from_ml5(rows: list[Any]) -> np.ndarray:
    """Return ml5's rows as stroke-3: the pen is lifted after a row whose pen is "up" or "end"."""
    sketch = []
    for row in rows:
        if not isinstance(row, dict) or row.get("pen") not in ("down", "up", "end"):
            raise UserError('a row is not {"dx", "dy", "pen": "down", "up" or "end"}')
        sketch.append([row.get("dx"), row.get("dy"), int(row["pen"] != "down")])
        if row["pen"] == "end":
            break
    return numbers(sketch)


def are_rows(sketches: Sequence[Any]) -> bool:
    """Return whether lists of rows are sketches: stroke-5, or stroke-3 with pen states -1, 0, 1."""
    try:
        arrays = [np.array(sketch) for sketch in sketches if len(sketch)]
    except (ValueError, TypeError, OverflowError):
        return False
    if not arrays or any(a.ndim != 2 or a.dtype.kind not in "iuf" for a in arrays):
        return False
    widths = {array.shape[1] for array in arrays}
    if widths == {5}:
        return all(np.isin(a[:, 2:], (0, 1)).all() and (a[:, 2:].sum(1) == 1).all() for a in arrays)
    if widths != {3}:
        return False
    pens = np.concatenate([array[:, 2] for array in arrays])
    return bool(np.isin(pens, (-1, 0, 1)).all() and (pens != 0).any())


def _are_many(value: list[Any]) -> bool:
    """Return whether a list holds several drawings, not the parts of one drawing."""
    first = _first(value)
    if isinstance(first, str):
        return True
    if isinstance(first, dict):
        is_part = _is_point(first) or "dx" in first or excalidraw.is_element(first)
        return not is_part and not (_is_stroke(first) and not _holds_strokes(first))
    second = _first(first)
    if isinstance(second, dict):
        return not _is_point(second)
    if isinstance(second, list):
        return not _is_number(_first(second)) or are_rows(value)
    return False


def _is_stroke(value: dict[str, Any]) -> bool:
    """Return whether an object may be a single stroke."""
    if fabric.is_path(value) or isinstance(value.get("points"), list):
        return True
    columns = value.get("x"), value.get("y")
    if all(isinstance(column, list) for column in columns):
        return not isinstance(_first(columns[0]), list)
    return isinstance(value.get("paths"), list)


def _holds_strokes(value: dict[str, Any]) -> bool:
    """Return whether an object holds strokes, and so is not a stroke itself."""
    inner = value.get("points", value.get("paths"))
    if any(key in value for key in ("drawing", "strokes", "lines")):
        return True
    first = _first(inner)
    if isinstance(first, dict):
        return not _is_point(first)
    return isinstance(first, list) and not _is_number(_first(first))


def _erases(stroke: Any) -> bool:
    """Return whether a stroke was made with an eraser."""
    return isinstance(stroke, dict) and (
        stroke.get("drawMode") is False or stroke.get("compositeOperation") == "destination-out"
    )


def _is_point(value: dict[str, Any]) -> bool:
    return _is_number(value.get("x")) and _is_number(value.get("y")) and not _has_list(value)


def _has_list(value: dict[str, Any]) -> bool:
    return any(isinstance(item, list) for item in value.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _first(value: Any) -> Any:
    """Return the first item of a list that is neither None nor an empty list; else None."""
    if not isinstance(value, list):
        return None
    return next((item for item in value if item is not None and item != []), None)
