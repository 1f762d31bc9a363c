"""Separate lines that overlap: at sharp corners, where a line turns back, and side by side.

Where two lines overlap, their ink has one skeleton, so the graph has one branch for both. Lengths
are in pixels; `width` is the width of most lines, and `radius` the distance of each pixel from the
edge of the ink `[H, W]`. Dimensions: H, W height and width of the picture, n points in a line.
"""

import numpy as np
from scipy import ndimage

from sketch_rnn.trace.graph import Branch, End, Graph
from sketch_rnn.trace.measures import along, angle, cross, direction, half_width, half_widths

TIP = 3.0  # line widths: a branch up to this length may be the tip of a sharp corner
OVERLAP = 1.3  # lengths of the overlap of a corner's sides: replaces TIP at very sharp corners
WEDGE = 3.0  # overlap lengths: the longest tip whose ink is as wide as a wedge
FAT = 1.15  # half line widths: the ink of two lines has a larger mean half width
SHARP = 0.3  # cosine of the largest angle between the sides of a sharp corner
SHARPEST = np.radians(8)  # a sharper corner counts as this sharp
BACK = 9.0  # line widths: the longest branch into which a line goes and comes back
SHARED = 6.0  # line widths: the longest branch that two crossing lines share
LONG = 30.0  # line widths: replaces BACK and SHARED where the ink is wider than one line
ALONG = 0.75  # cosine of the largest turn into a branch that two lines share
TURN = np.radians(65)  # a line that would have to turn more at a junction ends there
ASIDE = np.radians(20)  # a branch that continues a line with a smaller turn belongs to that line


def sharpen_tips(graph: Graph, radius: np.ndarray, width: float) -> None:
    """Restore sharp corners, which thinning has turned into junctions with a short third branch.

    Near the tip of a sharp corner, the ink of its two sides runs together, so the skeleton is a Y:
    the sides are its arms, and its stem ends at the tip. Remove the stem, and extend both arms
    straight to the tip.
    """
    for met in list(graph.ends.values()):
        if len(met) != 3 or len({number for number, _ in met}) != 3:
            continue
        tip = next((end for end in met if _is_tip(graph, end, radius, width)), None)
        if tip is None:
            continue
        sides = [end for end in met if end != tip]
        nodes = (graph.far(sides[0]), graph.far(sides[1]))
        point = graph.remove(tip[0]).outward(1 - tip[1])[:1]
        one, two = (graph.remove(number).outward(end) for number, end in sides)
        points = np.concatenate(
            [_points_beyond(one, width)[::-1], point, _points_beyond(two, width)]
        )
        graph.add(Branch(points, nodes))


def _points_beyond(points: np.ndarray, distance: float) -> np.ndarray:
    """Drop the start of a line up to a given distance, but at most a third of the line."""
    at = along(points)
    return points[at >= min(distance, at[-1] / 3)]


def _is_tip(graph: Graph, tip: End, radius: np.ndarray, width: float) -> bool:
    """Return whether a branch is only a spur that thinning left at a sharp corner."""
    if len(graph.ends[graph.far(tip)]) != 1:
        return False
    met = graph.ends[graph.node(tip)]
    one, two = (direction(graph.outward(end), width) for end in met if end != tip)
    if one @ two < SHARP:
        return False
    opening = max(angle(one, two), SHARPEST)
    overlap = width / 2 / np.sin(opening / 2)  # from the corner to where the sides separate
    branch = graph.branches[tip[0]]
    if branch.length < max(TIP * width, OVERLAP * overlap + width / 2):
        return True
    return branch.length < WEDGE * overlap and half_width(branch, radius) > FAT * width / 2


def turn_back(graph: Graph, radius: np.ndarray, width: float) -> None:
    """Join two lines at a short branch that one line followed in and out again, as in a notch.

    The short branch ends at no other branch except a loop. The two lines do not continue each
    other.
    """
    for met in list(graph.ends.values()):
        if len(met) != 3 or len({number for number, _ in met}) != 3:
            continue
        by_length = sorted(met, key=lambda end: graph.branches[end[0]].length)
        stem = next((end for end in by_length if _turns_back(graph, end, radius, width)), None)
        if stem is not None:
            _join_by(graph, stem, radius, width)


def _turns_back(graph: Graph, stem: End, radius: np.ndarray, width: float) -> bool:
    """Return whether one pen line probably ran into a stem and came back out of it."""
    branch = graph.branches[stem[0]]
    most = LONG if half_width(branch, radius) > FAT * width / 2 else BACK
    if branch.length > most * width or not (_ends(graph, stem) or _loop(graph, stem)):
        return False
    sides = [end for end in graph.ends[graph.node(stem)] if end != stem]
    one, two = (direction(graph.outward(end), width) for end in sides)
    if one @ two >= SHARP:
        return True
    way = direction(graph.outward(stem), width)
    return angle(-one, two) >= TURN and min(angle(-one, way), angle(-two, way)) > ASIDE


def _ends(graph: Graph, stem: End) -> bool:
    """Return whether the far end of a branch is free."""
    return len(graph.ends[graph.far(stem)]) == 1


def _loop(graph: Graph, stem: End) -> int | None:
    """Return the key of the loop at the far end of a branch; None if anything else is there."""
    others = {number for number, _ in graph.ends[graph.far(stem)] if number != stem[0]}
    alone = len(others) == 1 and len(graph.ends[graph.far(stem)]) == 3
    return others.pop() if alone else None


def _join_by(graph: Graph, stem: End, radius: np.ndarray, width: float) -> None:
    """Join a stem and the two branches at its base to one line that runs into the stem and out."""
    inward = graph.outward(stem)
    axis = direction(inward, width)
    one, two = sorted(
        (end for end in graph.ends[graph.node(stem)] if end != stem),
        key=lambda end: cross(axis, direction(graph.outward(end), width)),
    )
    nodes = (graph.far(one), graph.far(two))
    loop = _loop(graph, stem)
    if loop is None:
        right, left = _side_by_side(inward, radius, width)
        inside = [right, left[::-1]]
    else:
        inside = [inward, _crossing(graph, stem, loop, width), inward[::-1]]
        graph.remove(loop)
    graph.remove(stem[0])
    first, last = (graph.remove(number).outward(end) for number, end in (one, two))
    graph.add(Branch(np.concatenate([first[::-1], *inside, last]), nodes))


def _crossing(graph: Graph, stem: End, loop: int, width: float) -> np.ndarray:
    """Return the points of a loop, starting at its left end.

    A line that comes in from the right and goes on along the loop then crosses itself.
    """
    points = graph.branches[loop].points
    axis = -direction(graph.branches[stem[0]].outward(1 - stem[1]), width)
    sides = [cross(axis, direction(end, width)) for end in (points, points[::-1])]
    return points if sides[0] > sides[1] else points[::-1]


def duplicate_shared(graph: Graph, radius: np.ndarray, width: float) -> None:
    """Replace each branch that two lines share by one branch for each line.

    Two lines share a branch if two other branches continue it at one end, and two more at the other
    end, all of them in almost the same direction.
    """
    for number in sorted(graph.branches, key=lambda n: graph.branches[n].length):
        branch = graph.branches.get(number)
        if branch is None or branch.nodes[0] == branch.nodes[1]:
            continue
        most = LONG if half_width(branch, radius) > FAT * width / 2 else SHARED
        if branch.length > most * width or any(len(graph.ends[n]) != 3 for n in branch.nodes):
            continue
        legs = [[end for end in graph.ends[node] if end[0] != number] for node in branch.nodes]
        if len({n for n, _ in (*legs[0], *legs[1])}) != 4:
            continue
        after = _continued(graph, branch, legs, width)
        if after is not None:
            _duplicate(graph, number, legs[0], after, radius, width)


def _continued(
    graph: Graph, branch: Branch, legs: list[list[End]], width: float
) -> list[End] | None:
    """Match the two lines that enter a shared branch with the two lines that leave it.

    Return the ends (in `legs[1]`) of the leaving lines: first the one that continues the line of
    `legs[0][0]`, then the one that continues the line of `legs[0][1]`. Return None if one of these
    four lines does not continue the branch.
    """
    ways = [[direction(graph.outward(end), width) for end in met] for met in legs]
    axis = branch.points[-1] - branch.points[0]
    axis = axis / max(np.hypot(*axis), 1e-9)
    on = [-(axis @ way) for way in ways[0]] + [axis @ way for way in ways[1]]
    if min(on) < ALONG:
        return None
    straight = ways[0][0] @ ways[1][0] + ways[0][1] @ ways[1][1]
    crossed = ways[0][0] @ ways[1][1] + ways[0][1] @ ways[1][0]
    return legs[1] if straight <= crossed else legs[1][::-1]


def _duplicate(
    graph: Graph, number: int, before: list[End], after: list[End], radius: np.ndarray, width: float
) -> None:
    """Replace a branch by two branches; each joins a branch before it to a branch after it."""
    middle = graph.branches[number].points
    starts = _is_left(graph, before, direction(middle, width), width)
    stops = _is_left(graph, after, -direction(middle[::-1], width), width)
    right, left = _side_by_side(middle, radius, width)
    graph.remove(number)
    share = np.linspace(0, 1, len(middle))[:, None]
    for k, (first, second) in enumerate(zip(before, after, strict=True)):
        begin, end = ((left if side[k] else right) for side in (starts, stops))
        one, two = graph.remove(first[0]), graph.remove(second[0])
        way = begin * (1 - share) + end * share
        points = np.concatenate([one.outward(1 - first[1]), way, two.outward(second[1])])
        graph.add(Branch(points, (one.nodes[1 - first[1]], two.nodes[1 - second[1]])))


def _is_left(graph: Graph, legs: list[End], axis: np.ndarray, width: float) -> list[bool]:
    """Return, for each of two branches, True if it is the left one when looking along the axis."""
    one, two = (cross(axis, direction(graph.outward(end), width)) for end in legs)
    return [one > two, one <= two]


def _side_by_side(
    middle: np.ndarray, radius: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return two parallel lines `[n, 2]` that lie to the left and right of a middle line.

    The first line is on the side where the cross product with the direction of the middle line is
    negative.
    """
    if len(middle) < 3:
        return middle, middle
    apart = np.clip(half_widths(middle, radius) - width / 2, 0, width / 2)
    apart = ndimage.gaussian_filter1d(apart, width / 2, mode="nearest")[:, None]
    way = np.gradient(ndimage.gaussian_filter1d(middle, width, axis=0, mode="nearest"), axis=0)
    way = way / np.maximum(np.hypot(*way.T), 1e-9)[:, None]
    aside = np.stack([-way[:, 1], way[:, 0]], 1)
    return middle - apart * aside, middle + apart * aside
