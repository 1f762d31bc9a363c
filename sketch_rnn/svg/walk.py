"""Visit the elements of an SVG file as a browser renders them, and collect painted shapes.

Nested transforms, `use`, `switch`, viewports, inherited properties and clips are resolved
(https://www.w3.org/TR/SVG2/). Nothing outside the file is read, and the work is limited whatever
the file contains.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from xml.etree.ElementTree import Element

import numpy as np

from sketch_rnn.errors import UserError
from sketch_rnn.svg import (
    clips,
    regions,
    shapes,
    transforms,
    values,
    viewports,
    xml,
)
from sketch_rnn.svg.paint import Painted
from sketch_rnn.svg.painter import Context, Painter, Purpose, parse_opacity
from sketch_rnn.svg.properties import INHERITED, path_of
from sketch_rnn.svg.style import Styles
from sketch_rnn.svg.transforms import IDENTITY, Box, compose, moved
from sketch_rnn.svg.values import Units

_DRAWN = ("svg", "g", "a", "switch", "use", *shapes.SHAPES)
_MARKED = ("line", *shapes.LINES)


@dataclass
class Walker:
    """The tree of elements, visited in rendering order, and the shapes that it paints.

    Attributes:
      boxes: the bounding boxes that transforms and clips refer to, keyed by the element and whether
        its strokes count.
    """

    root: Element
    painted: list[Painted] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    boxes: dict[tuple[Element, bool], Box] = field(default_factory=dict)
    purpose: Purpose = Purpose.PAINT
    visited: int = 0
    size: int = 0  # characters of all visited attributes

    def __post_init__(self) -> None:
        self.styles = Styles(self.root, viewports.page_size(self.root, {}) or values.PAGE)
        self.by_id: dict[str, Element] = {}
        for element in self.root.iter():
            self.by_id.setdefault(element.get("id", ""), element)
        self.painter = Painter(self.by_id)
        self.clips = clips.Clips(self.by_id, self._collect_shapes, self.styles.own_properties)

    def walk(self) -> list[Painted]:
        """Return the shapes that the file paints; coordinates are pixels of its page."""
        self.visit(self.root, IDENTITY, Context(style={}, viewport=values.PAGE))
        return self.painted

    def visit(
        self,
        element: Element,
        matrix: np.ndarray,
        context: Context,
        size: Mapping[str, str] | None = None,
    ) -> None:
        """Collect what an element paints; `size` is given if a `use` refers to the element."""
        self.visited += 1
        self.size += xml.attribute_size(element.attrib)
        if self.visited > xml.MAX_ELEMENTS or self.size > xml.MAX_BYTES:
            raise UserError(
                f"it draws more than {xml.MAX_ELEMENTS} elements, or elements of more than "
                f"{xml.MAX_BYTES >> 20} MB"
            )
        xml.check_depth(context.depth)
        tag = element.tag
        named = tag in ("image", "text", "foreignObject")
        if tag not in _DRAWN and not named and not (tag == "symbol" and size is not None):
            return
        own = self.styles.resolved(self.styles.own_properties(element), context.style)
        opacity = context.opacity * parse_opacity(own.get("opacity"))
        if own.get("display") == "none" or (opacity == 0 and self.purpose != Purpose.CLIP):
            return
        style = {**context.style, **_inheritable(own)}
        units = self._units(own, context, element is self.root)
        context = replace(
            context,
            style=style,
            opacity=opacity,
            units=units,
            depth=context.depth + 1,
            moves=any(own.get(k, "none") != "none" for k in ("animation", "animation-name")),
        )
        if named:
            self._leave_out(tag, element, style)
            return
        self._leave_out_markers(tag, style)
        inner = _Inner(self, element, own, context, size or {})
        box = self._reference_box(inner)
        try:
            transform = transforms.own_transform(inner.own, box, units)
        except ValueError:  # a unit that is not valid here; other errors were found before
            transform = IDENTITY
        matrix = compose(matrix, transform)
        if self.purpose != Purpose.BOX and ("clip-path" in own or "mask" in own):
            found = self.clips.regions_of(own, self._place(inner, matrix))
            inner.context = replace(context, clips=(*context.clips, *found))
        inner.visit(matrix)

    def page_size(self) -> tuple[float, float] | None:
        """Return the size of the outermost `svg` in pixels; None if the file gives none."""
        return viewports.page_size(self.root, self.styles.own_properties(self.root))

    def _units(self, own: Mapping[str, str], context: Context, is_root: bool) -> Units:
        before = context.units
        font = before.font
        if "font-size" in own:
            font = values.length(own["font-size"], font, font, before)
        if is_root:
            return Units(font, font, self.page_size() or values.PAGE)
        return before if font == before.font else Units(font, before.root_font, before.page)

    def _leave_out(self, tag: str, element: Element, style: Mapping[str, str]) -> None:
        if self.purpose == Purpose.BOX or style.get("visibility", "visible") != "visible":
            return
        if tag == "text" and not "".join(element.itertext()).strip():
            return
        if tag == "image" and not element.get("href"):
            return
        self.left_out[tag] += 1

    def _leave_out_markers(self, tag: str, style: Mapping[str, str]) -> None:
        if self.purpose == Purpose.PAINT and tag in _MARKED:
            for name in ("marker-start", "marker-mid", "marker-end"):
                match = re.match(r"url\(\s*['\"]?#([^'\")]*)", style.get(name, ""))
                self.left_out["marker"] += bool(match and match[1] in self.by_id)

    def _place(self, inner: "_Inner", matrix: np.ndarray) -> clips.Place:
        context = inner.context
        return clips.Place(
            matrix, context.viewport, context.units, partial(self._box, inner), context.depth
        )

    def _collect_shapes(
        self, container: Element, matrix: np.ndarray, place: clips.Place, is_clip: bool
    ) -> tuple[list[Painted], bool]:
        """Return the shapes that the children of a `clipPath` or `mask` paint. Also return True if
        all of them could be read, and False if some had to be left out.
        """
        style, own = self._inherited_by(container)
        transform = transforms.own_transform(own, (0.0, 0.0, *place.viewport), place.units)
        context = Context(style, place.viewport, 1.0, place.units, place.depth + 1)
        saved = self.painted, self.left_out, self.purpose
        self.painted, self.left_out = [], Counter()
        self.purpose = Purpose.CLIP if is_clip else Purpose.PAINT
        for child in container:
            if not is_clip or child.tag in (*shapes.SHAPES, "use", "text"):
                self.visit(child, compose(matrix, transform), context)
        found = self.painted, not self.left_out.total()
        self.painted, self.left_out, self.purpose = saved
        return found

    def _inherited_by(self, element: Element) -> tuple[dict[str, str], dict[str, str]]:
        """Return the inherited and own properties of an element that is not rendered."""
        path = [element]
        while path[-1] in self._parents:
            path.append(self._parents[path[-1]])
        style: dict[str, str] = {}
        own: dict[str, str] = {}
        for ancestor in reversed(path):
            own = self.styles.resolved(self.styles.own_properties(ancestor), style)
            style |= _inheritable(own)
        return style, own

    @cached_property
    def _parents(self) -> dict[Element, Element]:
        return {child: parent for parent in self.root.iter() for child in parent}

    def _reference_box(self, inner: "_Inner") -> Box:
        """Return the box that an element's transform and transform origin refer to."""
        if not any(name in inner.own for name in transforms.PROPERTIES):
            return (0.0, 0.0, 0.0, 0.0)
        if inner.element is self.root:
            inner.own.setdefault("transform-origin", "50% 50%")
            return (0.0, 0.0, *inner.viewport_size())
        kind = inner.own.get("transform-box", "view-box")
        if kind == "view-box":
            return (0.0, 0.0, *inner.context.viewport)
        return self._box(inner, with_strokes=kind in ("stroke-box", "border-box"))

    def _box(self, inner: "_Inner", with_strokes: bool) -> Box:
        """Return the box around what an element draws, visible or not, in its own coordinates."""
        key = inner.element, with_strokes
        if key not in self.boxes:
            saved = self.painted, self.purpose
            self.painted, self.purpose = [], Purpose.BOX
            inner.visit(IDENTITY)
            measured, (self.painted, self.purpose) = self.painted, saved
            self.boxes[key] = _box_of(measured, with_strokes)
        return self.boxes[key]


@dataclass
class _Inner:
    """The content of an element, in the coordinate system that its transform sets up."""

    walker: Walker
    element: Element
    own: dict[str, str]
    context: Context
    size: Mapping[str, str]  # width and height from the `use` that refers to it

    def geometry(self, name: str) -> str | None:
        """Return the value of an attribute that sets a position or size; CSS takes precedence."""
        text = self.own.get(name)
        if text is None:
            return self.element.get(name)
        return path_of(text) if name == "d" else text

    def viewport_size(self) -> tuple[float, float]:
        """Return the size of an `svg` or `symbol`; CSS can set it only for the outermost `svg`."""
        box, is_root = viewports.view_box(self.element), self.element is self.walker.root
        default = box[2:] if box and is_root else self.context.viewport
        said = self.geometry if is_root else self.element.get
        width, height = (
            values.length(self.size.get(name) or said(name), whole, whole, self.context.units)
            for name, whole in zip(("width", "height"), default, strict=True)
        )
        return width, height

    def visit(self, matrix: np.ndarray) -> None:
        """Visit the content; `matrix` maps the element's own coordinates to the page."""
        tag = self.element.tag
        if tag in shapes.SHAPES:
            walker = self.walker
            shape = walker.painter.shape(
                self.element, self.geometry, matrix, self.context, walker.purpose
            )
            walker.painted += [shape] if shape else []
        elif tag == "use":
            self._visit_use(matrix)
        else:
            self._visit_children(matrix)

    def _visit_children(self, matrix: np.ndarray) -> None:
        element, context = self.element, self.context
        if element.tag in ("svg", "symbol"):
            size = self.viewport_size()
            if element is not self.walker.root:
                matrix = moved(matrix, *self._place(self.element.get))
                context = self._within(matrix, size)
            matrix, viewport = viewports.inner_coordinates(element, matrix, size)
            if viewport is None:
                return
            context = replace(context, viewport=viewport)
        for child in _alternative(element) if element.tag == "switch" else element:
            self.walker.visit(child, matrix, context)

    def _within(self, matrix: np.ndarray, size: tuple[float, float]) -> Context:
        """Return the `Context` for the content of a viewport.

        The viewport clips this content, unless its overflow is visible.
        """
        context = self.context
        if self.own.get("overflow", "hidden") in ("visible", "auto") or min(size) <= 0:
            return context
        return replace(context, clips=(*context.clips, *clips.viewport_region(matrix, size)))

    def _visit_use(self, matrix: np.ndarray) -> None:
        link = self.element.get("href", "")
        target = self.walker.by_id.get(link[1:]) if link[:1] == "#" and len(link) > 1 else None
        if target is None:
            return
        size = {k: text for k in ("width", "height") if (text := self.element.get(k))}
        self.walker.visit(target, moved(matrix, *self._place(self.geometry)), self.context, size)

    def _place(self, said: Callable[[str], str | None]) -> tuple[float, float]:
        x, y = (
            values.length(said(name), whole, 0.0, self.context.units)
            for name, whole in zip("xy", self.context.viewport, strict=True)
        )
        return x, y


def _box_of(painted: list[Painted], with_strokes: bool) -> Box:
    """Return the box around shapes; an empty box at the origin if there are none."""
    corners = []
    for shape in painted:
        for line in shape.lines:
            side = max(float(np.ptp(line.reshape(-1, 2), axis=0).max()), 1e-9)
            points = shapes.flatten(line, 1e-4 * side) if np.isfinite(line).all() else line[0]
            if with_strokes and shape.stroke:
                points = regions.stroke_extent(points, shape.width, shape.cap)
            corners += [points.min(axis=0), points.max(axis=0)]
    if not corners:
        return (0.0, 0.0, 0.0, 0.0)
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    return (*low.tolist(), *(high - low).tolist())


def _alternative(switch: Element) -> list[Element]:
    """Return the child of a `switch` that is rendered for a reader of English."""
    for child in switch:
        language = child.get("systemLanguage", "en")
        understood = not child.get("requiredExtensions") and child.tag in _DRAWN
        if understood and any(tag.strip()[:2] == "en" for tag in language.split(",")):
            return [child]
    return []


def _inheritable(own: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in own.items() if k in INHERITED or k.startswith("--")}
