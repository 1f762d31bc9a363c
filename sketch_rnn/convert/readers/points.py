"""Read lists of points that are objects, as signature pads, canvases and event logs write them.

A point stores x and y in one of two ways: under a pair of keys from `_AXES`, or in a nested object
or pair under a key from `_PLACES`. Keys are compared without regard to case, spaces and
punctuation.

One list may hold several lines. A new line begins at a None, where the stroke number changes, and
at an event such as "mousedown". After an event such as "mouseup", nothing is drawn until the next
line begins. Some lists have a flag that tells at each point whether the pen is down (`_DOWN`) or up
(`_UP`); in a flag named "pen", the rarer value means that the pen is up. If the pen is mostly up
for two or more points in a row, nothing is drawn at these points. If the pen is never up for two
points in a row, each point with the pen up belongs to a line:
- If the pen is up at the first point and down at the last point, a point with the pen up begins a
  line.
- If the pen is down at the first point and up at the last point, a point with the pen up ends a
  line.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np

from sketch_rnn.convert.readers.strokes import from_columns
from sketch_rnn.errors import UserError

_AXES = (("x", "y"), ("clientx", "clienty"), ("pagex", "pagey"), ("offsetx", "offsety"))
_PLACES = ("point", "location", "position", "pos")
_STROKE = ("stroke", "strokeid", "strokeindex", "strokenumber")
_STARTS = ("start", "begin", "down", "moveto")  # in a "type", words that say that a line begins
_ENDS = ("up", "end", "leave", "cancel")  # the same, that a line ends
_DRAG = ("dragging", "drag")
_DOWN = ("pen", "isdown", "down", "pendown", "penisdown", "isdrawing", "pressed", "ispressed",
         "contact", "touching")  # fmt: skip
_UP = ("up", "isup", "penup", "lifted", "penlifted", "hover", "hovering")
_EVENTS = ("type", "event", "eventtype")
FLAGS = (*_DRAG, *_DOWN, *_UP, *_EVENTS)
_EITHER = "pen"  # a flag that means that the pen is down in some files, and up in others
_UNSAID = 0.4  # if the rarer value of this flag has a larger share, its meaning is unclear
_UNCLEAR = (
    'cannot tell whether a point whose "{}" means "pen up" is the first point of a line or the '
    "last; write each line as a separate list"
)

Point = dict[str, Any]
MAX_NAME = 100  # characters


class Lines(NamedTuple):
    """Lines, each `[n, 2]`, and a description of the points that are left out, if there are any."""

    lines: list[np.ndarray]
    left_out: tuple[str, ...] = ()


def plain(name: str) -> str:
    """Return a key or the name of a column in lower case, without spaces and punctuation.

    If a name is longer than all known names, only its beginning is returned.
    """
    return _plain(name[:MAX_NAME])


@lru_cache(1024)
def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def is_point(value: dict[str, Any]) -> bool:
    """Return whether an object is a point, rather than a stroke or a shape with a position."""
    place = _place(value)
    has_list = any(isinstance(v, list) for k, v in value.items() if plain(k) not in _PLACES)
    return place is not None and not has_list and all(map(is_number, place))


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def lines_of(points: Sequence[Any]) -> Lines:
    """Return the lines in a list of points; raise UserError if they cannot be told apart."""
    keyed = [None if point is None else _keyed(point) for point in points]
    lines: list[list[Point]] = [[]]
    has_starts = any(point is not None and _says(point, _STARTS) for point in keyed)
    is_up, hidden = False, 0
    for point in keyed:
        if point is None or (lines[-1] and _starts_line(point, lines[-1][-1])):
            lines.append([])
        if point is None:
            continue
        is_up = is_up and not _says(point, _STARTS)
        if is_up and has_starts:
            hidden += 1
            continue
        lines[-1].append(point)
        is_up = _says(point, _ENDS)
    lines, more = _cut_by_pen([line for line in lines if line])
    hidden += more
    said = (f"{hidden} point{'s' * (hidden > 1)} with the pen up left out",) if hidden else ()
    places = [[point["place"] for point in line] for line in lines]
    return Lines([from_columns(*zip(*line, strict=True)) for line in places], said)


def _keyed(point: Any) -> Point:
    """Return a point's values under `plain` keys, and its (x, y) under the key "place"."""
    place = _place(point) if isinstance(point, dict) else None
    if place is None:
        raise UserError("a point lacks x or y")
    return {**{plain(key): value for key, value in point.items()}, "place": place}


def _place(point: dict[str, Any]) -> tuple[Any, Any] | None:
    """Return a point's x and y; None if it lacks them."""
    keyed = {plain(key): value for key, value in point.items()}
    for x, y in _AXES:
        if x in keyed and y in keyed:
            return keyed[x], keyed[y]
    inner = next((keyed[key] for key in _PLACES if key in keyed), None)
    if isinstance(inner, dict):
        keyed = {plain(key): value for key, value in inner.items()}
        return (keyed["x"], keyed["y"]) if {"x", "y"} <= keyed.keys() else None
    if isinstance(inner, list) and len(inner) in (2, 3):
        return inner[0], inner[1]
    return None


def _starts_line(point: Point, before: Point) -> bool:
    """Return whether a point's properties say that it begins a new line."""
    if any(point.get(key) is False for key in _DRAG) or _says(point, _STARTS):
        return True
    if _says(before, _ENDS):
        return True
    return any(point.get(key) != before.get(key) for key in _STROKE)


def _says(point: Point, words: Sequence[str]) -> bool:
    """Return whether the name of the event at a point contains one of the given words."""
    kind = next((point[key] for key in _EVENTS if key in point), None)
    return isinstance(kind, str) and any(word in kind.lower() for word in words)


def _cut_by_pen(lines: list[list[Point]]) -> tuple[list[list[Point]], int]:
    """Cut lines where a flag says that the pen is up; count the points at which nothing is drawn.

    If there are several lines already, they stay unchanged, and flags are ignored.
    """
    key = next((key for key in (*_DOWN, *_UP) if lines and key in lines[0][0]), None)
    if len(lines) != 1 or key is None:
        return lines, 0
    (points,) = lines
    states = _states([point.get(key) for point in points], key)
    runs = [len(list(run)) for is_down, run in groupby(states) if not is_down]
    if not runs or len(runs) == len(states):
        return lines, 0
    if 2 * sum(length > 1 for length in runs) > len(runs):
        pairs = groupby(zip(states, points, strict=True), lambda pair: pair[0])
        return [[point for _, point in run] for is_down, run in pairs if is_down], sum(runs)
    if max(runs) > 1 or states[0] == states[-1]:
        raise UserError(_UNCLEAR.format(key))
    cuts = [place + states[0] for place, is_down in enumerate(states) if not is_down]
    edges = sorted({0, *cuts, len(points)})
    return [points[first:end] for first, end in pairwise(edges)], 0


def _states(values: Sequence[Any], key: str) -> list[bool]:
    """Return whether the pen is down at each point; `values` are the points' values under `key`.

    If a value has no known meaning, the pen is down everywhere.
    """
    texts = [str(value).lower().removesuffix(".0") for value in values]
    if set(texts) <= {"down", "up"}:
        return [text == "down" for text in texts]
    if not set(texts) <= {"0", "1", "false", "true"}:
        return [True] * len(texts)
    is_set = [text in ("1", "true") for text in texts]
    share = sum(is_set) / len(is_set)
    if key == _EITHER and _UNSAID < share < 1 - _UNSAID:
        raise UserError(_UNCLEAR.format(key))
    is_down = share > 0.5 if key == _EITHER else key in _DOWN
    return is_set if is_down else [not value for value in is_set]
