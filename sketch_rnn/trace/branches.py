"""Repair the branches of a skeleton, and join branches that one movement of the pen drew.

Lengths are in pixels; `width` is the width of most lines. Dimensions: H, W height and width of the
picture in pixels, n points in a line.
"""

from collections.abc import Container
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial import KDTree

from sketch_rnn.trace.graph import Branch, End, Graph

SPUR = 1.2  # half widths of the line at the junction: a shorter branch is a spur
MERGE = 1.5  # line widths: junctions closer than this become one
SHARED = 6.0  # line widths: the longest branch that two overlapping lines may share
WIDE = 1.25  # half line widths: a branch with a larger half width is shared by two lines
NEAR, FAR = 0.8, 3.2  # line widths from a junction: a branch's direction is measured there
ALONG = 0.75  # cosine of the largest turn into a branch that two lines share
TIP = 3.0  # line widths: a branch up to this length may be the tip of a sharp corner
OVERLAP = 1.3  # lengths of the overlap of a corner's sides: replaces TIP at very sharp corners
WEDGE = 3.0  # overlap lengths: the longest tip whose ink is as wide as a wedge
FAT = 1.2  # half line widths: a wedge's ink has a larger mean half width
SHARP = 0.3  # cosine of the largest angle between the sides of a sharp corner
SHARPEST = np.radians(8)  # a sharper corner counts as this sharp
RING = np.radians(40)  # closing a loop counts as an additional turn by this angle
APART = 1.0  # line widths: if ends are farther apart, the direction between them counts
GAP = 3.0  # line widths: the longest gap that a dry pen leaves
LEAST = 2.0  # line widths: only longer lines continue across a gap
FACING = 0.93  # cosine of the largest angle between a line and the direction across a gap
TURN = np.radians(65)  # a line that would have to turn more at a junction ends there


def without_spurs(graph: Graph, radius: np.ndarray) -> None:
    """Remove the short branches that thinning leaves at bumps in the edge of the ink.

    Args:
      graph: the graph, which is changed in place.
      radius: the distance of each pixel from the edge of the ink `[H, W]`.
    """
    pending = True
    while pending:
        pending = False
        by_length = sorted(graph.branches, key=lambda n: graph.branches[n].length)
        for number in by_length:
            branch = graph.branches.get(number)
            if branch is None or not _is_spur(graph, branch, radius):
                continue
            graph.remove(number)
            for node in branch.nodes:
                graph.dissolve(node)
            pending = True


def _is_spur(graph: Graph, branch: Branch, radius: np.ndarray) -> bool:
    met = [len(graph.ends[node]) for node in branch.nodes]
    if min(met) != 1 or max(met) < 3:
        return False
    x, y = branch.points[-1 if met[1] > 1 else 0].astype(int)
    return branch.length < SPUR * radius[y, x]


def sharpen_tips(graph: Graph, radius: np.ndarray, width: float) -> None:
    """Join the two sides of a sharp corner, which thinning connects to a short third branch.

    Near the corner's tip, the ink of both sides runs together, so thinning leaves a Y. Extend the
    arms of the Y straight to the end of its stem.
    """
    for met in list(graph.ends.values()):
        if len(met) != 3 or len({number for number, _ in met}) != 3:
            continue
        tip = next((end for end in met if _is_tip(graph, end, radius, width)), None)
        if tip is None:
            continue
        sides = [end for end in met if end != tip]
        nodes = (_far(graph, sides[0]), _far(graph, sides[1]))
        point = graph.remove(tip[0]).outward(1 - tip[1])[:1]
        one, two = (graph.remove(number).outward(end) for number, end in sides)
        points = np.concatenate(
            [_points_beyond(one, width)[::-1], point, _points_beyond(two, width)]
        )
        graph.add(Branch(points, nodes))


def _points_beyond(points: np.ndarray, distance: float) -> np.ndarray:
    """Return the points beyond a distance along the line; keep at least two thirds of the line."""
    along = _along(points)
    return points[along >= min(distance, along[-1] / 3)]


def _far(graph: Graph, end: End) -> int:
    return graph.branches[end[0]].nodes[1 - end[1]]


def _is_tip(graph: Graph, tip: End, radius: np.ndarray, width: float) -> bool:
    """Return whether, at a junction of three branches, `tip` is the tip of a corner."""
    if len(graph.ends[_far(graph, tip)]) != 1:
        return False
    met = graph.ends[graph.branches[tip[0]].nodes[tip[1]]]
    sides = [end for end in met if end != tip]
    one, two = (_direction(graph.branches[n].outward(end), width) for n, end in sides)
    if one @ two < SHARP:
        return False
    angle = max(float(np.arccos(np.clip(one @ two, -1, 1))), SHARPEST)
    overlap = width / 2 / np.sin(angle / 2)  # from the corner to where the sides separate
    branch = graph.branches[tip[0]]
    if branch.length < max(TIP * width, OVERLAP * overlap + width / 2):
        return True
    return branch.length < WEDGE * overlap and _half_width(branch, radius) > FAT * width / 2


def _half_width(branch: Branch, radius: np.ndarray) -> float:
    """Return the mean half width of the ink along a branch."""
    x, y = branch.points.astype(int).T
    return float(np.mean(radius[y, x]))


def duplicate_shared(graph: Graph, width: float) -> None:
    """Duplicate each branch in which two lines overlap, so that each line has its own copy.

    A branch is shared if two branches at each of its ends continue it almost without a turn.
    """
    for number in sorted(graph.branches, key=lambda n: graph.branches[n].length):
        branch = graph.branches.get(number)
        if branch is None or branch.length > SHARED * width or branch.nodes[0] == branch.nodes[1]:
            continue
        if any(len(graph.ends[node]) != 3 for node in branch.nodes):
            continue
        legs = [[end for end in graph.ends[node] if end[0] != number] for node in branch.nodes]
        if len({n for n, _ in (*legs[0], *legs[1])}) != 4:
            continue
        ways = [[_direction(graph.branches[n].outward(e), width) for n, e in met] for met in legs]
        across = branch.points[-1] - branch.points[0]
        across = across / max(np.hypot(*across), 1e-9)
        on = [-(across @ way) for way in ways[0]] + [across @ way for way in ways[1]]
        if min(on) < ALONG:
            continue
        straight = ways[0][0] @ ways[1][0] + ways[0][1] @ ways[1][1]
        crossed = ways[0][0] @ ways[1][1] + ways[0][1] @ ways[1][0]
        _duplicate(graph, number, legs[0], legs[1] if straight <= crossed else legs[1][::-1])


def _duplicate(graph: Graph, number: int, before: list[End], after: list[End]) -> None:
    middle = graph.remove(number).points
    for (first, first_end), (second, second_end) in zip(before, after, strict=True):
        one, two = graph.remove(first), graph.remove(second)
        points = np.concatenate([one.outward(1 - first_end), middle, two.outward(second_end)])
        graph.add(Branch(points, (one.nodes[1 - first_end], two.nodes[1 - second_end])))


@dataclass(frozen=True)
class Bridge:
    """A branch that was removed to merge the two junctions at its ends.

    number, length: the branch's number and length. sides: the ends of other branches that met at
    each junction.
    """

    number: int
    length: float
    sides: tuple[frozenset[End], frozenset[End]]


def merged_and_paired(
    graph: Graph, radius: np.ndarray, width: float
) -> tuple[Graph, dict[End, End]]:
    """Merge junctions that are close together, and pair branches that continue each other.

    Merging removes the branches (bridges) between the junctions. But a long bridge that no line
    passes through stays a branch, so that its ink is not lost.

    Returns:
      The merged graph, and a dict from one end of a branch to the end of another branch, if a line
      continues from one to the other. The dict holds both directions.
    """
    stays: set[int] = set()
    while True:
        merged = graph.copy()
        bridges = merge_junctions(merged, radius, width, stays)
        partner = pair(merged, width)
        unused = {
            bridge.number
            for bridge in bridges
            if bridge.length >= MERGE * width
            and not any(partner.get(end) in bridge.sides[1] for end in bridge.sides[0])
        }
        if not unused:
            return merged, partner
        stays |= unused


def merge_junctions(
    graph: Graph, radius: np.ndarray, width: float, stays: Container[int] = ()
) -> list[Bridge]:
    """Merge junctions that are too close together to be told apart.

    Args:
      graph: the graph, which is changed in place.
      radius: the distance of each pixel from the edge of the ink `[H, W]`.
      width: the width of most lines.
      stays: the numbers of branches that must stay.

    Returns:
      The branches that were removed.
    """
    bridges = []
    for number in sorted(graph.branches, key=lambda n: graph.branches[n].length):
        branch = graph.branches.get(number)
        if branch is None or number in stays or not _is_bridge(graph, branch, radius, width):
            continue
        graph.remove(number)
        kept, gone = branch.nodes
        if kept == gone:
            graph.dissolve(kept)
            continue
        sides = (frozenset(graph.ends[kept]), frozenset(graph.ends[gone]))
        bridges.append(Bridge(number, branch.length, sides))
        for other, end in graph.ends.pop(gone):
            moved = graph.branches[other]
            nodes = (kept, moved.nodes[1]) if end == 0 else (moved.nodes[0], kept)
            graph.branches[other] = Branch(moved.points, nodes)
            graph.ends[kept].append((other, end))
    return bridges


def _is_bridge(graph: Graph, branch: Branch, radius: np.ndarray, width: float) -> bool:
    first, second = branch.nodes
    if min(len(graph.ends[first]), len(graph.ends[second])) < 3:
        return False
    if branch.length < MERGE * width:
        return True
    if first == second or branch.length > SHARED * width:
        return False
    return _half_width(branch, radius) > WIDE * width / 2


def reach_ends(graph: Graph, radius: np.ndarray, width: float) -> None:
    """Extend lines to where the pen stopped, since thinning shortens them.

    The pen stopped half a line width before the end of the ink.
    """
    for met in list(graph.ends.values()):
        if len(met) != 1:
            continue
        number, end = met[0]
        branch = graph.branches[number]
        points = branch.outward(end)
        if branch.length < width:
            continue
        way = -_direction(points, width)
        steps = points[0] + way * np.arange(0, 2 * width, 0.5)[:, None]
        ahead = 0.5 * _count_in_ink(steps, radius)
        x, y = points[np.searchsorted(_along(points), width)].astype(int)
        missing = ahead - radius[y, x]
        if missing > 0:
            longer = np.concatenate([(points[0] + way * missing)[None], points])
            graph.branches[number] = Branch(longer[::-1] if end else longer, branch.nodes)


def join_gaps(graph: Graph, width: float) -> None:
    """Join two lines whose ends face each other across a gap that a dry pen left."""
    free = [met[0] for met in graph.ends.values() if len(met) == 1]
    free = [end for end in free if graph.branches[end[0]].length > LEAST * width]
    if len(free) < 2:
        return
    places = np.array([graph.branches[n].outward(end)[0] for n, end in free])
    ways = np.array([_direction(graph.branches[n].outward(end), width) for n, end in free])
    near = KDTree(places).query_pairs(GAP * width, output_type="ndarray")
    across = places[near[:, 1]] - places[near[:, 0]]
    far = np.hypot(*across.T)
    out = np.maximum(far, 1e-9)
    first = -(ways[near[:, 0]] * across).sum(1) / out
    second = (ways[near[:, 1]] * across).sum(1) / out
    taken: set[int] = set()
    for number in np.argsort(far, kind="stable"):
        one, two = near[number].tolist()
        if min(first[number], second[number]) > FACING and not taken & {one, two}:
            taken |= {one, two}
            _join(graph, free[one], free[two])


def _join(graph: Graph, one: End, two: End) -> None:
    """Merge the nodes of two free ends."""
    kept, gone = (_node(graph, end) for end in (one, two))
    graph.ends.pop(gone)
    branch = graph.branches[two[0]]
    nodes = (kept, branch.nodes[1]) if two[1] == 0 else (branch.nodes[0], kept)
    graph.branches[two[0]] = Branch(branch.points, nodes)
    graph.ends[kept].append(two)


def _node(graph: Graph, end: End) -> int:
    return graph.branches[end[0]].nodes[end[1]]


def _count_in_ink(points: np.ndarray, radius: np.ndarray) -> int:
    """Return how many points lie in the ink before the first point outside."""
    x, y = np.rint(points).astype(int).T
    height, width = radius.shape
    on_page = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    ink = on_page & (radius[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)] > 0)
    return len(ink) if ink.all() else int(np.argmin(ink))


def _along(points: np.ndarray) -> np.ndarray:
    """Return the distance of each point from the first, along the line, `[n]`."""
    return np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])


def pair(graph: Graph, width: float) -> dict[End, End]:
    """Pair ends of branches that continue each other; return each end's partner."""
    partner: dict[End, End] = {}
    for met in graph.ends.values():
        if len(met) < 2:
            continue
        ways = [_direction(graph.branches[n].outward(end), width) for n, end in met]
        places = [graph.branches[n].outward(end)[0] for n, end in met]
        turns = _turns(ways, places, [number for number, _ in met], width)
        for i, j in _matching(len(met), turns):
            partner[met[i]], partner[met[j]] = met[j], met[i]
    return partner


def _direction(points: np.ndarray, width: float) -> np.ndarray:
    """Return the unit vector `[2]` along which a branch leaves its junction; zero for a point."""
    along = _along(points)
    total = along[-1]
    far = min(FAR * width, total)
    near = min(NEAR * width, far / 2)
    ends = [np.interp([near, far], along, points[:, axis]) for axis in (0, 1)]
    way = np.array([values[1] - values[0] for values in ends])
    return way / max(np.hypot(*way), 1e-9)


def _turns(
    ways: list[np.ndarray], places: list[np.ndarray], numbers: list[int], width: float
) -> dict[tuple[int, int], float]:
    """Return the angle by which a line turns from each branch at a junction to each other branch.

    If the ends of the branches are far apart, the direction between them counts too. Closing a
    loop costs extra, so that a spiral whose end touches its own line stays one line.
    """
    turns = {}
    for i, j in combinations(range(len(ways)), 2):
        turn = _angle(-ways[i], ways[j])
        gap = places[j] - places[i]
        if np.hypot(*gap) > APART * width:
            turn = max(turn, _angle(-ways[i], gap), _angle(gap, ways[j]))
        turns[i, j] = turn + (RING if numbers[i] == numbers[j] else 0)
    return turns


def _angle(one: np.ndarray, two: np.ndarray) -> float:
    """Return the angle between two directions, in radians."""
    return float(np.abs(np.arctan2(one[0] * two[1] - one[1] * two[0], one @ two)))


def _matching(count: int, turns: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Pair the branches at a junction with the least total turn (greedily if more than 8)."""
    if count == 2:
        return [(0, 1)]
    if count <= 8:
        return _cheapest_matching(tuple(range(count)), turns)[1]
    good = sorted((turn, pair) for pair, turn in turns.items() if turn < TURN)
    chosen: list[tuple[int, int]] = []
    taken: set[int] = set()
    for _, found in good:
        if not taken & set(found):
            chosen.append(found)
            taken |= set(found)
    return chosen


def _cheapest_matching(
    left: tuple[int, ...], turns: dict[tuple[int, int], float]
) -> tuple[float, list[tuple[int, int]]]:
    """Return the cost and pairs of the cheapest matching; an unpaired branch costs half of TURN."""
    if not left:
        return 0.0, []
    first, rest = left[0], left[1:]
    cost, pairs = _cheapest_matching(rest, turns)
    found = (cost + TURN / 2, pairs)
    for other in rest:
        if turns[first, other] >= TURN:
            continue
        cost, pairs = _cheapest_matching(tuple(n for n in rest if n != other), turns)
        found = min(found, (cost + turns[first, other], [(first, other), *pairs]))
    return found


def lines_of(graph: Graph, partner: dict[End, End], width: float) -> list[np.ndarray]:
    """Return the lines that paired branches form, each `[n, 2]`; closed ones end at their start."""
    lines, used = [], set()
    starts = [end for number in graph.branches for end in ((number, 0), (number, 1))]
    for start in sorted(starts, key=lambda end: end in partner):
        if start[0] in used:
            continue
        pieces, number, end = [], *start
        while number not in used:
            used.add(number)
            pieces.append(_trimmed(graph, number, end, partner, width))
            following = partner.get((number, 1 - end))
            if following is None:
                break
            number, end = following
        points = np.concatenate(pieces)
        if following == start and len(points) > 2:
            points = np.concatenate([points, points[:1]])
        lines.append(points)
    return lines


def _trimmed(
    graph: Graph, number: int, end: int, partner: dict[End, End], width: float
) -> np.ndarray:
    """Return a branch's points, except those near junctions where its line continues.

    A skeleton bends near junctions, so these points are not on the line.
    """
    points = graph.branches[number].outward(end)
    along = _along(points)
    cut = min(NEAR * width, along[-1] / 3)
    low = cut if (number, end) in partner else 0
    high = along[-1] - (cut if (number, 1 - end) in partner else 0)
    kept = (along >= low) & (along <= high)
    return points[kept] if kept.any() else points[len(points) // 2][None]
