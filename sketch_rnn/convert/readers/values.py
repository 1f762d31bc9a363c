"""Read drawings from JSON values in the many formats that programs write.

A value has one of these formats:
- A record is an object that holds its strokes under one of the keys `STROKES`, possibly as a string
  of JSON. If it has none of these keys, but exactly one value that is a drawing, that drawing is
  read.
- A list of strokes; the formats of a stroke are listed below.
- A single stroke.
- All strokes as columns of a table: {"x": [[...], ...], "y": [[...], ...]}.
- A list of a sketch's rows: stroke-3 [dx, dy, pen_lifted], stroke-5, or ml5's {"dx", "dy", "pen"}.
- A scene from Excalidraw, tldraw or fabric.js (see the modules with these names).

A stroke has one of these formats; strokes that an eraser drew are left out:
- lists of numbers (see `strokes`)
- a list of points {"x": ..., "y": ...} (signature_pad 1 and 2, p5; see `points`)
- an object {"x": [...], "y": [...]} (jSignature, Hugging Face)
- an object with "points" (signature_pad 3 and later) or "paths" (react-sketch-canvas)
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sketch_rnn.convert.readers import excalidraw, fabric, tldraw
from sketch_rnn.convert.readers.chunks import Drawing
from sketch_rnn.convert.readers.points import Lines, is_number, is_point, lines_of, plain
from sketch_rnn.convert.readers.strokes import Arrangement, from_columns, line_of, numbers
from sketch_rnn.errors import UserError

# keys in a record, in any case
STROKES = ("drawing", "strokes", "lines", "paths", "points", "data")
_POINTS = ("points", "paths", "pts", "coords", "coordinates", "vertices")  # keys in a stroke
_SPACES = re.compile(r"\s*")


@dataclass(frozen=True)
class Strokes:
    """The strokes of one drawing.

    Attributes:
      strokes: each a line `[n, 2]`, or a list of lists whose layout (columns or points) depends on
        the whole file.
      recognized: whether Quick, Draw! recognized the drawing.
      left_out: descriptions of parts that are left out.
    """

    strokes: list[Any]
    recognized: bool = True
    left_out: tuple[str, ...] = ()

    @property
    def unsure(self) -> list[list[Any]]:
        """The strokes whose layout, columns or points, only the file as a whole can show."""
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
    """Parse a string as JSON; raise UserError if it is not valid JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UserError("not valid JSON") from None


def parse_several(content: bytes) -> list[Any]:
    """Return the JSON values that follow one another in a file; [] if it holds anything else."""
    try:
        text = content.decode("utf-8-sig").strip()
        values, place, decoder = [], 0, json.JSONDecoder()
        while place < len(text):
            value, end = decoder.raw_decode(text, place)
            values.append(value)
            place = _SPACES.match(text, end).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        return []
    return values


def _parse_text(text: str) -> Any:
    """Parse a string, from a field in another format, that holds JSON or Python lists and tuples.

    Raises:
      UserError: the string holds neither JSON nor Python lists and tuples.
    """
    try:
        return parse(text)
    except UserError:
        if text.startswith("image/jsignature;base30"):
            raise UserError('save its data with jSignature\'s getData("native")') from None
        return parse(text.replace("(", "[").replace(")", "]").replace(",]", "]"))


def split(value: Any) -> list[Any]:
    """Split a file's value into one value per drawing."""
    if isinstance(value, dict):
        if isinstance(many := value.get("drawings"), list):
            return many
        return excalidraw.scenes_in_library(value) or _from_entries(value) or [value]
    if not isinstance(value, list) or not value:
        raise UserError("no drawings in this JSON")
    return value if _are_many(value) else [value]


def _from_entries(value: dict[str, Any]) -> list[Any] | None:
    """Return the drawings that an object holds under arbitrary keys; None if it holds none."""
    if _is_known(value):
        return None
    inner = [item for item in value.values() if isinstance(item, list | dict) and item]
    if len(inner) > 1 and all(map(_is_drawing, inner)):
        return inner
    lists = [item for item in inner if isinstance(item, list) and _are_many(item)]
    lists = [items for items in lists if any(map(_is_drawing, items))]
    return lists[0] if len(lists) == 1 else None


def _is_known(value: dict[str, Any]) -> bool:
    """Return whether an object is a scene, or has a key under which strokes are usually stored."""
    is_scene = any(program.is_scene(value) for program in (excalidraw, tldraw, fabric))
    keys = {plain(key) for key in value}
    return is_scene or bool(keys & {*STROKES, *_POINTS}) or {"x", "y"} <= keys


def _is_drawing(value: Any) -> bool:
    try:
        drawing_in(value)
    except UserError:
        return False
    return True


def drawing_in(value: Any) -> Found:
    """Return the drawing that a JSON value holds; raise UserError if it holds none."""
    if isinstance(value, str):
        value = _parse_text(value)
    try:
        if isinstance(value, dict):
            return _from_object(value)
        if isinstance(value, list):
            return _from_list(value)
    except RecursionError:
        raise UserError("its values are nested too deeply") from None
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
    keyed = {plain(key): item for key, item in value.items()}
    key = next((key for key in STROKES if isinstance(keyed.get(key), list | str | dict)), None)
    if key is None:
        if isinstance(keyed.get("x"), list) and isinstance(keyed.get("y"), list):
            return _from_columns(keyed["x"], keyed["y"])
        return _from_unknown_key(value)
    inner = keyed[key]
    inner = _parse_text(inner) if isinstance(inner, str) else inner
    if isinstance(inner, dict):
        inner = _from_object(inner)
    elif isinstance(inner, list):
        inner = _from_list(inner)
    else:
        raise UserError(_expected(value))
    if isinstance(inner, Strokes):
        recognized = keyed.get("recognized", True) not in (False, "False", "false")
        return Strokes(inner.strokes, recognized and inner.recognized, inner.left_out)
    return inner


def _from_unknown_key(value: dict[str, Any]) -> Found:
    """Return the drawing that an object holds under any key; raise UserError if it holds none."""
    drawings: list[Found] = []
    for item in value.values():
        if isinstance(item, list) or (isinstance(item, dict) and _is_known(item)):
            try:
                drawings.append(drawing_in(item))
            except UserError:
                continue
    if len(drawings) != 1:
        raise UserError(_expected(value))
    return drawings[0]


def _from_columns(x: list[Any], y: list[Any]) -> Strokes:
    """Return one stroke, or all strokes, from columns of a table."""
    if x and isinstance(x[0], list):
        if len(x) != len(y):
            raise UserError("x and y hold different numbers of strokes")
        return Strokes([from_columns(*xy) for xy in zip(x, y, strict=True)])
    return Strokes([from_columns(x, y)])


def _from_list(value: list[Any]) -> Found:
    """Return the drawing that a list holds; the list's items are rows, points or strokes."""
    first = _first(value)
    if isinstance(first, dict) and "dx" in first:
        return _from_ml5(value)
    if isinstance(first, dict) and is_point(first):
        points = lines_of(value)
        return Strokes([*points.lines], left_out=points.left_out)
    if isinstance(first, list) and is_number(_first(first)):
        if are_rows([value]):
            return numbers(value)
        return Strokes([value])
    if isinstance(first, dict) and excalidraw.is_element(first):
        return Scene({"type": "excalidraw", "elements": value}, excalidraw.read)
    drawn = [stroke for stroke in value if stroke is not None and not _erases(stroke)]
    erased = sum(map(_erases, value))
    said = [f"{erased} eraser stroke{'s' * (erased > 1)} left out"] if erased else []
    strokes: list[Any] = []
    for stroke in drawn:
        lines, more = _from_stroke(stroke)
        strokes += lines
        said += more
    return Strokes(strokes, left_out=tuple(dict.fromkeys(said)))


def _from_stroke(stroke: Any) -> tuple[list[Any], tuple[str, ...]]:
    """Return the pen lines in a stroke of any known format, and descriptions of what is left out.

    If the layout of a stroke is not known yet, the stroke itself is returned instead of its lines.
    """
    if isinstance(stroke, dict):
        keyed = {plain(key): item for key, item in stroke.items()}
        if isinstance(keyed.get("x"), list):
            return Lines([from_columns(keyed["x"], keyed.get("y"))])
        if fabric.is_path(stroke):
            return Lines(fabric.read(stroke).lines)
        key = next((key for key in _POINTS if isinstance(keyed.get(key), list)), None)
        if key is None:
            raise UserError("a stroke has neither points nor x and y")
        if is_number(keyed.get("x")) and is_number(keyed.get("y")):
            raise UserError(
                "its strokes have their own x and y besides their points, which is not supported; "
                "export the drawing as SVG"
            )
        return _from_stroke(keyed[key])
    if not isinstance(stroke, list):
        raise UserError("a stroke is not a list")
    if isinstance(_first(stroke), dict):
        return lines_of(stroke)
    if stroke and all(map(is_number, stroke)):
        if len(stroke) % 2:
            raise UserError("a stroke does not have as many x values as y values")
        return Lines([from_columns(stroke[::2], stroke[1::2])])
    return [stroke], ()


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
        is_part = is_point(first) or "dx" in first or excalidraw.is_element(first)
        return not is_part and not (_is_stroke(first) and not _holds_strokes(first))
    second = _first(first)
    if isinstance(second, dict):
        return not is_point(second)
    if isinstance(second, list):
        return not is_number(_first(second)) or are_rows(value)
    return False


def _is_stroke(value: dict[str, Any]) -> bool:
    """Return whether an object may be a single stroke."""
    keyed = {plain(key): item for key, item in value.items()}
    if fabric.is_path(value) or any(isinstance(keyed.get(key), list) for key in _POINTS):
        return True
    columns = keyed.get("x"), keyed.get("y")
    if all(isinstance(column, list) for column in columns):
        return not isinstance(_first(columns[0]), list)
    return False


def _holds_strokes(value: dict[str, Any]) -> bool:
    """Return whether an object holds strokes, so that it is not a stroke itself."""
    keyed = {plain(key): item for key, item in value.items()}
    if any(key in keyed for key in ("drawing", "strokes", "lines")):
        return True
    inner = next((keyed[key] for key in _POINTS if key in keyed), None)
    first = _first(inner)
    if isinstance(first, dict):
        return not is_point(first)
    return isinstance(first, list) and not is_number(_first(first))


def _erases(stroke: Any) -> bool:
    """Return whether a stroke was made with an eraser."""
    return isinstance(stroke, dict) and (
        stroke.get("drawMode") is False or stroke.get("compositeOperation") == "destination-out"
    )


def _first(value: Any) -> Any:
    """Return a list's first item that is neither None nor []; None if there is no such item."""
    if not isinstance(value, list):
        return None
    return next((item for item in value if item is not None and item != []), None)
