"""SVG files to polylines: what a pen would draw.

Paths, polylines, polygons, lines, rectangles, circles and ellipses are read, with nested
transforms, `use`, viewBox, units and style sheets (https://www.w3.org/TR/SVG2/). What cannot be
seen is left out: what is invisible, painted over, rubbed out or off the page (unless everything
is). So is, and this is said, what is no line: larger filled shapes, unless outlines are asked for,
text and images. Nothing outside of the file is ever read, and the work is limited whatever the file
says.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import svgelements

from sketch_rnn.errors import UserError, warn
from sketch_rnn.svg import curves, paint, shapes, transforms, values, viewports, xml
from sketch_rnn.svg.properties import INHERITED, path_of
from sketch_rnn.svg.style import Styles
from sketch_rnn.svg.transforms import IDENTITY, Box, compose, moved
from sketch_rnn.svg.values import Units
from sketch_rnn.svg.visible import Painted, Shown, shown

MAX_CLOSED = 3_000  # subpaths; the parser's time grows with their square
MAX_WIDTH = 1e9  # of a stroke, in pixels
DOT = 1e-3  # of the page's longer side; a drawing that is smaller is no more than a dot

_DRAWN = ("svg", "g", "a", "switch", "use", *shapes.SHAPES)
_MARKED = ("line", *shapes.LINES)
_BAD_NUMBER = "a number in it is too large or none"
_TRACE = "traced to lines first (by Inkscape's Trace Bitmap, potrace or autotrace)"
_TO_PATHS = "converted to paths first (Inkscape's Object to Path)"
# what is left out: its word, and what to do about it
_LEFT_OUT = {
    "filled": ("filled shape", "--outline takes their edges"),
    "image": ("picture", f"to be {_TRACE}"),
    "text": ("text", f"to be {_TO_PATHS}"),
    "foreignObject": ("piece of HTML", "only SVG is read"),
    "clip-path": ("clip-path", "what should be hidden is drawn too"),
    "mask": ("mask", "what should be hidden is drawn too"),
    "marker": ("marker", "to be drawn as paths"),
}


@dataclass(frozen=True)
class Drawing:
    """What is read of an SVG file.

    lines: one `[n, 2]` float64 array for each line, in pixels (y points down), without repeated
    points; a dot is one point. left_out: what can be seen and is not among them, a line of text
    for each kind of thing.
    """

    lines: list[np.ndarray]
    left_out: list[str]


def read_svg(
    source: str | Path | bytes, *, outline: bool | None = False, tolerance: float = 0.001
) -> list[np.ndarray]:
    """The lines of an SVG drawing, in document order; warns of what is left out.

    Args:
      source: a file's name, or its content; gzip (`.svgz`) is understood.
      outline: take also the outlines of what is filled and not stroked; None does so where
        nothing is stroked.
      tolerance: the largest distance of a line from its curve, as a share of the drawing's
        longer side.

    Returns:
      One `[n, 2]` float64 array for each line, as in `Drawing`.

    Raises:
      UserError: what is wrong with it, in one line; without the file's name if given as bytes.
    """
    if isinstance(source, bytes):
        content, name = source, ""
    else:
        content, name = read_content(Path(source)), f"{source}: "
    try:
        drawing = read_drawing(content, outline=outline, tolerance=tolerance)
    except UserError as error:
        raise UserError(f"{name}{error}") from None
    for text in drawing.left_out:
        warn(f"{name}{text}")
    return drawing.lines


def read_content(path: Path) -> bytes:
    """A file's bytes, as many as `read_drawing` looks at; raises UserError if there is none."""
    if not path.is_file():
        raise UserError(f"{path}: expected an SVG file, there is none")
    with path.open("rb") as file:
        return file.read(xml.MAX_BYTES + 1)


def read_drawing(
    content: bytes, *, outline: bool | None = False, tolerance: float = 0.001
) -> Drawing:
    """What `read_svg` reads of a file's content, and what is left out of it."""
    root = xml.parse(content)
    if root.tag != "svg":
        raise UserError(f"expected an SVG drawing, its first element is <{root.tag[:40]}>")
    walker = _Walker(root)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        try:
            walker.visit(root, IDENTITY, _Context(style={}, viewport=values.PAGE))
            _check_finite(walker.painted)
            page = walker.page()
            seen = partial(shown, walker.painted, page, _background(walker), tolerance=tolerance)
            found = seen(outline=bool(outline))
            if outline is None and not found.lines:
                found = seen(outline=True)
        except (ArithmeticError, ValueError) as error:
            raise error if isinstance(error, UserError) else UserError(_BAD_NUMBER) from None
        if not found.lines:
            odd = walker.styles.not_understood
            raise UserError(f"{_why_empty(walker.left_out, found)}{_and_odd(odd)}")
        _check_size(found.lines, page)
        lines = _flatten_all(found.lines, tolerance)
    return Drawing(lines, _left_out(walker, found))


def page_size(content: bytes) -> tuple[float, float] | None:
    """Width and height of a file's page, in the units of its lines; None where it says none."""
    root = xml.parse(content)
    page, box = _Walker(root).page(), viewports.view_box(root)
    if page is None or box is None:
        return page
    scale = min(page[0] / box[2], page[1] / box[3])
    return box[2] * scale, box[3] * scale


def _and_odd(odd: Iterable[str]) -> str:
    """What else may be why nothing of a drawing is a line."""
    texts = list(odd)
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return f"; not understood: {', '.join(texts[:3])}{more}" if texts else ""


def _why_empty(left_out: Mapping[str, int], found: Shown) -> str:
    if found.filled:
        return "nothing in it is stroked, only filled; --outline takes the outlines"
    if left_out["image"]:
        return f"nothing visible in it is a line, only a picture, which has to be {_TRACE}"
    if left_out["text"]:
        return f"nothing visible in it is a line; text has to be {_TO_PATHS}"
    return "nothing visible in it is a line"


def _left_out(walker: "_Walker", found: Shown) -> list[str]:
    """What is left out, in words."""
    counts, texts = Counter({**walker.left_out, "filled": found.filled}), []
    for kind, (noun, advice) in _LEFT_OUT.items():
        if count := counts[kind]:
            texts.append(f"{count} {noun}{'s' if count > 1 else ''} left out; {advice}")
    if not found.all_seen:
        texts.append("lines that others hide are drawn too; too much lies over one another")
    return [*texts, *(f"not understood: {text}" for text in walker.styles.not_understood)]


def _check_finite(painted: list[Painted]) -> None:
    for shape in painted:
        for line in shape.lines:
            if not (np.abs(line) < 1e12).all():
                raise UserError(_BAD_NUMBER)


def _check_size(lines: list[np.ndarray], page: tuple[float, float] | None) -> None:
    points = np.concatenate(lines).reshape(-1, 2)
    if page and np.ptp(points, axis=0).max() < DOT * max(page):
        raise UserError("all its points are in one place")


def _background(walker: "_Walker") -> paint.Colour:
    """The colour of the page before anything is painted."""
    own = walker.styles.of(walker.root)
    text = own.get("background-color") or own.get("background", "none")
    found = paint.paint(text, "black", ())
    return found.colour if found and found.colour and found.opaque() else paint.WHITE


def _flatten_all(lines: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """Flattens each line's curves `[C, 4, 2]`; the tolerance is a share of the longer side."""
    side = np.ptp(np.concatenate(lines).reshape(-1, 2), axis=0).max()
    limit = max(side * tolerance, 1e-12)
    polylines, total = [], 0
    for line in lines:
        points = curves.flatten(line, limit)
        total += len(points)
        if total > curves.MAX_POINTS:
            raise UserError(f"its curves need more than {curves.MAX_POINTS} points")
        differs = np.any(points[1:] != points[:-1], axis=1)
        polylines.append(points[np.concatenate([[True], differs])])
    return polylines


@dataclass(frozen=True)
class _Context:
    """What an element takes from those around it.

    style: inherited properties. viewport: width and height that percentages refer to. opacity: of
    all groups around. units: what relative units are of.
    """

    style: Mapping[str, str]
    viewport: tuple[float, float]
    opacity: float = 1.0
    units: Units = field(default_factory=Units)
    depth: int = 0


@dataclass
class _Walker:
    """Visits the elements as they are rendered and collects what they paint.

    boxes: of elements whose transform refers to it, by the element. measuring: whether only the
    box of what is visited is wanted.
    """

    root: Element
    painted: list[Painted] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    boxes: dict[Element, Box] = field(default_factory=dict)
    measuring: bool = False
    visited: int = 0
    size: int = 0  # of the attributes of what was visited
    closed: int = 0
    segments: int = 0

    def __post_init__(self) -> None:
        self.styles = Styles(self.root, viewports.page(self.root, {}) or values.PAGE)
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
        """Collects what an element paints; `size` is given where a `use` refers to it."""
        self.visited += 1
        self.size += xml.attribute_size(element.attrib)
        if self.visited > xml.MAX_ELEMENTS or self.size > xml.MAX_BYTES:
            raise UserError(
                f"it draws more than {xml.MAX_ELEMENTS} elements, or than "
                f"{xml.MAX_BYTES >> 20} MB of them"
            )
        xml.check_depth(context.depth)
        tag = element.tag
        named = tag in ("image", "text", "foreignObject")
        if tag not in _DRAWN and not named and not (tag == "symbol" and size is not None):
            return
        own = self.styles.resolved(self.styles.of(element), context.style)
        opacity = context.opacity * _share(own.get("opacity"))
        if own.get("display") == "none" or opacity == 0:
            return
        inherited = {k: v for k, v in own.items() if k in INHERITED or k.startswith("--")}
        style = {**context.style, **inherited}
        units = self._units(own, context, element is self.root)
        context = _Context(style, context.viewport, opacity, units, context.depth + 1)
        if named:
            self._leave_out(tag, element, style)
            return
        self._leave_out_effects(tag, own, style)
        inner = _Inner(self, element, own, context, size or {})
        box = self._reference_box(inner)
        try:
            transform = transforms.own_transform(inner.own, box, units)
        except ValueError:  # a unit that only fits elsewhere; what is known is checked before
            transform = IDENTITY
        inner.visit(compose(matrix, transform))

    def page(self) -> tuple[float, float] | None:
        """Width and height of the outermost `svg` in pixels, if the file says them."""
        return viewports.page(self.root, self.styles.of(self.root))

    def _units(self, own: Mapping[str, str], context: _Context, is_root: bool) -> Units:
        before = context.units
        font = before.font
        if "font-size" in own:
            font = values.length(own["font-size"], font, font, before)
        if is_root:
            return Units(font, font, self.page() or values.PAGE)
        return before if font == before.font else Units(font, before.root_font, before.page)

    def _leave_out(self, tag: str, element: Element, style: Mapping[str, str]) -> None:
        if self.measuring or style.get("visibility", "visible") != "visible":
            return
        if tag == "text" and not "".join(element.itertext()).strip():
            return
        if tag == "image" and not element.get("href"):
            return
        self.left_out[tag] += 1

    def _leave_out_effects(self, tag: str, own: Mapping[str, str], style: Mapping) -> None:
        if self.measuring:
            return
        for name in ("clip-path", "mask"):
            self.left_out[name] += self._refers(own.get(name, ""))
        if tag in _MARKED:
            for name in ("marker-start", "marker-mid", "marker-end"):
                self.left_out["marker"] += self._refers(style.get(name, ""))

    def _refers(self, text: str) -> bool:
        """Whether a property refers to an element that there is."""
        match = re.match(r"url\(\s*['\"]?#([^'\")]*)", text)
        return bool(match and match[1] in self.by_id)

    def _reference_box(self, inner: "_Inner") -> Box:
        """What an element's transform and its origin refer to."""
        if not any(name in inner.own for name in transforms.PROPERTIES):
            return (0.0, 0.0, 0.0, 0.0)
        if inner.element is self.root:
            inner.own.setdefault("transform-origin", "50% 50%")
            return (0.0, 0.0, *inner.inside())
        kind = inner.own.get("transform-box", "view-box")
        if kind == "view-box":
            return (0.0, 0.0, *inner.context.viewport)
        return self._box(inner, with_strokes=kind in ("stroke-box", "border-box"))

    def _box(self, inner: "_Inner", with_strokes: bool) -> Box:
        """The box of what an element draws, in its own coordinates; of shapes, also unseen."""
        if inner.element not in self.boxes:
            saved = self.painted, self.measuring
            self.painted, self.measuring = [], True
            inner.visit(IDENTITY)
            measured, (self.painted, self.measuring) = self.painted, saved
            self.boxes[inner.element] = _box_of(measured, with_strokes)
        return self.boxes[inner.element]

    def add(
        self,
        element: Element,
        geometry: Callable[[str], str | None],
        matrix: np.ndarray,
        context: _Context,
    ) -> None:
        """Collects a shape's subpaths, as chains of cubic curves in pixels."""
        style = context.style
        stroke, fill = (self._paint(name, context) for name in ("stroke", "fill"))
        diagonal = np.hypot(*context.viewport) / np.sqrt(2)
        width = values.length(style.get("stroke-width"), diagonal, 1.0, context.units)
        if width <= 0:
            stroke = None
        if element.tag == "line":
            fill = None
        seen = style.get("visibility", "visible") == "visible" and (stroke or fill)
        if not seen and not self.measuring:
            return
        is_line = element.tag in shapes.LINES
        if is_line:
            self._count_closed(shapes.path_data(element, geometry))
        segments = shapes.segments(element, geometry, context.viewport, context.units)
        if is_line:
            self._count(sum(isinstance(segment, svgelements.Move) for segment in segments))
        lines = []
        for chain in shapes.chains(segments):
            self._count(len(chain))
            lines.append(np.asarray(chain) @ matrix[:, :2].T + matrix[:, 2])
        width *= np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        width = float(np.clip(np.nan_to_num(width), 0, MAX_WIDTH))
        cap = {"round": "round", "square": "square"}.get(style.get("stroke-linecap", ""), "flat")
        even_odd = style.get("fill-rule") == "evenodd"
        self.painted.append(Painted(lines, stroke, fill, width, cap, even_odd))

    def _paint(self, name: str, context: _Context) -> paint.Paint | None:
        style = context.style
        text = style.get(name, INHERITED[name])
        scheme = style.get("color-scheme", "normal")
        found = paint.paint(text, style.get("color", "black"), self.by_id, scheme)
        opacity = context.opacity * _share(style.get(f"{name}-opacity"))
        return paint.Paint(found.colour, found.opacity * opacity) if found and opacity else None

    def _count_closed(self, data: str) -> None:
        self.closed += data.lower().count("z")
        if self.closed > MAX_CLOSED:
            raise UserError(f"it has more than {MAX_CLOSED} closed lines")

    def _count(self, segments: int) -> None:
        self.segments += segments
        shapes.check_count(self.segments)


@dataclass
class _Inner:
    """What is inside of an element's own transform."""

    walker: _Walker
    element: Element
    own: dict[str, str]
    context: _Context
    size: Mapping[str, str]  # that a `use` gives it

    def geometry(self, name: str) -> str | None:
        """An attribute of place or size, or what CSS says in its place."""
        text = self.own.get(name)
        if text is None:
            return self.element.get(name)
        return path_of(text) if name == "d" else text

    def inside(self) -> tuple[float, float]:
        """Width and height of an `svg` or `symbol`; CSS counts for the outermost only."""
        box, is_root = viewports.view_box(self.element), self.element is self.walker.root
        default = box[2:] if box and is_root else self.context.viewport
        said = self.geometry if is_root else self.element.get
        width, height = (
            values.length(self.size.get(name) or said(name), whole, whole, self.context.units)
            for name, whole in zip(("width", "height"), default, strict=True)
        )
        return width, height

    def visit(self, matrix: np.ndarray) -> None:
        """Visits it with the matrix of its own coordinates."""
        tag = self.element.tag
        if tag in shapes.SHAPES:
            self.walker.add(self.element, self.geometry, matrix, self.context)
        elif tag == "use":
            self._visit_use(matrix)
        else:
            self._visit_children(matrix)

    def _visit_children(self, matrix: np.ndarray) -> None:
        element, context = self.element, self.context
        if element.tag in ("svg", "symbol"):
            if element.tag == "svg" and element is not self.walker.root:
                matrix = moved(matrix, *self._place(self.element.get))
            matrix, viewport = viewports.enter(element, matrix, self.inside())
            if viewport is None:
                return
            context = _Context(
                context.style, viewport, context.opacity, context.units, context.depth
            )
        for child in _alternative(element) if element.tag == "switch" else element:
            self.walker.visit(child, matrix, context)

    def _visit_use(self, matrix: np.ndarray) -> None:
        link = self.element.get("href", "")
        target = self.walker.by_id.get(link[1:]) if link[:1] == "#" and len(link) > 1 else None
        if target is None:
            return
        size = {k: text for k in ("width", "height") if (text := self.geometry(k))}
        self.walker.visit(target, moved(matrix, *self._place(self.geometry)), self.context, size)

    def _place(self, said: Callable[[str], str | None]) -> tuple[float, float]:
        x, y = (
            values.length(said(name), whole, 0.0, self.context.units)
            for name, whole in zip("xy", self.context.viewport, strict=True)
        )
        return x, y


def _box_of(painted: list[Painted], with_strokes: bool) -> Box:
    """The box about shapes, or nothing at the origin if there are none."""
    corners = []
    for shape in painted:
        for line in shape.lines:
            side = max(float(np.ptp(line.reshape(-1, 2), axis=0).max()), 1e-9)
            points = curves.flatten(line, 1e-4 * side) if np.isfinite(line).all() else line[0]
            around = shape.width / 2 if with_strokes and shape.stroke else 0.0
            corners += [points.min(axis=0) - around, points.max(axis=0) + around]
    if not corners:
        return (0.0, 0.0, 0.0, 0.0)
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    return (*low.tolist(), *(high - low).tolist())


def _alternative(switch: Element) -> list[Element]:
    """The one child of a `switch` that is rendered, for a reader of English."""
    for child in switch:
        language = child.get("systemLanguage", "en")
        understood = not child.get("requiredExtensions") and child.tag in _DRAWN
        if understood and any(tag.strip()[:2] == "en" for tag in language.split(",")):
            return [child]
    return []


def _share(text: str | None) -> float:
    """An opacity, from 0 to 1."""
    match = re.match(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(%?)", text or "")
    if not match:
        return 1.0
    return min(max(float(match[1]) / (100 if match[2] else 1), 0.0), 1.0)
