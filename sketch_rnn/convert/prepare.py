"""Turn polylines into a sketch for training: scale, order, join, simplify, and round them.

Dimensions: L lines, P points in all lines, n points in one line or rows in one sketch, E pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from sketch_rnn.errors import UserError
from sketch_rnn.trace.order import by_nearest_end

ORDERS = ("document", "nearest")
MAX_EPSILON = 4  # multiple of the recipe's epsilon; a drawing that needs more is dropped
TOUCHING = 1e-3  # share of a drawing's longer side: pieces no farther apart are one line
NEIGHBORS = 16  # the most neighbors considered for each end
AT_ONCE = 1024  # ends whose neighbors are found in one query
PIECE = 4000  # points in a line that are simplified together
MAX_OFFSET = np.iinfo(np.int16).max


@dataclass(frozen=True)
class Recipe:
    """The settings for converting drawings to sketches.

    Attributes:
      size: longer side of the box that a drawing is scaled into, keeping its aspect ratio.
      tolerance: largest distance between a curve and its flattened line, in units of the box.
      epsilon: largest distance of a dropped point from the simplified line (Ramer-Douglas-Peucker).
      max_points: the most rows in a sketch.
      order: order of the lines: as in the file (`document`), or always the line with the end
        nearest to the pen (`nearest`).
      join: whether pieces are joined into one line: in document order, a piece in an SVG that
        starts where the previous one ended; in nearest order, all pieces that meet at any of their
        ends.
      join_distance: how far apart these ends may be, as a fraction of the drawing's longer side.
      coarsest: largest epsilon for a drawing with too many points; None means `MAX_EPSILON` times
        `epsilon`.
    """

    size: float = 255
    tolerance: float = 0.1
    epsilon: float = 2.0
    max_points: int = 250
    order: str = "document"
    join: bool = True
    join_distance: float = TOUCHING
    coarsest: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_OFFSET:
            raise UserError(f"size: expected a number from 1 to {MAX_OFFSET}, got {self.size}")
        if not 0 < self.tolerance <= self.size:
            raise UserError(
                f"tolerance: expected a number above 0 and at most the size ({self.size}), got "
                f"{self.tolerance}"
            )
        if not 0 <= self.epsilon <= self.size:
            raise UserError(
                f"epsilon: expected a number from 0 to the size ({self.size}), got {self.epsilon}"
            )
        if not 0 <= self.join_distance <= 1:
            raise UserError(
                "join_distance: expected a fraction of the drawing's longer side, from 0 to 1, got "
                f"{self.join_distance}"
            )
        if self.max_points < 1:
            raise UserError(f"max_points: expected a number of at least 1, got {self.max_points}")
        if self.order not in ORDERS:
            raise UserError(f"order: expected one of {', '.join(ORDERS)}, got {self.order!r}")


@dataclass(frozen=True)
class Sketch:
    """A drawing prepared for a data set.

    Attributes:
      points: stroke-3 `[n, 3]` int16.
      epsilon: the epsilon with which the drawing was simplified.
      left_out: descriptions of parts that were left out or cut down, one for each kind of part.
      line_width: the width of lines measured in a picture, in its pixels.
    """

    points: np.ndarray
    epsilon: float
    left_out: tuple[str, ...] = ()
    line_width: float | None = None


def to_sketch(
    polylines: Sequence[np.ndarray], recipe: Recipe | None = None, *, pieces: bool = False
) -> Sketch:
    """Scale the lines `[n, 2]` of a drawing to the recipe's size, and make a sketch from them.

    Args:
      polylines: the lines.
      recipe: the settings; by default those of `Recipe`.
      pieces: whether one line that was drawn may be stored as several pieces, as in SVGs.

    Raises:
      UserError: the drawing cannot be used.
    """
    recipe = recipe or Recipe()
    lines = arranged(fit_box(polylines, recipe.size), recipe, pieces=pieces)
    return simplify(lines, recipe)


def arranged(polylines: Sequence[np.ndarray], recipe: Recipe, *, pieces: bool) -> list[np.ndarray]:
    """Order lines `[n, 2]`, and join pieces of lines, as the recipe says; see `to_sketch`."""
    lines = [line for line in polylines if len(line)]
    if recipe.order == "nearest":
        return nearest_order(chained(lines, recipe.join_distance) if recipe.join else lines)
    return joined(lines, recipe.join_distance) if recipe.join and pieces else lines


def joined(polylines: Sequence[np.ndarray], distance: float = TOUCHING) -> list[np.ndarray]:
    """Join each line `[n, 2]` to the previous one if it starts near the previous line's end.

    Many programs write a separate line for each small movement of the pen.
    """
    lines = [line for line in polylines if len(line)]
    if len(lines) < 2:
        return lines
    side = np.ptp(np.concatenate(lines), axis=0).max()
    starts = np.array([line[0] for line in lines[1:]])
    ends = np.array([line[-1] for line in lines[:-1]])
    apart = np.hypot(*(starts - ends).T) > distance * side
    firsts = np.flatnonzero(np.concatenate([[True], apart]))
    groups = [lines[first:end] for first, end in zip(firsts, [*firsts[1:], None], strict=True)]
    return [group[0] if len(group) == 1 else np.concatenate(group) for group in groups]


def chained(lines: Sequence[np.ndarray], distance: float) -> list[np.ndarray]:
    """Join lines `[n, 2]` that meet, or nearly meet, at any of their ends.

    Where several lines meet, the straightest pair is joined; no chain is joined to itself.
    """
    if len(lines) < 2:
        return list(lines)
    follows = _meetings(lines, distance * np.ptp(np.concatenate(lines), axis=0).max())
    chains, seen = [], np.zeros(len(lines), bool)
    for end in range(2 * len(lines)):
        if seen[end // 2] or end in follows:
            continue
        chain = []
        while True:  # follow the line to its other end, then the line that meets it there
            line = lines[end // 2]
            seen[end // 2] = True
            chain.append(line[::-1] if end % 2 else line)
            if end ^ 1 not in follows:
                break
            end = follows[end ^ 1]
        chains.append(np.concatenate(chain) if len(chain) > 1 else chain[0])
    return chains


def _meetings(lines: Sequence[np.ndarray], reach: float) -> dict[int, int]:
    """Return a dict that maps each line end to the end that it meets, if there is one.

    The ends of line i have the numbers 2 i (start) and 2 i + 1. Ends that are near each other and
    continue each other's direction are matched first.
    """
    ends = np.array([line[place] for line in lines for place in (0, -1)], np.float64)
    ways = np.array([_end_direction(line[::step]) for line in lines for step in (-1, 1)])
    one, other, far = _near(ends, reach)
    turn = np.arccos(np.clip(-(ways[one] * ways[other]).sum(axis=1), -1, 1)) / np.pi
    chain_of = list(range(len(lines)))

    def root(line: int) -> int:
        while chain_of[line] != line:
            chain_of[line] = line = chain_of[chain_of[line]]
        return line

    follows: dict[int, int] = {}
    for number in np.argsort(far / max(reach, 1e-12) + turn, kind="stable"):
        a, b = int(one[number]), int(other[number])
        if a in follows or b in follows or root(a // 2) == root(b // 2):
            continue
        follows[a], follows[b] = b, a
        chain_of[root(a // 2)] = root(b // 2)
    return follows


def _near(ends: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of nearby ends: two arrays of indices, and the distances, each `[E]`."""
    points = shapely.points(ends)
    few = np.flatnonzero(_rank(np.unique(ends, axis=0, return_inverse=True)[1].ravel()) < NEIGHBORS)
    tree = shapely.STRtree(points[few])  # at most NEIGHBORS of the ends in one place
    parts = []
    for first in range(0, len(ends), AT_ONCE):
        one, other = tree.query(points[first : first + AT_ONCE], "dwithin", reach)
        one, other = one + first, few[other]
        far = np.hypot(*(ends[one] - ends[other]).T)
        order = np.lexsort([far, one])
        one, other, far = one[order], other[order], far[order]
        kept = _rank(one) < NEIGHBORS
        parts.append((one[kept], other[kept], far[kept]))
    one, other, far = (np.concatenate(part) for part in zip(*parts, strict=True))
    return one, other, far


def _rank(groups: np.ndarray) -> np.ndarray:
    """Return, for each item, the number of earlier items in its group."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    rank = np.empty(len(groups), int)
    rank[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return rank


def _end_direction(line: np.ndarray) -> np.ndarray:
    """Return the unit vector `[2]` in whose direction a line ends at its last point."""
    steps = line[-1] - line[::-1]
    lengths = np.hypot(*steps.T)
    place = int(np.argmax(lengths > 0.05 * lengths.max())) if len(line) > 1 else 0
    return steps[place] / lengths[place] if lengths[place] > 0 else np.zeros(2)


def fit_box(polylines: Sequence[np.ndarray], size: float) -> list[np.ndarray]:
    """Move and scale lines so that their box starts at (0, 0) and its longer side is `size`."""
    lengths = [len(line) for line in polylines]
    if not sum(lengths):
        raise UserError("it has no points")
    points = np.concatenate(polylines).astype(np.float64)
    if not np.isfinite(points).all():
        raise UserError("a coordinate is not finite")
    low, high = points.min(axis=0), points.max(axis=0)
    side = (high - low).max()
    if not 0 < side < np.inf:
        raise UserError("all its points are in one place" if side == 0 else "it is too large")
    return np.split((points - low) * (size / side), np.cumsum(lengths)[:-1])


def simplify(polylines: Sequence[np.ndarray], recipe: Recipe) -> Sketch:
    """Simplify lines `[n, 2]` and round them.

    A sketch with more than `max_points` rows is simplified with a larger epsilon, up to the
    recipe's coarsest, until it fits.
    """
    lines = [line for line in polylines if len(line)]
    epsilon = recipe.epsilon
    while True:
        points, index = _without_repeats(*_simplified(lines, epsilon))
        first_is_line = len(index) > 1 and index[1] == index[0]
        if len(points) - first_is_line <= recipe.max_points:
            break
        epsilon = max(1.25 * epsilon, 0.25)
        if epsilon > (recipe.coarsest or MAX_EPSILON * max(recipe.epsilon, 0.25)):
            raise UserError(
                f"more than {recipe.max_points} points, even when simplified as far as possible"
            )
    return Sketch(_to_stroke3(points, index), epsilon)


def _simplified(lines: Sequence[np.ndarray], epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Simplify every line by Ramer-Douglas-Peucker; return points `[P, 2]` and line numbers `[P]`.

    Where two pieces of a line meet, the point appears twice.
    """
    numbers, pieces = zip(*_pieces(lines), strict=True)
    index = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    points = np.concatenate(pieces)
    if epsilon > 0:
        shapes = shapely.linestrings(points, indices=index)
        with np.errstate(all="ignore"):  # GEOS divides by zero for lines without length
            shapes = shapely.simplify(shapes, epsilon, preserve_topology=False)
        points, index = shapely.get_coordinates(shapes, return_index=True)
    return points, np.array(numbers)[index]


def _pieces(lines: Sequence[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Cut lines into pieces; yield the line's number and the points of each piece (two or more).

    Each piece begins with the last point of the previous piece. Lines are cut because the time that
    it takes to simplify a line grows with the square of its number of points.
    """
    for number, line in enumerate(lines):
        line = line if len(line) > 1 else np.repeat(line, 2, axis=0)  # a line without length
        for first in range(0, len(line) - 1, PIECE):
            yield number, line[first : first + PIECE + 1]


def _without_repeats(points: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round to whole numbers and drop points that repeat the previous point of their line."""
    points = np.rint(points)
    kept = np.ones(len(points), bool)
    kept[1:] = np.any(points[1:] != points[:-1], axis=1) | (index[1:] != index[:-1])
    return points[kept], index[kept]


def nearest_order(lines: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Order lines so that each is followed by the line that starts or ends nearest to its end."""
    return [lines[0], *by_nearest_end(lines[1:], lines[0][-1])] if lines else []


def _to_stroke3(points: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return whole points `[P, 2]` and their line numbers `[P]` as stroke-3 int16.

    The first point takes no row. A dot at the start is the row (0, 0, 1).
    """
    if len(index) == 1 or index[0] != index[1]:
        points, index = np.concatenate([points[:1], points]), np.concatenate([index[:1], index])
    offsets = np.diff(points, axis=0)
    if np.abs(offsets).max() > MAX_OFFSET:
        raise UserError(f"an offset is larger than {MAX_OFFSET}")
    is_last = np.append(index[1:] != index[:-1], True)
    return np.column_stack([offsets, is_last[1:]]).astype(np.int16)
