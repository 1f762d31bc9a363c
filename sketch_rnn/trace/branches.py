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
from sketch_rnn.trace.measures import NEAR, along, angle, direction, half_width

SPUR = 1.2  # half widths of the line at the junction: a shorter branch is a spur
MERGE = 1.5  # line widths: junctions closer than this become one
BRIDGE = 6.0  # line widths: the longest branch between junctions that may become one
WIDE = 1.25  # half line widths: a branch with a larger half width is shared by two lines
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


@dataclass(frozen=True)
class Bridge:
    """A short branch that was removed in order to merge the junctions at its two ends.

    Attributes:
      number: the key that the removed branch had in `Graph.branches`.
      branch: the removed branch.
      sides: for each of the two junctions, the ends of the other branches at this junction.
    """

    number: int
    branch: Branch
    sides: tuple[frozenset[End], frozenset[End]]


def merged_and_paired(
    graph: Graph, radius: np.ndarray, width: float
) -> tuple[Graph, dict[End, End]]:
    """Merge junctions that are close together, and pair branches that continue each other.

    Merging two junctions removes the branch between them (a bridge). If a bridge is long, and no
    line runs along it from one junction to the other, the two junctions are not merged. So the ink
    of the bridge is not lost.

    Returns:
      The merged graph, and a dict that pairs ends of branches: where a line continues from one
      branch to another, each of the two ends is a key, and the other end is its value.
    """
    stays: set[int] = set()
    while True:
        merged = graph.copy()
        bridges = merge_junctions(merged, radius, width, stays)
        partner = pair(merged, width)
        long = [bridge for bridge in bridges if bridge.branch.length >= MERGE * width]
        unused = {bridge.number for bridge in long if not _crossed_by(bridge, partner)}
        if not unused:
            _follow(merged, long, partner)
            return merged, partner
        stays |= unused


def _crossed_by(bridge: Bridge, partner: dict[End, End]) -> list[End]:
    """Return the branch ends on a bridge's first side whose lines continue on its second side."""
    return [end for end in bridge.sides[0] if partner.get(end) in bridge.sides[1]]


def _follow(graph: Graph, bridges: list[Bridge], partner: dict[End, End]) -> None:
    """If only one line runs along a long bridge, add the points of the bridge to this line."""
    for bridge in bridges:
        crossing = _crossed_by(bridge, partner)
        if len(crossing) != 1:
            continue
        number, end = crossing[0]
        branch = graph.branches[number]
        points = np.concatenate([bridge.branch.points[::-1], branch.outward(end)])
        graph.branches[number] = Branch(points[::-1] if end else points, branch.nodes)


def merge_junctions(
    graph: Graph, radius: np.ndarray, width: float, stays: Container[int] = ()
) -> list[Bridge]:
    """Merge junctions that are too close together to be told apart.

    Args:
      graph: the graph, which is changed in place.
      radius: the distance of each pixel from the edge of the ink `[H, W]`.
      width: the width of most lines.
      stays: the keys in `graph.branches` of the branches to keep.

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
        bridges.append(Bridge(number, branch, sides))
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
    if first == second or branch.length > BRIDGE * width:
        return False
    return half_width(branch, radius) > WIDE * width / 2


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
        way = -direction(points, width)
        steps = points[0] + way * np.arange(0, 2 * width, 0.5)[:, None]
        ahead = 0.5 * _count_in_ink(steps, radius)
        x, y = points[np.searchsorted(along(points), width)].astype(int)
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
    ways = np.array([direction(graph.branches[n].outward(end), width) for n, end in free])
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
    kept, gone = (graph.node(end) for end in (one, two))
    graph.ends.pop(gone)
    branch = graph.branches[two[0]]
    nodes = (kept, branch.nodes[1]) if two[1] == 0 else (branch.nodes[0], kept)
    graph.branches[two[0]] = Branch(branch.points, nodes)
    graph.ends[kept].append(two)


def _count_in_ink(points: np.ndarray, radius: np.ndarray) -> int:
    """Return how many of the first points lie in the ink, up to the first one outside."""
    x, y = np.rint(points).astype(int).T
    height, width = radius.shape
    on_page = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    ink = on_page & (radius[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)] > 0)
    return len(ink) if ink.all() else int(np.argmin(ink))


def pair(graph: Graph, width: float) -> dict[End, End]:
    """Find the branches that continue each other at a junction, and pair their ends there.

    Returns:
      A dict that contains each pair twice: either end of the pair is the key of the other end.
    """
    partner: dict[End, End] = {}
    for met in graph.ends.values():
        if len(met) < 2:
            continue
        ways = [direction(graph.branches[n].outward(end), width) for n, end in met]
        places = [graph.branches[n].outward(end)[0] for n, end in met]
        turns = _turns(ways, places, [number for number, _ in met], width)
        for i, j in _matching(len(met), turns):
            partner[met[i]], partner[met[j]] = met[j], met[i]
    return partner


def _turns(
    ways: list[np.ndarray], places: list[np.ndarray], numbers: list[int], width: float
) -> dict[tuple[int, int], float]:
    """Return how sharply a line would turn at a junction, for each pair of branches there.

    If the ends of the branches are far apart, the direction between them counts too. Closing a
    loop costs extra, so that a spiral whose end touches its own line stays one line.
    """
    turns = {}
    for i, j in combinations(range(len(ways)), 2):
        turn = angle(-ways[i], ways[j])
        gap = places[j] - places[i]
        if np.hypot(*gap) > APART * width:
            turn = max(turn, angle(-ways[i], gap), angle(gap, ways[j]))
        turns[i, j] = turn + (RING if numbers[i] == numbers[j] else 0)
    return turns


def _matching(count: int, turns: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Pair the branches at a junction so that the lines turn as little as possible.

    If more than 8 branches meet, the result is only approximately the best one.
    """
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
    """Return the cost and pairs of the cheapest matching; each unpaired branch costs TURN / 2."""
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
    """Join paired branches to lines, each `[n, 2]`; closed lines end at their start."""
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
    """Return a branch's points, except those near a junction where it continues in another branch.

    A skeleton bends near junctions, so these points are not on the line.
    """
    points = graph.branches[number].outward(end)
    at = along(points)
    cut = min(NEAR * width, at[-1] / 3)
    low = cut if (number, end) in partner else 0
    high = at[-1] - (cut if (number, 1 - end) in partner else 0)
    kept = (at >= low) & (at <= high)
    return points[kept] if kept.any() else points[len(points) // 2][None]
