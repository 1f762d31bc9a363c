"""SVG files to polylines: what a pen would draw.

Paths, polylines, polygons, lines, rectangles, circles and ellipses are read, with nested
transforms, `use`, viewBox, units and style sheets (https://www.w3.org/TR/SVG11/). What is invisible
is left out; so is what is only filled, unless outlines are asked for, and what lies off the page,
unless everything does. Text, images, clipping and markers are ignored. Nothing outside of the file
is ever read, and the work is limited whatever the file says.
"""

import gzip
import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
import svgelements

from sketch_rnn.convert import curves
from sketch_rnn.convert.style import INHERITED, Styles
from sketch_rnn.errors import UserError

MAX_BYTES = 8 << 20
MAX_ELEMENTS = 20_000
MAX_DEPTH = 100
MAX_CLOSED = 3_000  # subpaths; the parser's time grows with their square
MAX_SEGMENTS = 50_000  # of a drawing; moves count
MAX_TRANSFORM = 2000  # characters of a list of transforms; what follows does not count
MAX_BYTES_WITH_ENTITIES = 512 << 10
MAX_ENTITY = 200  # characters
PIXELS_PER_INCH = 96
DOT = 1e-3  # of the page's longer side; a drawing that is smaller is no more than a dot

_NAMESPACES = ("", "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
_SHAPES = {
    "circle": (svgelements.Circle, ("cx", "cy", "r")),
    "ellipse": (svgelements.Ellipse, ("cx", "cy", "rx", "ry")),
    "line": (svgelements.SimpleLine, ("x1", "y1", "x2", "y2")),
    "rect": (svgelements.Rect, ("x", "y", "width", "height", "rx", "ry")),
}
_SIZES = {"circle": ("r",), "ellipse": ("rx", "ry"), "rect": ("width", "height")}
_LINES = {"path", "polygon", "polyline"}
_DRAWN = {"svg", "g", "a", "switch", "use", *_LINES, *_SHAPES}
_ORIGINS = {"left": "0%", "top": "0%", "center": "50%", "right": "100%", "bottom": "100%"}
_BAD_NUMBER = "a number in it is too large or none"
_IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])  # x' = m[:, :2] @ x + m[:, 2]


def read_svg(
    source: str | Path | bytes, *, outline: bool = False, tolerance: float = 0.001
) -> list[np.ndarray]:
    """The lines of an SVG drawing, in document order.

    Args:
      source: a file's name, or its content; gzip (`.svgz`) is understood.
      outline: take also the outlines of what is filled and not stroked.
      tolerance: the largest distance of a line from its curve, as a share of the drawing's
        longer side.

    Returns:
      One `[n, 2]` float64 array for each line, in pixels (y points down), without repeated
      points; a dot is one point.

    Raises:
      UserError: what is wrong with it, in one line; without the file's name if given as bytes.
    """
    if isinstance(source, bytes):
        return _read(source, outline, tolerance)
    path = Path(source)
    if not path.is_file():
        raise UserError(f"{path}: expected an SVG file, there is none")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    try:
        return _read(content, outline, tolerance)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read(content: bytes, outline: bool, tolerance: float) -> list[np.ndarray]:
    root = _parse(_plain(content))
    if root.tag != "svg":
        raise UserError(f"expected an SVG drawing, its first element is <{root.tag[:40]}>")
    walker = _Walker(root, outline)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        try:
            walker.visit(root, _IDENTITY, _Context(style={}, viewport=(300, 150)))
        except (ArithmeticError, ValueError) as error:
            raise error if isinstance(error, UserError) else UserError(_BAD_NUMBER) from None
        if not walker.lines:
            raise UserError(_why_empty(walker))
        return _flatten_all(_on_page(root, walker.lines), tolerance)


def _why_empty(walker: "_Walker") -> str:
    if walker.filled and not walker.outline:
        return "nothing in it is stroked, only filled; --outline takes the outlines"
    if walker.root.find(".//text") is not None:
        return "nothing visible in it is a line; text has to be converted to paths first"
    return "nothing visible in it is a line"


def _on_page(root: Element, lines: list[np.ndarray]) -> list[np.ndarray]:
    """The lines of curves `[C, 4, 2]` that are not wholly off the page, if there are any."""
    page = _page(root)
    if page is None:
        return lines
    low = np.array([line.min(axis=(0, 1)) for line in lines])
    high = np.array([line.max(axis=(0, 1)) for line in lines])
    on_page = (low <= page).all(axis=1) & (high >= 0).all(axis=1)
    if on_page.any():
        lines = [line for line, kept in zip(lines, on_page, strict=True) if kept]
        low, high = low[on_page], high[on_page]
    if (high.max(axis=0) - low.min(axis=0)).max() < DOT * max(page):
        raise UserError("all its points are in one place")
    return lines


def _page(root: Element) -> tuple[float, float] | None:
    """Width and height of the outermost `svg` in pixels, if the file says them."""
    box = _view_box(root)
    whole = box[2:] if box else (0.0, 0.0)
    width, height = (
        _length(root.get(k), w, w) for k, w in zip(("width", "height"), whole, strict=True)
    )
    return (width, height) if width > 0 and height > 0 else None


def _flatten_all(lines: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """Flattens each line's curves `[C, 4, 2]`; the tolerance is a share of the longer side."""
    everything = np.concatenate(lines).reshape(-1, 2)
    if not (np.abs(everything) < 1e12).all():
        raise UserError(_BAD_NUMBER)
    side = np.ptp(everything, axis=0).max()
    limit = max(side * tolerance, 1e-12)
    polylines, total = [], 0
    for line in lines:
        points = curves.flatten(line, limit)
        total += len(points)
        if total > curves.MAX_POINTS:
            raise UserError(f"its curves need more than {curves.MAX_POINTS} points")
        moved = np.any(points[1:] != points[:-1], axis=1)
        polylines.append(points[np.concatenate([[True], moved])])
    return polylines


def _plain(content: bytes) -> bytes:
    """The content, unpacked if it is gzip; both within the limit."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, EOFError, ValueError) as error:
            raise UserError(f"its gzip is damaged ({error})") from None
        except Exception as error:  # zlib.error has no public base
            raise UserError(f"its gzip is damaged ({type(error).__name__})") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"larger than the limit of {MAX_BYTES >> 20} MB")
    return content


def _parse(content: bytes) -> Element:
    """The XML tree, without namespaces; external entities are refused and none is fetched."""
    builder, parser = TreeBuilder(), expat.ParserCreate(namespace_separator=" ")
    count = depth = size = 0

    def start(name, attributes):
        nonlocal count, depth, size
        count, depth, size = count + 1, depth + 1, size + _size(attributes)
        if count > MAX_ELEMENTS:
            raise UserError(f"it has more than {MAX_ELEMENTS} elements")
        if depth > MAX_DEPTH:
            raise UserError(f"its elements are nested more than {MAX_DEPTH} deep")
        if size > MAX_BYTES:  # entities and the attributes of a DTD make more than the file has
            raise UserError(f"its attributes become more than {MAX_BYTES >> 20} MB")
        builder.start(_local(name), {_local(k): v for k, v in attributes.items()})

    def end(name):
        nonlocal depth
        depth -= 1
        builder.end(_local(name))

    def entity(name, is_parameter, value, base, system_id, public_id, notation):
        if value is None or is_parameter or "&" in value or len(value) > MAX_ENTITY:
            raise UserError(f"its entity {name[:40]!r} is not a short text of the file's own")
        if len(content) > MAX_BYTES_WITH_ENTITIES:
            raise UserError(f"it has entities and more than {MAX_BYTES_WITH_ENTITIES >> 10} kB")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = builder.data, entity
    try:
        parser.Parse(content.lstrip(b" \t\r\n"), True)
    except expat.ExpatError as error:
        raise UserError(f"not well-formed XML ({error})") from None
    except (LookupError, ValueError) as error:  # an encoding that Python or expat lacks
        if isinstance(error, UserError):
            raise
        raise UserError(f"not readable as XML ({error})") from None
    return builder.close()


def _size(attributes: Mapping[str, str]) -> int:
    """What an element's attributes take in a file, about."""
    return sum(len(name) + len(value) + 4 for name, value in attributes.items())


def _local(name: str) -> str:
    """The name without its namespace, if that is SVG's or XLink's; "" for another's."""
    namespace, _, local = name.rpartition(" ")
    return local if namespace in _NAMESPACES else ""


@dataclass(frozen=True)
class _Context:
    """What an element takes from those around it.

    style: inherited properties. viewport: width and height that percentages refer to.
    """

    style: Mapping[str, str]
    viewport: tuple[float, float]
    depth: int = 0


@dataclass
class _Walker:
    """Visits the elements as they are rendered and collects curves."""

    root: Element
    outline: bool
    lines: list[np.ndarray] = field(default_factory=list)  # of curves [C, 4, 2], in pixels
    filled: bool = False  # whether a shape is, and not stroked
    visited: int = 0
    size: int = 0  # of the attributes of what was visited
    closed: int = 0
    segments: int = 0

    def __post_init__(self):
        self.styles = Styles(self.root)
        self.by_id: dict[str, Element] = {}
        for element in self.root.iter():
            self.by_id.setdefault(element.get("id", ""), element)

    def visit(
        self,
        element: Element,
        matrix: np.ndarray,
        context: _Context,
        size: Mapping[str, str] | None = None,
    ) -> None:
        """Collects what an element draws; `size` is given where a `use` refers to it."""
        self.visited += 1
        self.size += _size(element.attrib)
        if self.visited > MAX_ELEMENTS or self.size > MAX_BYTES:
            raise UserError(
                f"it draws more than {MAX_ELEMENTS} elements, or than {MAX_BYTES >> 20} MB of them"
            )
        if context.depth > MAX_DEPTH:
            raise UserError(f"its elements are nested more than {MAX_DEPTH} deep")
        tag = element.tag
        if tag not in _DRAWN and not (tag == "symbol" and size is not None):
            return
        own = self.styles.of(element)
        if own.get("display") == "none" or _number(own.get("opacity"), 1) == 0:
            return
        inherited = {k: v for k, v in own.items() if k in INHERITED and v != "inherit"}
        style = {**context.style, **inherited}
        matrix = _compose(matrix, _own_transform(own, context.viewport))
        context = _Context(style, context.viewport, context.depth + 1)
        if tag in _SHAPES or tag in _LINES:
            if self._drawn(style):
                self._add(_segments(self, element, tag, context.viewport), matrix)
        elif tag == "use":
            self._visit_use(element, matrix, context)
        else:
            self._visit_children(element, matrix, context, size or {})

    def _visit_children(
        self, element: Element, matrix: np.ndarray, context: _Context, size: Mapping[str, str]
    ) -> None:
        if element.tag in ("svg", "symbol"):
            matrix, viewport = _enter_viewport(element, matrix, context, size)
            if viewport is None:
                return
            context = _Context(context.style, viewport, context.depth)
        for child in _alternative(element) if element.tag == "switch" else element:
            self.visit(child, matrix, context)

    def _visit_use(self, element: Element, matrix: np.ndarray, context: _Context) -> None:
        link = element.get("href", "")
        target = self.by_id.get(link[1:]) if link[:1] == "#" and len(link) > 1 else None
        if target is None:
            return
        width, height = context.viewport
        x = _length(element.get("x"), width, 0.0)
        y = _length(element.get("y"), height, 0.0)
        size = {k: element.get(k) for k in ("width", "height") if element.get(k)}
        self.visit(target, _compose(matrix, np.array([[1, 0, x], [0, 1, y]])), context, size)

    def _drawn(self, style: Mapping[str, str]) -> bool:
        """Whether a pen follows a shape: it is stroked, or filled where outlines are asked."""
        if style.get("visibility", "visible") != "visible":
            return False
        stroked = _visible(style.get("stroke", "none"), style.get("stroke-opacity"))
        if stroked and _number(style.get("stroke-width"), 1) > 0:
            return True
        filled = _visible(style.get("fill", "black"), style.get("fill-opacity"))
        self.filled |= filled
        return filled and self.outline

    def _add(self, segments: Iterator, matrix: np.ndarray) -> None:
        """Collects a shape's subpaths, as chains of cubic curves in pixels."""
        for chain in _chains(segments):
            self.count_segments(len(chain))
            self.lines.append(np.asarray(chain) @ matrix[:, :2].T + matrix[:, 2])

    def count_closed(self, data: str) -> None:
        self.closed += data.count("z") + data.count("Z")
        if self.closed > MAX_CLOSED:
            raise UserError(f"it has more than {MAX_CLOSED} closed lines")

    def count_segments(self, count: int) -> None:
        self.segments += count
        if self.segments > MAX_SEGMENTS:
            raise UserError(f"its lines have more than {MAX_SEGMENTS} segments")


def _alternative(switch: Element) -> list[Element]:
    """The one child of a `switch` that is rendered, for a reader of English."""
    for child in switch:
        language = child.get("systemLanguage", "en")
        understood = not child.get("requiredExtensions") and child.tag in _DRAWN
        if understood and any(tag.strip()[:2] == "en" for tag in language.split(",")):
            return [child]
    return []


def _segments(walker: _Walker, element: Element, tag: str, viewport: tuple[float, float]):
    """The segments of a shape, in its own coordinates."""
    if tag in _LINES:
        walker.count_closed(element.get("d", ""))
        path = _path(_path_data(element, tag))
        walker.count_segments(sum(isinstance(segment, svgelements.Move) for segment in path))
        return path
    kind, names = _SHAPES[tag]
    values = {name: element.get(name) for name in names if element.get(name, "auto") != "auto"}
    for name, value in values.items():
        values[name] = _length(value, _whole(name, viewport), 0.0)
    if any(values.get(name, 0) <= 0 for name in _SIZES.get(tag, ())):
        return iter(())
    return kind(values).segments(transformed=False)


def _path_data(element: Element, tag: str) -> str:
    """The data of a path; polylines and polygons are defined by those of one."""
    if tag == "path":
        return element.get("d", "")
    return f"M{element.get('points', '')}{'z' if tag == 'polygon' else ''}"


def _whole(name: str, viewport: tuple[float, float]) -> float:
    """What a percentage of that attribute is of."""
    if name == "r":
        return math.hypot(*viewport) / math.sqrt(2)
    return viewport[0] if name in ("x", "cx", "rx", "x1", "x2", "width") else viewport[1]


class _Path(svgelements.Path):
    """A path that does not grow without end while it is parsed."""

    def append(self, segment: svgelements.PathSegment) -> None:
        if len(self) >= MAX_SEGMENTS:
            raise UserError(f"its lines have more than {MAX_SEGMENTS} segments")
        super().append(segment)


def _path(data: str) -> svgelements.Path:
    """The segments up to the first error, as the standard asks for."""
    path = _Path()
    try:
        path.parse(data)
    except UserError:
        raise
    except (ValueError, IndexError, TypeError, AttributeError):
        pass
    return path


def _chains(segments) -> Iterator[list[list[tuple[float, float]]]]:
    """Each subpath's cubic curves; lines are curves too."""
    chain: list[list[tuple[float, float]]] = []
    for segment in segments:
        if isinstance(segment, svgelements.Move) or not _is_whole(segment):
            if chain:
                yield chain
            chain = []
            continue
        chain += _cubics(segment)
        if isinstance(segment, svgelements.Close):
            yield chain
            chain = []
    if chain:
        yield chain


def _is_whole(segment) -> bool:
    """Whether both ends are known; the last of an odd number of coordinates is not."""
    ends = (segment.start, segment.end)
    return None not in ends and None not in (*segment.start, *segment.end)


def _cubics(segment) -> list[list[tuple[float, float]]]:
    """A segment as cubic curves, each four points."""
    start, end = tuple(segment.start), tuple(segment.end)
    if isinstance(segment, svgelements.CubicBezier):
        return [[start, tuple(segment.control1), tuple(segment.control2), end]]
    if isinstance(segment, svgelements.QuadraticBezier):
        cx, cy = segment.control
        first = ((start[0] + 2 * cx) / 3, (start[1] + 2 * cy) / 3)
        second = ((end[0] + 2 * cx) / 3, (end[1] + 2 * cy) / 3)
        return [[start, first, second, end]]
    if isinstance(segment, svgelements.Arc) and segment.rx and segment.ry:
        return [c for cubic in segment.as_cubic_curves() for c in _cubics(cubic)]
    # a straight line, evenly paced: no bend
    first = ((2 * start[0] + end[0]) / 3, (2 * start[1] + end[1]) / 3)
    second = ((start[0] + 2 * end[0]) / 3, (start[1] + 2 * end[1]) / 3)
    return [[start, first, second, end]]


def _enter_viewport(
    element: Element, matrix: np.ndarray, context: _Context, size: Mapping[str, str]
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """The coordinates inside an `svg` or `symbol`; no viewport where it is not rendered."""
    outer_width, outer_height = context.viewport
    box = _view_box(element)
    outermost = context.depth == 1
    default = box[2:] if box and outermost else (outer_width, outer_height)
    width = _length(size.get("width") or element.get("width"), default[0], default[0])
    height = _length(size.get("height") or element.get("height"), default[1], default[1])
    if not outermost and element.tag == "svg":
        x = _length(element.get("x"), outer_width, 0.0)
        y = _length(element.get("y"), outer_height, 0.0)
        matrix = _compose(matrix, np.array([[1, 0, x], [0, 1, y]]))
    if width <= 0 or height <= 0 or (box and (box[2] <= 0 or box[3] <= 0)):
        return matrix, None
    if box is None:
        return matrix, (width, height)
    fit = svgelements.Viewbox.viewbox_transform(
        0, 0, width, height, *box, element.get("preserveAspectRatio", "xMidYMid")
    )
    return _compose(matrix, _transform(fit)), (box[2], box[3])


def _view_box(element: Element) -> list[float] | None:
    """Left, top, width and height of the box that is fitted into an element."""
    numbers = re.findall(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", element.get("viewBox", ""))
    return [float(number) for number in numbers] if len(numbers) == 4 else None


@lru_cache(maxsize=256)
def _transform(text: str) -> np.ndarray:
    """An SVG transform list as a matrix `[2, 3]`; what cannot be read changes nothing."""
    if not text:
        return _IDENTITY
    try:
        m = svgelements.Matrix(text)
        matrix = np.array([[m.a, m.c, m.e], [m.b, m.d, m.f]], np.float64)
    except (ValueError, TypeError, IndexError, AttributeError):
        return _IDENTITY
    return matrix if np.isfinite(matrix).all() else _IDENTITY


def _own_transform(style: Mapping[str, str], viewport: tuple[float, float]) -> np.ndarray:
    """An element's transform, about its origin."""
    matrix = _transform(style.get("transform", "")[:MAX_TRANSFORM])
    origin = [_ORIGINS.get(word, word) for word in style.get("transform-origin", "").split()[:2]]
    if not origin or matrix is _IDENTITY:
        return matrix
    words = [*origin, "50%"][:2]
    x, y = (_length(word, whole, 0.0) for word, whole in zip(words, viewport, strict=True))
    there, back = np.array([[1, 0, x], [0, 1, y]]), np.array([[1, 0, -x], [0, 1, -y]])
    return _compose(_compose(there, matrix), back)


def _compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    linear = outer[:, :2] @ inner
    linear[:, 2] += outer[:, 2]
    return linear


def _length(text: str | None, whole: float, default: float) -> float:
    """A length in pixels; percentages are of `whole`."""
    if not text or text == "auto":
        return default
    value = svgelements.Length(text).value(
        ppi=PIXELS_PER_INCH, relative_length=whole, font_size=16, font_height=16
    )
    return value if isinstance(value, float | int) and math.isfinite(value) else default


def _visible(paint: str, opacity: str | None) -> bool:
    """Whether a stroke or a fill of that paint can be seen."""
    paint = paint.lower().replace(" ", "")
    if paint in ("none", "transparent") or re.fullmatch("#(?:.{3}0|.{6}00)", paint):
        return False
    alpha = re.fullmatch(r"(?:rgb|hsl)a?\((?:[^,]*,){3}(.*)\)|(?:rgb|hsl)a?\([^/]*/(.*)\)", paint)
    return _number(alpha and (alpha[1] or alpha[2]), 1) > 0 and _number(opacity, 1) > 0


def _number(text: str | None, default: float) -> float:
    """The number that a property starts with."""
    match = re.match(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)", text or "")
    return float(match[1]) if match else default
