"""Read digital ink in XML: InkML, and the XML files of IAM-OnDB.

InkML (https://www.w3.org/TR/InkML/): a `trace` holds points, separated by commas. A point has one
value for each channel in the `traceFormat`; without a format, the channels are X and Y. A plain
value is the channel's value; after `'`, values are differences from the previous value; after `"`,
they are differences of differences; `!` returns to plain values. `*` repeats the previous value.

IAM-OnDB: a `<StrokeSet>` holds `<Stroke>` elements, which hold `<Point x y time>` elements.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from sketch_rnn.convert.prepare import Sketch
from sketch_rnn.convert.readers.chunks import Drawing, InputFile, Pending, Reading
from sketch_rnn.convert.readers.strokes import numbers
from sketch_rnn.errors import UserError
from sketch_rnn.svg import xml

MAX_ELEMENTS = 200_000  # IAM-OnDB has an element for each point
MAX_POINTS = 200_000  # in a drawing
_VALUE = re.compile(
    r"""\s*([!'"]?)\s*([-+]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\#[0-9A-Fa-f]+|[TF*?])"""
)


class Format(NamedTuple):
    """The indices of x and y among the values of a point, and the signs of their axes."""

    x: int = 0
    y: int = 1
    x_sign: int = 1
    y_sign: int = 1


def ink_drawings(file: InputFile, reading: Reading) -> Iterator[Pending]:
    """Yield the drawing in a file."""
    yield str(file), partial(_sketch, file, reading)


def _sketch(file: InputFile, reading: Reading) -> Sketch:
    return parse(file.read(xml.MAX_BYTES)).sketch(reading)


def parse(content: bytes) -> Drawing:
    """Return the drawing in a file's content; raise UserError if it is not valid ink."""
    root = xml.parse(content, any_namespace=True, max_elements=MAX_ELEMENTS)
    if root.tag == "ink":
        return _inkml(root)
    if root.tag == "StrokeSet" and root.find("Stroke") is not None:
        return Drawing([_iam_stroke(stroke) for stroke in root.iterfind("Stroke")])
    if root.tag == "WhiteboardCaptureSession" or root.find(".//StrokeSet") is not None:
        return Drawing([_iam_stroke(stroke) for stroke in root.iterfind(".//StrokeSet/Stroke")])
    raise UserError(f"expected InkML or IAM-OnDB's XML, got a first element <{root.tag[:40]}>")


def _iam_stroke(stroke: Element) -> np.ndarray:
    try:
        points = [(float(p.get("x", "")), float(p.get("y", ""))) for p in stroke.iterfind("Point")]
    except ValueError:
        raise UserError("a point's x or y is not a number") from None
    return numbers(points).reshape(-1, 2)


def _inkml(root: Element) -> Drawing:
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    lines: dict[str, np.ndarray] = {}  # keyed by the trace's id, or by a number if it has none
    hidden = total = 0
    current = _format(root.find("traceFormat"))
    for trace, around in _traces(root, ""):
        if isinstance(trace, Element) and trace.tag == "context":
            current = _format_of(trace, by_id) or current
            continue
        if trace.get("type") == "penUp":
            hidden += 1
            continue
        context = by_id.get((trace.get("contextRef") or around).removeprefix("#"))
        form = (None if context is None else _format_of(context, by_id)) or current
        line = points_of(trace.text or "", form)
        total += len(line)
        if total > MAX_POINTS:
            raise UserError(f"more than {MAX_POINTS} points")
        before = (trace.get("priorRef") or "").removeprefix("#")
        if trace.get("continuation") in ("middle", "end") and before in lines:
            line = np.concatenate([lines.pop(before), line])
        lines[trace.get("id") or f" {len(lines)} {total}"] = line
    said = (f"{hidden} pen-up line{'s' * (hidden > 1)} left out",) if hidden else ()
    return Drawing(list(lines.values()), left_out=said)


def _traces(element: Element, context: str) -> Iterator[tuple[Element, str]]:
    """Yield traces, and the contexts that apply to the traces after them, in document order.

    Each element comes with the `contextRef` that it inherits from the groups around it. Definitions
    draw nothing.
    """
    for child in element:
        if child.tag in ("trace", "context"):
            yield child, context
        elif child.tag == "traceGroup":
            yield from _traces(child, child.get("contextRef") or context)


def _format_of(context: Element, by_id: dict) -> Format | None:
    """Return the trace format named by a context or by its ink source; None if none is named."""
    seen: Element | None = context
    for _ in range(5):  # follow references to other contexts and the ink source
        if seen is None:
            return None
        inner = seen if seen.tag == "traceFormat" else seen.find("traceFormat")
        if inner is not None:
            return _format(inner)
        source = seen.find("inkSource")
        names = (seen.get(key) for key in ("traceFormatRef", "inkSourceRef", "contextRef"))
        name = next((name for name in names if name), None)
        seen = by_id.get(name.removeprefix("#")) if name else source
    return None


def _format(element: Element | None) -> Format:
    if element is None:
        return Format()
    channels = [c for c in element.iter("channel")]
    places = {str(c.get("name")).upper(): place for place, c in enumerate(channels)}
    if not channels:
        return Format()
    if not {"X", "Y"} <= places.keys():
        raise UserError("its trace format lacks the channels X and Y")
    x, y = places["X"], places["Y"]
    signs = [-1 if channels[place].get("orientation") == "-ve" else 1 for place in (x, y)]
    return Format(x, y, *signs)


def points_of(text: str, form: Format) -> np.ndarray:
    """Parse a trace's text into a line `[n, 2]`; raise UserError if it is invalid."""
    needed = (form.x, form.y)
    states = {place: _Channel() for place in needed}
    points = []
    for point in text.split(","):
        if not point.strip():
            continue
        tokens = _VALUE.findall(point)
        if len(tokens) <= max(needed) or _VALUE.sub("", point).strip():
            raise UserError("a point in a trace lacks values that the trace format names")
        points.append([states[place].decode(*tokens[place]) for place in needed])
        if len(points) > MAX_POINTS:
            raise UserError(f"more than {MAX_POINTS} points")
    return numbers(points).reshape(-1, 2) * (form.x_sign, form.y_sign)


class _Channel:
    """A decoder for one channel of a trace (x or y), point by point.

    The prefix of a value says what it is: the coordinate itself (`!`), the difference from the
    previous coordinate (`'`), or the change in that difference (`"`).
    """

    def __init__(self) -> None:
        self._value = self._step = 0.0
        self._prefix = "!"

    def decode(self, prefix: str, text: str) -> float:
        """Return the next value, given its prefix and text; if it has no prefix, reuse the last
        one.
        """
        self._prefix = prefix or self._prefix
        if text == "*":
            return self._value
        if text in ("T", "F", "?"):
            raise UserError("a trace's x or y is not a number")
        sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
        number = float(int(text[1:], 16)) if text[0] == "#" else float(sign + digits.strip())
        if self._prefix == '"':
            self._step += number
        else:
            self._step = number if self._prefix == "'" else number - self._value
        self._value = self._value + self._step if self._prefix != "!" else number
        return self._value
