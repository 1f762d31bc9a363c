"""Make regions of the page and cut lines at their edges, with shapely, within limits.

Dimensions: n points in one line, s segments in it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np
import shapely
import shapely.errors

MAX_EDGES = 30_000  # edges of all regions in a file
MADE = 10  # fixed cost of making a region, as a number of edges
MAX_MEETING = 50_000  # pairs of edges that may intersect, within a region or between two
MAX_CUTS = 2_000_000  # tests of a segment against an edge, in one file
MAX_MEASURED = 1000  # points in a line; strokes of longer lines are measured roughly
CHUNK = 256  # edges that are looked up together


class TooMuch(Exception):
    """Raised if there are too many regions, or if a region is too intricate to compute."""


Made = TypeVar("Made")
Given = ParamSpec("Given")


def _or_too_much(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Make a function raise TooMuch if shapely fails, for example because of NaN."""

    @wraps(function)
    def wrapped(*args: Given.args, **options: Given.kwargs) -> Made:
        try:
            return function(*args, **options)
        except shapely.errors.ShapelyError:
            raise TooMuch from None

    return wrapped


@dataclass
class Work:
    """The amount of work that the regions of a file may still take."""

    edges: int = MAX_EDGES
    cuts: int = MAX_CUTS

    def add_edges(self, count: int) -> None:
        """Count the edges of another region; raise TooMuch if the total is too high."""
        self.edges -= count + MADE if count else 0
        if self.edges < 0:
            raise TooMuch

    def add_cuts(self, count: int) -> None:
        """Count tests of whether an edge cuts a line; raise TooMuch if the total is too high."""
        self.cuts -= count
        if self.cuts < 0:
            raise TooMuch


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the page in which drawings are visible, in pixels."""

    area: shapely.Geometry
    bounds: tuple[float, float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        shapely.prepare(self.area)
        object.__setattr__(self, "bounds", tuple(shapely.bounds(self.area).tolist()))

    def holds(self, low: np.ndarray, high: np.ndarray) -> bool:
        """Return whether a box, given by two corners, lies inside the region."""
        left, top, right, bottom = self.bounds
        if not (left <= low[0] and top <= low[1] and high[0] <= right and high[1] <= bottom):
            return False
        return bool(shapely.covers(self.area, shapely.box(*low, *high)))

    def grown(self, by: float) -> "Region":
        """Return the region with a margin of width `by` around it; corners stay sharp."""
        return Region(shapely.buffer(self.area, by, quad_segs=1, join_style="mitre"))

    @_or_too_much
    def cut(self, line: np.ndarray, work: Work) -> list[np.ndarray]:
        """Return the pieces of a line `[n, 2]` that lie in the region, in order along the line.

        Raises:
          TooMuch: there is too much to cut.
        """
        repeats = np.all(line[1:] == line[:-1], axis=1)
        if repeats.any():
            line = line[np.concatenate([[True], ~repeats])]
        if len(line) == 1:
            return [line] if shapely.intersects(self.area, shapely.points(line[0])) else []
        work.add_cuts(len(line))
        segments = shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))  # [s]
        inside = shapely.covers(self.area, segments)
        if inside.all():
            return [line]
        crossing = ~inside & shapely.intersects(self.area, segments)
        work.add_cuts(int(crossing.sum()) * shapely.get_num_coordinates(self.area))
        parts = iter(shapely.intersection(self.area, segments[crossing]))
        pieces: list[list[np.ndarray]] = []
        goes_on = False
        for number in range(len(segments)):
            start, end = line[number], line[number + 1]
            runs = [np.stack([start, end])] if inside[number] else []
            if crossing[number]:
                runs = _along(next(parts), start, end)
            for run in runs:
                if goes_on and (run[0] == start).all():
                    pieces[-1].append(run[1])
                else:
                    pieces.append([run[0], run[1]])
                goes_on = bool((run[1] == end).all())
            goes_on = goes_on and bool(runs)
        return _join_at_start([np.array(piece) for piece in pieces], line)


def _along(part: shapely.Geometry, start: np.ndarray, end: np.ndarray) -> list[np.ndarray]:
    """Return the stretches `[2, 2]` of a segment that lie in `part`, in the segment's direction.

    If only a rounding error lies between an end of a stretch and an end of the segment, the stretch
    is made to end exactly at the end of the segment.
    """
    direction = end - start
    square = float(direction @ direction)
    spans = []
    for piece in shapely.get_parts(part):
        places = (shapely.get_coordinates(piece) - start) @ direction / square
        if len(places) > 1:
            spans.append((float(places.min()), float(places.max())))
    runs = []
    for first, last in sorted(spans):
        a = start if first < 1e-9 else start + first * direction
        b = end if last > 1 - 1e-9 else start + last * direction
        if (a != b).any():
            runs.append(np.stack([a, b]))
    return runs


def _join_at_start(pieces: list[np.ndarray], line: np.ndarray) -> list[np.ndarray]:
    """Join the last and the first piece of a closed line if they meet at its start."""
    if len(pieces) < 2 or (line[0] != line[-1]).any():
        return pieces
    first, *others, last = pieces
    if (first[0] == line[0]).all() and (last[-1] == line[0]).all():
        return [np.concatenate([last, first[1:]]), *others]
    return pieces


@_or_too_much
def filled_area(rings: Sequence[np.ndarray], even_odd: bool, work: Work) -> shapely.Geometry:
    """Return the area that closed lines `[n, 2]` fill.

    Raises:
      TooMuch: they have too many edges, or cross too often.
    """
    rings = [ring for ring in rings if len(ring) >= 4]
    work.add_edges(sum(map(len, rings)))
    if len(rings) == 1:
        polygon = shapely.Polygon(rings[0])
        if polygon.is_valid:
            return polygon
    if not rings:
        return shapely.Polygon()
    lines = shapely.linestrings(np.concatenate([_edges(ring) for ring in rings]))
    _check_meeting(lines, lines)
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))
    inside = shapely.get_coordinates(shapely.point_on_surface(faces))
    if not len(faces):
        return shapely.Polygon()
    turns = np.sum([winding_numbers(inside, ring) for ring in rings], axis=0)
    return shapely.union_all(faces[turns % 2 == 1 if even_odd else turns != 0])


@_or_too_much
def painted_area(
    lines: Sequence[np.ndarray], width: float, cap: str, work: Work
) -> shapely.Geometry:
    """Return the area that a pen of some width paints along lines `[n, 2]`; may raise TooMuch."""
    work.add_edges(sum(map(len, lines)))
    geometries = []
    for line in lines:
        edges = shapely.linestrings(_edges(line if len(line) > 1 else line[[0, 0]]))
        _check_meeting(edges, edges)
        whole = shapely.LineString(line if len(line) > 1 else line[[0, 0]])
        geometries.append(whole.buffer(width / 2, quad_segs=4, cap_style=cap))
    return shapely.union_all(geometries)


def stroke_extent(points: np.ndarray, width: float, cap: str) -> np.ndarray:
    """Return two opposite corners of a stroke's bounding box, given its middle line `[n, 2]`.

    The box of a very long line is an approximation.
    """
    if len(points) > MAX_MEASURED or not np.isfinite(points).all():
        return np.concatenate([points - width / 2, points + width / 2])
    line = shapely.LineString(points if len(points) > 1 else points[[0, 0]])
    stroke = line.buffer(width / 2, cap_style=cap, join_style="mitre", mitre_limit=4)
    box = stroke.bounds if not stroke.is_empty else line.bounds
    return np.array(box).reshape(2, 2)


@_or_too_much
def combined(
    operation: np.ufunc, a: shapely.Geometry, b: shapely.Geometry, work: Work
) -> shapely.Geometry:
    """Apply `shapely.union`, `intersection`, or `difference` to two areas; may raise TooMuch."""
    _check_meeting(*(np.array(list(_boundary(of)), dtype=object) for of in (a, b)))
    found = operation(a, b)
    work.add_edges(shapely.get_num_coordinates(found))
    return found


def rings_of(found: shapely.Geometry) -> list[np.ndarray]:
    """Return the edges of an area, as closed lines `[n, 2]`."""
    polygons = [part for part in shapely.get_parts(found) if part.geom_type == "Polygon"]
    rings = shapely.get_rings(np.array(polygons, dtype=object)) if polygons else []
    return [shapely.get_coordinates(ring) for ring in rings]


def _edges(ring: np.ndarray) -> np.ndarray:
    """Return a line `[n, 2]` as its segments `[n - 1, 2, 2]`."""
    return np.stack([ring[:-1], ring[1:]], axis=1)


def _boundary(found: shapely.Geometry) -> Iterator[shapely.Geometry]:
    for ring in rings_of(found):
        yield from shapely.linestrings(_edges(ring))


def _check_meeting(lines: np.ndarray, others: np.ndarray) -> None:
    """Raise TooMuch if edges have too many possible intersections."""
    if not len(lines) or not len(others):
        return
    tree, count = shapely.STRtree(others), 0
    for first in range(0, len(lines), CHUNK):
        count += tree.query(lines[first : first + CHUNK]).shape[1]
        if count > MAX_MEETING:
            raise TooMuch


def winding_numbers(points: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Return the winding number `[n]` of a closed line around each of the points `[n, 2]`."""
    turns, step = np.zeros(len(points), np.int64), max(1_000_000 // len(ring), 1)
    for first in range(0, len(points), step):
        some = points[first : first + step, None]
        a, b = ring[None, :-1] - some, ring[None, 1:] - some  # [n, edges, 2]
        left = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
        up = (a[..., 1] <= 0) & (b[..., 1] > 0) & (left > 0)
        down = (a[..., 1] > 0) & (b[..., 1] <= 0) & (left < 0)
        turns[first : first + step] = up.sum(axis=1) - down.sum(axis=1)
    return turns
