"""Find the lines of a drawing that are visible: not painted over, erased, or off the page.

Dimensions: C is the number of cubic curves in a line, n the number of points in a line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import shapely

from sketch_rnn.svg import shapes
from sketch_rnn.svg.covers import MAX_BUFFERED, Cover, Covers, Line
from sketch_rnn.svg.paint import Color, Paint, Painted, bounds, same_color
from sketch_rnn.svg.regions import Region, TooMuch, Work, winding_numbers
from sketch_rnn.svg.viewports import Page

MARK = 1 / 16  # share of the drawing's longer side: size of the largest filled mark (dot or dash)
LONG = 2  # ratio of length to width from which a mark is a short line, not a dot
STEP = 1e-3  # share of the drawing's longer side: distance between points that are tested
MAX_LOOKED_AT = 50_000  # points tested in one line; a longer line is tested at wider steps
SPECK = 4e-3  # share of the longer side: a shorter remainder of a line is dropped
EDGE = 4e-3  # share of the page's longer side: how far off the page a line's middle may be
FINE = 1e-5  # share of a line's longer side: smallest tolerance for lines that are cut
MAX_TESTS = 1_500_000  # tests of a point against a shape that may hide it


@dataclass(frozen=True)
class Shown:
    """The lines that a pen would draw.

    Attributes:
      lines: one array of curves `[C, 4, 2]` for each line, in painting order.
      filled: the number of filled shapes that are left out.
      all_seen: False if too many shapes overlap to find all hidden lines; `lines` then includes
        hidden lines.
    """

    lines: list[np.ndarray]
    filled: int
    all_seen: bool = True


def shown(
    painted: Sequence[Painted],
    page: Page | None,
    ground: Color,
    *,
    outline: bool,
    tolerance: float,
) -> Shown:
    """Return the visible lines among painted shapes, in document order.

    Strokes become lines. Small shapes that are only filled become dots or short lines, if there
    are other lines too. If all strokes have the color of the page, that color is ignored.

    Args:
      painted: the shapes; later ones lie over earlier ones.
      page: the size of the page, if known.
      ground: the color of the page before anything is painted.
      outline: whether the edges of shapes that are only filled become lines.
      tolerance: how far a flattened curve may be from the true curve, as a share of the drawing's
        longer side.
    """
    painted = _drop_off_page(painted, page)
    if not painted:
        return Shown([], 0)
    painted, color = _above_ground(painted, page, ground)
    found = _Sight(painted, page, color, outline, tolerance).shown()
    strokes = [shape.stroke for shape in painted if shape.stroke]
    if found.lines or not all(same_color(stroke.color, color) for stroke in strokes):
        return found
    return _Sight(painted, page, None, outline, tolerance).shown()


def _drop_off_page(painted: Sequence[Painted], page: Page | None) -> list[Painted]:
    """Drop the subpaths that lie wholly off the page, unless that would leave nothing."""
    result = [shape for shape in painted if shape.lines or shape.filled]
    if page is None:
        return result
    on_page = []
    for shape in result:
        lines = [line for line in shape.lines if _touches(line, page)]
        area = None if shape.area is None else [x for x in shape.area if _touches(x, page)]
        if lines or area:
            on_page.append(replace(shape, lines=lines, area=area))
    return on_page or result


def _touches(line: np.ndarray, page: Page) -> bool:
    low, high = line.min(axis=(0, 1)), line.max(axis=(0, 1))
    return bool((low <= page).all() and (high >= 0).all())


def _above_ground(
    painted: Sequence[Painted], page: Page | None, ground: Color
) -> tuple[list[Painted], Color | None]:
    """Return the shapes above the last shape that fills the page, and the resulting page color."""
    box = (np.zeros(2), np.array(page)) if page else bounds(painted)
    last = len(painted) if page else 1
    for place in reversed(range(last)):
        shape = painted[place]
        if not shape.fill or not shape.fill.opaque() or (page is None and shape.stroke):
            continue
        rest = [replace(shape, fill=None)] if shape.stroke else []
        rest += painted[place + 1 :]
        if rest and _covers(shape, *box):
            return rest, shape.fill.color
    return list(painted), ground


def _covers(shape: Painted, low: np.ndarray, high: np.ndarray) -> bool:
    """Return whether a shape is roughly a rectangle at least as large as the given box."""
    if len(shape.filled) != 1 or len(shape.filled[0]) > 8:
        return False
    corners = shape.filled[0][:, 0]
    slack = 0.005 * (high - low)
    left, right = corners.min(axis=0), corners.max(axis=0)
    if (left > low + slack).any() or (right < high - slack).any():
        return False
    x, y = corners.T
    area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    return area >= 0.97 * np.prod(right - left)


class _Sight:
    """The shapes on a page, and their visible parts."""

    def __init__(
        self,
        painted: Sequence[Painted],
        page: Page | None,
        ground: Color | None,
        outline: bool,
        tolerance: float,
    ):
        self._painted, self._page = painted, page
        self._ground, self._outline = ground, outline
        low, high = bounds(painted)
        self._side = float((high - low).max()) or 1.0
        self._limit = max(self._side * tolerance, 1e-12)
        self._tests, self._cuts = 0, Work()
        self._pages: dict[float, Region] = {}  # keyed by how far off the page a line may be

    def shown(self) -> Shown:
        lines = [line for place in range(len(self._painted)) for line in self._lines(place)]
        if not lines:
            return Shown([], sum(self._only_fill(shape) is not None for shape in self._painted))
        filled = 0
        if not self._outline:
            marks, filled = self._marks()
            lines = sorted([*lines, *marks], key=lambda line: line.place)
        lines = [part for line in lines for part in self._on_page(line)] or lines
        seen = [curve for line in lines for curve in self._visible_parts(line)]
        return Shown(seen, filled, self._tests <= MAX_TESTS)

    def _on_page(self, line: Line) -> list[Line]:
        """Return the parts of a line that are on the page or within half a pen's width of it."""
        low, high = line.curves.min(axis=(0, 1)), line.curves.max(axis=(0, 1))
        if self._page is None or ((low >= 0).all() and (high <= self._page).all()):
            return [line]
        edge = min(line.width / 2, EDGE * max(self._page))
        if edge not in self._pages:
            self._pages[edge] = Region(shapely.box(0, 0, *self._page)).grown(edge)
        page = self._pages[edge]
        points = shapes.flatten(line.curves, max(self._limit, FINE * float((high - low).max())))
        try:
            pieces = page.cut(points, self._cuts)
        except TooMuch:
            return [line]
        if len(pieces) == 1 and pieces[0] is points:
            return [line]
        return [replace(line, curves=shapes.straight(piece)) for piece in pieces]

    def _lines(self, place: int) -> Iterator[Line]:
        shape = self._painted[place]
        paint, width, lines = shape.stroke, shape.width, shape.lines
        if (
            self._outline
            and (paint is None or same_color(paint.color, self._ground))
            and shape.fill
        ):
            paint, width, lines = shape.fill, 0.0, shape.filled
        if paint:
            for line in lines:
                yield Line(line, place, paint.color, width)

    def _only_fill(self, shape: Painted) -> Paint | None:
        """Return the visible fill of a shape that has no visible stroke; None if there is none."""
        stroked = shape.stroke and not same_color(shape.stroke.color, self._ground)
        if stroked or shape.fill is None or same_color(shape.fill.color, self._ground):
            return None
        return shape.fill

    def _marks(self) -> tuple[list[Line], int]:
        """Return small filled shapes as lines, and count the filled shapes too large for that."""
        marks, too_large = [], 0
        for place, shape in enumerate(self._painted):
            fill = self._only_fill(shape)
            if fill is None:
                continue
            found = [self._mark(ring, place, fill.color) for ring in self._outer_rings(shape)]
            marks += [mark for mark in found if mark]
            too_large += not all(found)
        return marks, too_large

    def _outer_rings(self, shape: Painted) -> list[np.ndarray]:
        """Return a fill's outermost subpaths, or one subpath without points if it is too large."""
        sizes = [np.ptp(line.reshape(-1, 2), axis=0).max() for line in shape.filled]
        if max(sizes) > MARK * self._side or len(sizes) > MAX_BUFFERED:
            return [np.zeros((0, 2))]
        rings = [shapes.closed(shapes.flatten(line, self._limit)) for line in shape.filled]
        turns = [[winding_numbers(ring[:1], other)[0] for other in rings] for ring in rings]
        return [
            ring
            for number, ring in enumerate(rings)
            if not any(turns[number][:number]) and not any(turns[number][number + 1 :])
        ]

    def _mark(self, ring: np.ndarray, place: int, color: Color | None) -> Line | None:
        """Return a small filled area as a dot or a short line; None if it is too large."""
        if not len(ring):
            return None
        corners = shapely.get_coordinates(shapely.oriented_envelope(shapely.MultiPoint(ring)))
        if len(corners) < 5:  # without an area
            return None
        sides = np.hypot(*np.diff(corners[:3], axis=0).T)
        long, short = sides.max(), sides.min()
        if long > MARK * self._side:
            return None
        ends = np.array([corners[:4].mean(axis=0)] * 2)
        if long >= LONG * short:
            along = np.diff(corners[:3], axis=0)[sides.argmax()] / long
            ends += np.outer([-0.5, 0.5], along * (long - short))
        return Line(shapes.straight(ends), place, color, float(short))

    def _visible_parts(self, line: Line) -> list[np.ndarray]:
        """Return the visible parts of a line, each as curves `[C, 4, 2]`."""
        if self._tests > MAX_TESTS:
            return [line.curves]
        ghost = same_color(line.color, self._ground)
        if ghost and not self._covers.any_fills:
            return []
        near = self._covers.near(line.curves)
        self._tests += 10 * len(near)
        under = [cover for cover in near if cover.place < line.place] if ghost else []
        if ghost and all(same_color(cover.color, self._ground) for cover in under):
            return []
        over = [cover for cover in near if cover.place > line.place]
        over = [cover for cover in over if cover.hides(line, self._ground)]
        if not over and not ghost:
            return [line.curves]
        points, given = self._points(line.curves)
        seen = np.ones(len(points), bool)
        if ghost:
            seen[:] = False
            for cover in under:
                seen[self._inside(cover, points, 0.0)] = not same_color(cover.color, self._ground)
        for cover in over:
            seen[self._inside(cover, points, line.width)] = False
        if seen.all():
            return [line.curves]
        if (points[0] == points[-1]).all():  # closed: let it start where it is hidden
            hidden = int(np.argmin(seen))
            points, given, seen = (
                np.concatenate([values[hidden:], values[1 : hidden + 1]])
                for values in (points, given, seen)
            )
        speck = max(SPECK * self._side, line.width / 2)
        return [shapes.straight(piece) for piece in _pieces(points, given, seen, speck)]

    def _points(self, chain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return closely spaced points `[n, 2]` along a line, and which ones are its corners."""
        corners = shapes.flatten(chain, self._limit)
        far = np.hypot(*np.diff(corners, axis=0).T)
        step = max(STEP * self._side, far.sum() / MAX_LOOKED_AT)
        steps = np.maximum(np.ceil(far / step), 1).astype(np.int64)
        segment = np.repeat(np.arange(len(steps)), steps)
        number = np.arange(len(segment)) - np.repeat(np.cumsum(steps) - steps, steps) + 1
        t = (number / steps[segment])[:, None]
        between = corners[segment] * (1 - t) + corners[segment + 1] * t
        given = np.concatenate([[True], number == steps[segment]])
        return np.concatenate([corners[:1], between]), given

    def _inside(self, cover: "Cover", points: np.ndarray, width: float) -> np.ndarray:
        """Return the indices of the points at which a covering shape hides a pen of this width."""
        low, high = cover.box
        near = np.flatnonzero((points >= low).all(axis=1) & (points <= high).all(axis=1))
        self._tests += 150 + cover.cost(points[near])
        if self._tests > MAX_TESTS or not len(near):
            return near[:0]
        return near[cover.hidden(points[near], width)]

    @cached_property
    def _covers(self) -> "Covers":
        covers = []
        for place, shape in enumerate(self._painted):
            if shape.fill and shape.fill.opaque() and shape.fill.color:
                covers.append(Cover(shape, place, False, shape.fill.color, self._limit))
            stroke = shape.stroke
            if not stroke or not stroke.opaque() or not stroke.color:
                continue
            if same_color(stroke.color, self._ground):
                cover = Cover(shape, place, True, stroke.color, self._limit)
                if covers and cover.continues(covers[-1]):
                    lines = [*covers.pop().shape.lines, *shape.lines]
                    cover = replace(cover, shape=replace(shape, lines=lines))
                covers.append(cover)
        return Covers(covers, self._ground)


def _pieces(
    points: np.ndarray, given: np.ndarray, seen: np.ndarray, speck: float
) -> Iterator[np.ndarray]:
    """Yield the visible parts of a line that are longer than `speck`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2):
        kept = given[first:end].copy()
        kept[[0, -1]] = True
        piece = points[first:end][kept]
        if np.hypot(*np.diff(piece, axis=0).T).sum() > speck:
            yield piece
