"""Turn a shape's element and its inherited properties into a painted shape.

Dimensions: C cubic curves in one line.
"""

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from enum import Enum
from xml.etree.ElementTree import Element

import numpy as np
import svgelements

from sketch_rnn.errors import UserError
from sketch_rnn.svg import dashes, paint, shapes, values
from sketch_rnn.svg.paint import Painted
from sketch_rnn.svg.properties import INHERITED
from sketch_rnn.svg.regions import Region
from sketch_rnn.svg.values import Units

MAX_CLOSED = 3_000  # closed subpaths; the parser's time grows with the square of their number
MAX_WIDTH = 1e9  # width of a stroke, in pixels


@dataclass(frozen=True)
class Context:
    """The properties that an element inherits from its ancestors.

    Attributes:
      style: the inherited properties.
      viewport: the width and height that percentages refer to.
      opacity: the opacity of the element, multiplied by those of all groups around it.
      units: the sizes that relative units refer to.
      depth: how deeply the element is nested.
      moves: whether the element has an animation.
      clips: the regions that limit what the element paints.
    """

    style: Mapping[str, str]
    viewport: tuple[float, float]
    opacity: float = 1.0
    units: Units = field(default_factory=Units)
    depth: int = 0
    moves: bool = False
    clips: tuple[Region, ...] = ()


class Purpose(Enum):
    """The reason for visiting elements: to paint them, to measure them, or to clip with them."""

    PAINT = "paint"
    BOX = "box"
    CLIP = "clip"


@dataclass
class Painter:
    """Makes painted shapes from elements, and limits the work that this takes.

    Attributes:
      by_id: the ids of elements, to check that a gradient or pattern exists.
      dashed: the number of dashed shapes that are painted without their gaps.
    """

    by_id: Container[str]
    dashed: int = 0
    closed: int = 0
    segments: int = 0

    def shape(
        self,
        element: Element,
        geometry: Callable[[str], str | None],
        matrix: np.ndarray,
        context: Context,
        purpose: Purpose,
    ) -> Painted | None:
        """Return the painted shape of an element, in pixels; None if it paints nothing.

        Args:
          element: one of `shapes.SHAPES`.
          geometry: takes the name of an attribute for a position or size, and returns its value. If
            CSS sets the attribute, this is the value from CSS.
          matrix: maps the shape's coordinates to pixels.
          context: the properties that the element inherits.
          purpose: what the shape is for: painting, measuring or clipping.
        """
        stroke, fill, even_odd = self._paints(element, context, purpose)
        is_seen = context.style.get("visibility", "visible") == "visible"
        if not (is_seen and (stroke or fill)) and purpose != Purpose.BOX:
            return None
        lines = drawn = self._lines(element, geometry, context)
        if stroke and purpose == Purpose.PAINT:
            drawn = self._dashed(element, lines, context)
        if not lines or not (drawn or fill):
            return None
        cap = context.style.get("stroke-linecap", "")
        width = self._width(context) * np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        return Painted(
            _placed(drawn, matrix),
            stroke if drawn else None,
            fill,
            width=float(np.clip(np.nan_to_num(width), 0, MAX_WIDTH)),
            cap={"round": "round", "square": "square"}.get(cap, "flat"),
            even_odd=even_odd,
            area=_placed(lines, matrix) if drawn is not lines and fill else None,
            clips=context.clips,
        )

    def _paints(
        self, element: Element, context: Context, purpose: Purpose
    ) -> tuple[paint.Paint | None, paint.Paint | None, bool]:
        """Return the stroke and the fill, and whether the fill follows the even-odd rule."""
        style = context.style
        stroke, fill = self._paint("stroke", context), self._paint("fill", context)
        if purpose == Purpose.CLIP:
            fill = paint.Paint(paint.WHITE, 1.0)
        if purpose == Purpose.CLIP or self._width(context) <= 0:
            stroke = None
        if element.tag == "line":
            fill = None
        rule = "clip-rule" if purpose == Purpose.CLIP else "fill-rule"
        return stroke, fill, style.get(rule) == "evenodd"

    def _lines(
        self, element: Element, geometry: Callable[[str], str | None], context: Context
    ) -> list[np.ndarray]:
        """Return a shape's subpaths, in its own coordinates, as chains of curves `[C, 4, 2]`."""
        is_line = element.tag in shapes.LINES
        if is_line:
            self._count_closed(shapes.path_data(element, geometry))
        segments = shapes.segments(element, geometry, context.viewport, context.units)
        if is_line:
            self._count(sum(isinstance(segment, svgelements.Move) for segment in segments))
        lines = []
        for chain in shapes.chains(segments):
            self._count(len(chain))
            lines.append(np.asarray(chain))
        return lines

    def _width(self, context: Context) -> float:
        """Return the width of the stroke, in the shape's own coordinates."""
        text = context.style.get("stroke-width")
        return values.length(text, _diagonal(context), 1.0, context.units)

    def _dashed(
        self, element: Element, lines: list[np.ndarray], context: Context
    ) -> list[np.ndarray]:
        """Cut a shape's subpaths at the gaps between dashes; leave animated subpaths whole."""
        pattern = dashes.pattern(context.style, _diagonal(context), context.units)
        if pattern is None or context.moves or not lines:
            return lines
        for child in element.iter("animate"):
            if child.get("attributeName", "").startswith("stroke-dash"):
                return lines
        length = values.length(element.get("pathLength"), 0.0)
        drawn, is_whole = dashes.dashed(lines, pattern, length)
        self.dashed += is_whole
        return drawn

    def _paint(self, name: str, context: Context) -> paint.Paint | None:
        style = context.style
        text = style.get(name, INHERITED[name])
        scheme = style.get("color-scheme", "normal")
        found = paint.paint(text, style.get("color", "black"), self.by_id, scheme)
        opacity = context.opacity * parse_opacity(style.get(f"{name}-opacity"))
        return paint.Paint(found.color, found.opacity * opacity) if found and opacity else None

    def _count_closed(self, data: str) -> None:
        self.closed += data.lower().count("z")
        if self.closed > MAX_CLOSED:
            raise UserError(f"it has more than {MAX_CLOSED} closed lines")

    def _count(self, segments: int) -> None:
        self.segments += segments
        shapes.check_count(self.segments)


def parse_opacity(text: str | None) -> float:
    """Parse an opacity, from 0 to 1; return 1 if it is missing or invalid."""
    match = re.match(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(%?)", text or "")
    if not match:
        return 1.0
    return min(max(float(match[1]) / (100 if match[2] else 1), 0.0), 1.0)


def _diagonal(context: Context) -> float:
    """Return the length that percentages in stroke properties refer to."""
    return float(np.hypot(*context.viewport) / np.sqrt(2))


def _placed(lines: list[np.ndarray], matrix: np.ndarray) -> list[np.ndarray]:
    return [line @ matrix[:, :2].T + matrix[:, 2] for line in lines]
