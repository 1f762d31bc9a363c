"""SVG files to polylines: what a pen would draw.

Paths, polylines, polygons, lines, rectangles, circles and ellipses are read, with nested
transforms, `use`, viewBox, units and style sheets (https://www.w3.org/TR/SVG11/). What is invisible
is left out; so is what is only filled, unless outlines are asked for, and what lies off the page,
unless everything does. Text, images, clipping and markers are ignored. Nothing outside of the file
is ever read, and the work is limited whatever the file says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import svgelements

from sketch_rnn.convert.svg import curves, shapes, xml
from sketch_rnn.convert.svg.coordinates import (
    IDENTITY,
    compose,
    enter_viewport,
    length,
    moved,
    own_transform,
    view_box,
)
from sketch_rnn.convert.svg.style import INHERITED, Styles
from sketch_rnn.errors import UserError

MAX_CLOSED = 3_000  # subpaths; the parser's time grows with their square
DOT = 1e-3  # of the page's longer side; a drawing that is smaller is no more than a dot

_DRAWN = ("svg", "g", "a", "switch", "use", *shapes.SHAPES)
_BAD_NUMBER = "a number in it is too large or none"


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
        content = file.read(xml.MAX_BYTES + 1)
    try:
        return _read(content, outline, tolerance)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read(content: bytes, outline: bool, tolerance: float) -> list[np.ndarray]:
    root = xml.parse(content)
    if root.tag != "svg":
        raise UserError(f"expected an SVG drawing, its first element is <{root.tag[:40]}>")
    walker = _Walker(root, outline)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        try:
            walker.visit(root, IDENTITY, _Context(style={}, viewport=(300, 150)))
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
    box = view_box(root)
    whole = box[2:] if box else (0.0, 0.0)
    width, height = (
        length(root.get(k), w, w) for k, w in zip(("width", "height"), whole, strict=True)
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
        differs = np.any(points[1:] != points[:-1], axis=1)
        polylines.append(points[np.concatenate([[True], differs])])
    return polylines


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
        self.size += xml.attribute_size(element.attrib)
        if self.visited > xml.MAX_ELEMENTS or self.size > xml.MAX_BYTES:
            raise UserError(
                f"it draws more than {xml.MAX_ELEMENTS} elements, or than "
                f"{xml.MAX_BYTES >> 20} MB of them"
            )
        xml.check_depth(context.depth)
        tag = element.tag
        if tag not in _DRAWN and not (tag == "symbol" and size is not None):
            return
        own = self.styles.of(element)
        if own.get("display") == "none" or _number(own.get("opacity"), 1) == 0:
            return
        inherited = {k: v for k, v in own.items() if k in INHERITED and v != "inherit"}
        style = {**context.style, **inherited}
        matrix = compose(matrix, own_transform(own, context.viewport))
        context = _Context(style, context.viewport, context.depth + 1)
        if tag in shapes.SHAPES:
            if self._drawn(style):
                self._add(element, matrix, context.viewport)
        elif tag == "use":
            self._visit_use(element, matrix, context)
        else:
            self._visit_children(element, matrix, context, size or {})

    def _visit_children(
        self, element: Element, matrix: np.ndarray, context: _Context, size: Mapping[str, str]
    ) -> None:
        if element.tag in ("svg", "symbol"):
            outermost = context.depth == 1
            matrix, viewport = enter_viewport(element, matrix, context.viewport, outermost, size)
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
        x = length(element.get("x"), width, 0.0)
        y = length(element.get("y"), height, 0.0)
        size = {k: element.get(k) for k in ("width", "height") if element.get(k)}
        self.visit(target, moved(matrix, x, y), context, size)

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

    def _add(self, element: Element, matrix: np.ndarray, viewport: tuple[float, float]) -> None:
        """Collects a shape's subpaths, as chains of cubic curves in pixels."""
        is_line = element.tag in shapes.LINES
        if is_line:
            self._count_closed(element.get("d", ""))
        segments = shapes.segments(element, viewport)
        if is_line:
            self._count(sum(isinstance(segment, svgelements.Move) for segment in segments))
        for chain in shapes.chains(segments):
            self._count(len(chain))
            self.lines.append(np.asarray(chain) @ matrix[:, :2].T + matrix[:, 2])

    def _count_closed(self, data: str) -> None:
        self.closed += data.lower().count("z")
        if self.closed > MAX_CLOSED:
            raise UserError(f"it has more than {MAX_CLOSED} closed lines")

    def _count(self, segments: int) -> None:
        self.segments += segments
        shapes.check_count(self.segments)


def _alternative(switch: Element) -> list[Element]:
    """The one child of a `switch` that is rendered, for a reader of English."""
    for child in switch:
        language = child.get("systemLanguage", "en")
        understood = not child.get("requiredExtensions") and child.tag in _DRAWN
        if understood and any(tag.strip()[:2] == "en" for tag in language.split(",")):
            return [child]
    return []


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
