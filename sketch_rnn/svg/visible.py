"""What of a drawing shows: what is painted over or rubbed out does not, nor what is off the page.

Dimensions: C cubic curves of one line, n points of one line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import shapely

from sketch_rnn.svg import curves
from sketch_rnn.svg.paint import Colour, Paint, same

MARK = 1 / 16  # of the drawing's longer side: the size of the largest filled shape that is a mark
LONG = 2  # how much longer than wide a mark is that is a short line and no dot
STEP = 1e-3  # of the drawing's longer side: between points of a line that is looked at
MAX_LOOKED_AT = 50_000  # points of one line; where that is too few, they are further apart
SPECK = 4e-3  # of it: what is left of a line and shorter does not count
MAX_TESTS = 1_500_000  # of a point against what lies over it
CHUNK = 64  # points of a line that are looked for at once
MAX_BUFFERED = 100  # segments of a stroke whose ends are drawn as they are, and not round

Page = tuple[float, float]  # width and height, in pixels


@dataclass(frozen=True)
class Painted:
    """A shape as it is painted, in pixels.

    lines: its subpaths, each curves `[C, 4, 2]`.
    stroke, fill: None where there is none that can be seen.
    width, cap: of the stroke; as shapely names the ends of lines.
    even_odd: whether the fill follows the even-odd rule.
    """

    lines: Sequence[np.ndarray]
    stroke: Paint | None
    fill: Paint | None
    width: float = 1.0
    cap: str = "flat"
    even_odd: bool = False


@dataclass(frozen=True)
class Shown:
    """What a pen would draw.

    lines: curves `[C, 4, 2]`, in the order in which they are painted.
    filled: how many filled shapes are left out.
    all_seen: False where too much lies over one another to say what is hidden; it is among the
    lines then.
    """

    lines: list[np.ndarray]
    filled: int
    all_seen: bool = True


@dataclass(frozen=True)
class _Line:
    """A line of a pen, the number of its shape, and how it looks."""

    curves: np.ndarray
    place: int
    colour: Colour | None
    width: float


def shown(
    painted: Sequence[Painted],
    page: Page | None,
    ground: Colour,
    *,
    outline: bool,
    tolerance: float,
) -> Shown:
    """The lines that can be seen of what is painted, in document order.

    What is stroked is a line; of what is only filled, small shapes beside lines are dots or short
    lines. If all strokes are in the colour of the page, that is taken to be another.

    Args:
      painted: the shapes; the later over the earlier.
      page: its size, if it is known.
      ground: its colour, before anything is painted.
      outline: take the edges of what is only filled.
      tolerance: of flattened curves, as a share of the drawing's longer side.
    """
    painted = _on_page(painted, page)
    if not painted:
        return Shown([], 0)
    painted, colour = _above_ground(painted, page, ground)
    found = _Drawing(painted, colour, outline, tolerance).shown()
    strokes = [shape.stroke for shape in painted if shape.stroke]
    if found.lines or not all(same(stroke.colour, colour) for stroke in strokes):
        return found
    return _Drawing(painted, None, outline, tolerance).shown()


def _on_page(painted: Sequence[Painted], page: Page | None) -> list[Painted]:
    """The shapes without subpaths that are wholly off the page, unless all are."""
    result = [shape for shape in painted if shape.lines]
    if page is None:
        return result
    on_page = []
    for shape in result:
        kept = [line for line in shape.lines if _touches(line, page)]
        if kept:
            on_page.append(replace(shape, lines=kept))
    return on_page or result


def _touches(line: np.ndarray, page: Page) -> bool:
    low, high = line.min(axis=(0, 1)), line.max(axis=(0, 1))
    return bool((low <= page).all() and (high >= 0).all())


def _above_ground(
    painted: Sequence[Painted], page: Page | None, ground: Colour
) -> tuple[list[Painted], Colour | None]:
    """The shapes from the last one on that fills the whole page, and the page's colour then."""
    box = (np.zeros(2), np.array(page)) if page else _box(painted)
    last = len(painted) if page else 1
    for place in reversed(range(last)):
        shape = painted[place]
        if not shape.fill or not shape.fill.opaque() or (page is None and shape.stroke):
            continue
        rest = [replace(shape, fill=None)] if shape.stroke else []
        rest += painted[place + 1 :]
        if rest and _covers(shape, *box):
            return rest, shape.fill.colour
    return list(painted), ground


def _box(painted: Sequence[Painted]) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate([line.reshape(-1, 2) for shape in painted for line in shape.lines])
    return points.min(axis=0), points.max(axis=0)


def _covers(shape: Painted, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether a shape is one rectangle, about, that is as large as a box."""
    if len(shape.lines) != 1 or len(shape.lines[0]) > 8:
        return False
    corners = shape.lines[0][:, 0]
    slack = 0.005 * (high - low)
    left, right = corners.min(axis=0), corners.max(axis=0)
    if (left > low + slack).any() or (right < high - slack).any():
        return False
    x, y = corners.T
    area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    return area >= 0.97 * np.prod(right - left)


class _Drawing:
    """Shapes of a page, and what is seen of them."""

    def __init__(
        self, painted: Sequence[Painted], ground: Colour | None, outline: bool, tolerance: float
    ):
        self._painted, self._ground, self._outline = painted, ground, outline
        low, high = _box(painted)
        self._side = float((high - low).max()) or 1.0
        self._limit = max(self._side * tolerance, 1e-12)
        self._tests = 0

    def shown(self) -> Shown:
        lines = [line for place in range(len(self._painted)) for line in self._lines(place)]
        if not lines:
            return Shown([], sum(self._only_fill(shape) is not None for shape in self._painted))
        filled = 0
        if not self._outline:
            marks, filled = self._marks()
            lines = sorted([*lines, *marks], key=lambda line: line.place)
        seen = [curve for line in lines for curve in self._seen(line)]
        return Shown(seen, filled, self._tests <= MAX_TESTS)

    def _lines(self, place: int) -> Iterator[_Line]:
        shape = self._painted[place]
        paint, width = shape.stroke, shape.width
        if self._outline and (paint is None or same(paint.colour, self._ground)) and shape.fill:
            paint, width = shape.fill, 0.0
        if paint:
            for line in shape.lines:
                yield _Line(line, place, paint.colour, width)

    def _only_fill(self, shape: Painted) -> Paint | None:
        """The fill of a shape that can be seen and is only filled."""
        stroked = shape.stroke and not same(shape.stroke.colour, self._ground)
        if stroked or shape.fill is None or same(shape.fill.colour, self._ground):
            return None
        return shape.fill

    def _marks(self) -> tuple[list[_Line], int]:
        """Small filled shapes as lines, and how many shapes are too large for that."""
        marks, too_large = [], 0
        for place, shape in enumerate(self._painted):
            fill = self._only_fill(shape)
            if fill is None:
                continue
            found = [self._mark(ring, place, fill.colour) for ring in self._outer_rings(shape)]
            marks += [mark for mark in found if mark]
            too_large += not all(found)
        return marks, too_large

    def _outer_rings(self, shape: Painted) -> list[np.ndarray]:
        """The subpaths of a fill that are in none of the others, if all are small."""
        sizes = [np.ptp(line.reshape(-1, 2), axis=0).max() for line in shape.lines]
        if max(sizes) > MARK * self._side or len(sizes) > MAX_BUFFERED:
            return [np.zeros((0, 2))]
        rings = [_closed(curves.flatten(line, self._limit)) for line in shape.lines]
        turns = [[_turns_about(ring[:1], other)[0] for other in rings] for ring in rings]
        return [
            ring
            for number, ring in enumerate(rings)
            if not any(turns[number][:number]) and not any(turns[number][number + 1 :])
        ]

    def _mark(self, ring: np.ndarray, place: int, colour: Colour | None) -> _Line | None:
        """A small area as a dot or a short line; None if it is too large."""
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
        return _Line(_straight(ends), place, colour, float(short))

    def _seen(self, line: _Line) -> list[np.ndarray]:
        """What is seen of a line, as curves."""
        if self._tests > MAX_TESTS:
            return [line.curves]
        ghost = same(line.colour, self._ground)
        if ghost and not self._covers.any_fills:
            return []
        near = self._covers.near(line.curves)
        self._tests += 10 * len(near)
        under = [cover for cover in near if cover.place < line.place] if ghost else []
        if ghost and all(same(cover.colour, self._ground) for cover in under):
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
                seen[self._inside(cover, points, 0.0)] = not same(cover.colour, self._ground)
        for cover in over:
            seen[self._inside(cover, points, line.width)] = False
        if seen.all():
            return [line.curves]
        if (points[0] == points[-1]).all():  # begins anywhere: where it is hidden
            hidden = int(np.argmin(seen))
            points, given, seen = (
                np.concatenate([values[hidden:], values[1 : hidden + 1]])
                for values in (points, given, seen)
            )
        speck = max(SPECK * self._side, line.width / 2)
        return [_straight(piece) for piece in _pieces(points, given, seen, speck)]

    def _points(self, chain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points along a line `[n, 2]`, close to one another, and which are not only between."""
        corners = curves.flatten(chain, self._limit)
        far = np.hypot(*np.diff(corners, axis=0).T)
        step = max(STEP * self._side, far.sum() / MAX_LOOKED_AT)
        steps = np.maximum(np.ceil(far / step), 1).astype(np.int64)
        segment = np.repeat(np.arange(len(steps)), steps)
        number = np.arange(len(segment)) - np.repeat(np.cumsum(steps) - steps, steps) + 1
        t = (number / steps[segment])[:, None]
        between = corners[segment] * (1 - t) + corners[segment + 1] * t
        given = np.concatenate([[True], number == steps[segment]])
        return np.concatenate([corners[:1], between]), given

    def _inside(self, cover: "_Cover", points: np.ndarray, width: float) -> np.ndarray:
        """Numbers of the points that a cover hides of a pen of that width."""
        low, high = cover.box
        near = np.flatnonzero((points >= low).all(axis=1) & (points <= high).all(axis=1))
        self._tests += 150 + cover.cost(points[near])
        if self._tests > MAX_TESTS or not len(near):
            return near[:0]
        return near[cover.hidden(points[near], width)]

    @cached_property
    def _covers(self) -> "_Covers":
        covers = []
        for place, shape in enumerate(self._painted):
            if shape.fill and shape.fill.opaque() and shape.fill.colour:
                covers.append(_Cover(shape, place, False, shape.fill.colour, self._limit))
            stroke = shape.stroke
            if not stroke or not stroke.opaque() or not stroke.colour:
                continue
            if same(stroke.colour, self._ground):
                cover = _Cover(shape, place, True, stroke.colour, self._limit)
                if covers and cover.goes_on(covers[-1]):
                    lines = [*covers.pop().shape.lines, *shape.lines]
                    cover = replace(cover, shape=replace(shape, lines=lines))
                covers.append(cover)
        return _Covers(covers, self._ground)


@dataclass(frozen=True)
class _Cover:
    """A fill, or a stroke in the colour of the page, that hides what is below."""

    shape: Painted
    place: int
    is_stroke: bool
    colour: Colour
    tolerance: float

    def hides(self, line: _Line, ground: Colour | None) -> bool:
        """Whether it can be told apart from a line, and is wide enough to hide it."""
        if self.is_stroke and self.shape.width < 0.9 * line.width:
            return False
        return not same(self.colour, line.colour) or same(self.colour, ground)

    def goes_on(self, before: "_Cover") -> bool:
        """Whether it is a stroke like another, with nothing between them."""
        return (
            self.is_stroke
            and before.is_stroke
            and self.place == before.place + 1
            and (self.shape.width, self.shape.cap) == (before.shape.width, before.shape.cap)
        )

    @cached_property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = _box([self.shape])
        around = self.shape.width if self.is_stroke else 0.0
        return low - around, high + around

    @cached_property
    def lines(self) -> list[np.ndarray]:
        """Its subpaths as points `[n, 2]`; those of a fill are closed."""
        lines = [curves.flatten(line, self.tolerance) for line in self.shape.lines]
        if self.is_stroke:
            return lines
        return [_closed(line) for line in lines]

    def cost(self, points: np.ndarray) -> int:
        """What it takes to look at points, in tests of one."""
        if self._is_long_stroke:
            made = 0 if "_segments" in self.__dict__ else self._edges
            near = sum(len(found) for found in self._within_reach(points))
            return made + len(points) + near * CHUNK // 256
        made = 0 if "outline" in self.__dict__ else 10 * self._edges
        return made + len(points) * (2 if self.is_stroke else 1 + self._edges // 8)

    def hidden(self, points: np.ndarray, width: float) -> np.ndarray:
        """Which points `[n, 2]` of a pen of that width are wholly hidden `[n]`."""
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
            turns += _turns_about(points, ring)
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
        """The segments of a stroke `[s, 2, 2]`, and what finds them by their place."""
        pairs = [line if len(line) > 1 else line[[0, 0]] for line in self.lines]
        segments = np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in pairs])
        return segments, shapely.STRtree(shapely.linestrings(segments))

    def _within_reach(self, points: np.ndarray) -> list[np.ndarray]:
        """For every `CHUNK` points in a row, the numbers of a stroke's segments in their reach."""
        firsts, reach = np.arange(0, len(points), CHUNK), self.shape.width / 2
        low, high = (of.reduceat(points, firsts, axis=0) for of in (np.minimum, np.maximum))
        boxes = shapely.box(*(low - reach).T, *(high + reach).T)
        numbers, found = self._segments[1].query(boxes)
        return np.split(found, np.searchsorted(numbers, np.arange(1, len(firsts))))

    @cached_property
    def outline(self) -> shapely.Geometry:
        """The edge of a fill, or the area of a stroke that is not long."""
        pairs = [line if len(line) > 1 else line[[0, 0]] for line in self.lines]
        outline = shapely.multilinestrings([shapely.linestrings(line) for line in pairs])
        if self.is_stroke:
            parts, around = shapely.get_parts(outline), self.shape.width / 2
            outline = shapely.union_all(
                [part.buffer(around, quad_segs=4, cap_style=self.shape.cap) for part in parts]
            )
        shapely.prepare(outline)
        return outline


class _Covers:
    """Covers, found by their place on the page.

    any_fills: whether there are some that are not in its colour.
    """

    def __init__(self, covers: Sequence[_Cover], ground: Colour | None):
        self._covers = covers
        self.any_fills = any(not same(cover.colour, ground) for cover in covers)
        boxes = [shapely.box(*cover.box[0], *cover.box[1]) for cover in covers]
        self._tree = shapely.STRtree(boxes) if covers else None

    def near(self, line: np.ndarray) -> list[_Cover]:
        """Those that a line may meet, in order."""
        if self._tree is None:
            return []
        box = shapely.box(*line.min(axis=(0, 1)), *line.max(axis=(0, 1)))
        return [self._covers[number] for number in np.sort(self._tree.query(box))]


def _pieces(
    points: np.ndarray, given: np.ndarray, seen: np.ndarray, speck: float
) -> Iterator[np.ndarray]:
    """The parts of a line that are seen, without those that are no longer than a speck."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2):
        kept = given[first:end].copy()
        kept[[0, -1]] = True
        piece = points[first:end][kept]
        if np.hypot(*np.diff(piece, axis=0).T).sum() > speck:
            yield piece


def _straight(points: np.ndarray) -> np.ndarray:
    """Lines between points `[n, 2]` as curves `[n - 1, 4, 2]`."""
    start, end = points[:-1, None], points[1:, None]
    return start + np.linspace(0, 1, 4)[:, None] * (end - start)


def _closed(line: np.ndarray) -> np.ndarray:
    return np.concatenate([line, line[:1]])


def _are_near(points: np.ndarray, segments: np.ndarray, reach: float) -> np.ndarray:
    """Which of the points `[n, 2]` are no further than that from any of the segments `[n]`."""
    (x, y), (left, top) = points.T[..., None], segments[:, 0].T
    along_x, along_y = (segments[:, 1] - segments[:, 0]).T
    x, y = x - left, y - top  # [n, s]
    square = np.maximum(along_x * along_x + along_y * along_y, 1e-300)
    t = np.clip((x * along_x + y * along_y) / square, 0, 1)
    x -= t * along_x
    y -= t * along_y
    return (x * x + y * y <= reach * reach).any(axis=1)


def _turns_about(points: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """How often a closed line turns about each of the points `[n]` (its winding number)."""
    turns, step = np.zeros(len(points), np.int64), max(1_000_000 // len(ring), 1)
    for first in range(0, len(points), step):
        some = points[first : first + step, None]
        a, b = ring[None, :-1] - some, ring[None, 1:] - some  # [n, edges, 2]
        left = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
        up = (a[..., 1] <= 0) & (b[..., 1] > 0) & (left > 0)
        down = (a[..., 1] > 0) & (b[..., 1] <= 0) & (left < 0)
        turns[first : first + step] = up.sum(axis=1) - down.sum(axis=1)
    return turns
