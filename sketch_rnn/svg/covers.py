"""Find the shapes that hide lines: fills, and strokes in the color of the page.

Dimensions: n points in one line, s segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from sketch_rnn.svg import shapes
from sketch_rnn.svg.paint import Color, Painted, bounds, same_color
from sketch_rnn.svg.regions import winding_numbers

CHUNK = 64  # points in a line that are tested together
MAX_BUFFERED = 100  # segments in a stroke; longer strokes are tested as if their ends were round


@dataclass(frozen=True)
class Line:
    """A pen line, the index of its shape (`place`), and its color and width."""

    curves: np.ndarray
    place: int
    color: Color | None
    width: float


@dataclass(frozen=True)
class Cover:
    """A fill, or a stroke in the color of the page, that hides what lies under it."""

    shape: Painted
    place: int
    is_stroke: bool
    color: Color
    tolerance: float

    def hides(self, line: Line, ground: Color | None) -> bool:
        """Return whether this shape hides a line that lies under it.

        A stroke that is clearly thinner than the line does not hide it. A shape that has
        the line's color does not hide the line either, unless the page (`ground`) has it too.
        """
        if self.is_stroke and self.shape.width < 0.9 * line.width:
            return False
        return not same_color(self.color, line.color) or same_color(self.color, ground)

    def continues(self, before: "Cover") -> bool:
        """Return whether this is the same kind of stroke as `before`, painted right after it."""
        return (
            self.is_stroke
            and before.is_stroke
            and self.place == before.place + 1
            and (self.shape.width, self.shape.cap) == (before.shape.width, before.shape.cap)
        )

    @cached_property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = bounds([self.shape])
        around = self.shape.width if self.is_stroke else 0.0
        return low - around, high + around

    @cached_property
    def lines(self) -> list[np.ndarray]:
        """The shape's subpaths as points `[n, 2]`; subpaths of a fill are closed."""
        if self.is_stroke:
            return [shapes.flatten(line, self.tolerance) for line in self.shape.lines]
        return [shapes.closed(shapes.flatten(line, self.tolerance)) for line in self.shape.filled]

    def cost(self, points: np.ndarray) -> int:
        """Return the cost of testing points; the unit is testing one point against one segment."""
        if self._is_long_stroke:
            made = 0 if "_segments" in self.__dict__ else self._edges
            near = sum(len(found) for found in self._within_reach(points))
            return made + len(points) + near * CHUNK // 256
        made = 0 if "outline" in self.__dict__ else 10 * self._edges
        return made + len(points) * (2 if self.is_stroke else 1 + self._edges // 8)

    def hidden(self, points: np.ndarray, width: float) -> np.ndarray:
        """Return a mask `[n]` of the points `[n, 2]` where this shape hides a dot of this width."""
        if self._is_long_stroke:
            segments, reach = self._segments[0], self.shape.width / 2
            return np.concatenate(
                [
                    _are_near(points[number * CHUNK : (number + 1) * CHUNK], segments[near], reach)
                    for number, near in enumerate(self._within_reach(points))
                ]
            )
        if self.is_stroke:
            return shapely.intersects(self.outline, shapely.points(points))
        turns = np.zeros(len(points), np.int64)
        for ring in self.lines:
            turns += winding_numbers(points, ring)
        hidden = turns % 2 == 1 if self.shape.even_odd else turns != 0
        if width:
            at = np.flatnonzero(hidden)
            near = shapely.dwithin(shapely.points(points[at]), self.outline, 0.45 * width)
            hidden[at[near]] = False
        return hidden

    @property
    def _is_long_stroke(self) -> bool:
        return self.is_stroke and self._edges > MAX_BUFFERED

    @cached_property
    def _edges(self) -> int:
        return sum(map(len, self.lines))

    @cached_property
    def _segments(self) -> tuple[np.ndarray, shapely.STRtree]:
        """The segments `[s, 2, 2]` of a stroke, and a spatial index of them."""
        pairs = [line if len(line) > 1 else line[[0, 0]] for line in self.lines]
        segments = np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in pairs])
        return segments, shapely.STRtree(shapely.linestrings(segments))

    def _within_reach(self, points: np.ndarray) -> list[np.ndarray]:
        """Return, for each `CHUNK` successive points, the indices of the segments near them."""
        firsts, reach = np.arange(0, len(points), CHUNK), self.shape.width / 2
        low, high = (of.reduceat(points, firsts, axis=0) for of in (np.minimum, np.maximum))
        boxes = shapely.box(*(low - reach).T, *(high + reach).T)
        numbers, found = self._segments[1].query(boxes)
        return np.split(found, np.searchsorted(numbers, np.arange(1, len(firsts))))

    @cached_property
    def outline(self) -> shapely.Geometry:
        """The outline of a fill, or the area that a stroke paints; slow for long strokes."""
        pairs = [line if len(line) > 1 else line[[0, 0]] for line in self.lines]
        outline = shapely.multilinestrings([shapely.linestrings(line) for line in pairs])
        if self.is_stroke:
            parts, around = shapely.get_parts(outline), self.shape.width / 2
            outline = shapely.union_all(
                [part.buffer(around, quad_segs=4, cap_style=self.shape.cap) for part in parts]
            )
        shapely.prepare(outline)
        return outline


class Covers:
    """All shapes on a page that may hide what lies under them (`Cover`), with a spatial index.

    Attributes:
      any_fills: True if at least one of the shapes has another color than the page.
    """

    def __init__(self, covers: Sequence[Cover], ground: Color | None):
        self._covers = covers
        self.any_fills = any(not same_color(cover.color, ground) for cover in covers)
        boxes = [shapely.box(*cover.box[0], *cover.box[1]) for cover in covers]
        self._tree = shapely.STRtree(boxes) if covers else None

    def near(self, line: np.ndarray) -> list[Cover]:
        """Return the covering shapes that may touch a line, in painting order."""
        if self._tree is None:
            return []
        box = shapely.box(*line.min(axis=(0, 1)), *line.max(axis=(0, 1)))
        return [self._covers[number] for number in np.sort(self._tree.query(box))]


def _are_near(points: np.ndarray, segments: np.ndarray, reach: float) -> np.ndarray:
    """Return a mask `[n]` of the points `[n, 2]` that are within `reach` of any segment."""
    (x, y), (left, top) = points.T[..., None], segments[:, 0].T
    along_x, along_y = (segments[:, 1] - segments[:, 0]).T
    x, y = x - left, y - top  # [n, s]
    square = np.maximum(along_x * along_x + along_y * along_y, 1e-300)
    t = np.clip((x * along_x + y * along_y) / square, 0, 1)
    x -= t * along_x
    y -= t * along_y
    return (x * x + y * y <= reach * reach).any(axis=1)
