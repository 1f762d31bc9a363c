"""Turn a skeleton one pixel wide into a graph: ends, junctions, and the branches between them.

Dimensions: H, W height and width of the picture in pixels, P pixels in the skeleton, n points in a
branch.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

End = tuple[int, int]  # a branch's key in `Graph.branches`, and which end: 0 first, 1 last

# (down, right) to each neighbor: first at the sides, then at the corners
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1))


@dataclass(frozen=True)
class Branch:
    """A piece of a line between two nodes; in a loop, both are the same node.

    Attributes:
      points: x and y `[n, 2]`, from the first node to the second.
    """

    points: np.ndarray
    nodes: tuple[int, int]

    @property
    def length(self) -> float:
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())

    def outward(self, end: int) -> np.ndarray:
        """Return the points, starting at the given end."""
        return self.points[::-1] if end else self.points


@dataclass
class Graph:
    """The branches, each with an integer key, and the ends of branches that meet at each node."""

    branches: dict[int, Branch] = field(default_factory=dict)
    ends: dict[int, list[End]] = field(default_factory=lambda: defaultdict(list))

    def add(self, branch: Branch) -> int:
        number = max(self.branches, default=-1) + 1
        self.branches[number] = branch
        for end, node in enumerate(branch.nodes):
            self.ends[node].append((number, end))
        return number

    def remove(self, number: int) -> Branch:
        branch = self.branches.pop(number)
        for end, node in enumerate(branch.nodes):
            self.ends[node].remove((number, end))
        return branch

    def node(self, end: End) -> int:
        """Return the node at an end of a branch."""
        return self.branches[end[0]].nodes[end[1]]

    def far(self, end: End) -> int:
        """Return the node at the other end of the branch."""
        return self.branches[end[0]].nodes[1 - end[1]]

    def outward(self, end: End) -> np.ndarray:
        """Return the points of a branch `[n, 2]`, starting at the given end."""
        return self.branches[end[0]].outward(end[1])

    def copy(self) -> "Graph":
        """Return an independent graph with the same branches."""
        ends = {node: list(met) for node, met in self.ends.items()}
        return Graph(dict(self.branches), defaultdict(list, ends))

    def dissolve(self, node: int) -> None:
        """If exactly two branches meet at a node, join them to one; leave a loop as it is."""
        met = self.ends[node]
        if len(met) != 2 or met[0][0] == met[1][0]:
            return
        (first, first_end), (second, second_end) = met
        one, two = self.remove(first), self.remove(second)
        points = np.concatenate([one.outward(1 - first_end), two.outward(second_end)])
        self.add(Branch(points, (one.nodes[1 - first_end], two.nodes[1 - second_end])))


def skeleton_graph(skeleton: np.ndarray) -> Graph:
    """Return the graph of a skeleton, bool `[H, W]`.

    Two pixels that touch only at a corner are neighbors unless a third pixel shares a side with
    both.
    """
    neighbors = _neighbors(skeleton)
    y, x = np.nonzero(skeleton)
    places = np.stack([x, y], 1).astype(np.float64)
    node_of, graph = _nodes(neighbors), Graph()
    for number, path in enumerate(_paths(neighbors, node_of)):
        nodes = (node_of[path[0]], node_of[path[-1]])
        graph.branches[number] = Branch(places[path], nodes)
        for end, node in enumerate(nodes):
            graph.ends[node].append((number, end))
    return graph


def _neighbors(skeleton: np.ndarray) -> list[list[int]]:
    """Return the indices of the neighbors of each of the P pixels."""
    numbers = np.full(np.add(skeleton.shape, 2), -1)
    inner = np.pad(skeleton, 1)
    numbers[inner] = np.arange(inner.sum())
    y, x = np.nonzero(inner)
    around = np.stack([numbers[y + down, x + right] for down, right in _STEPS], 1)
    right, down, left, up = (around[:, :4] >= 0).T
    beside = np.stack([right | down, down | left, left | up, up | right], 1)
    around[:, 4:][beside] = -1
    return [[n for n in row if n >= 0] for row in around.tolist()]


def _nodes(neighbors: list[list[int]]) -> dict[int, int]:
    """Return the node of each pixel at an end or a junction; all pixels of a junction share one."""
    node_of: dict[int, int] = {}
    for pixel, near in enumerate(neighbors):
        if len(near) == 2 or pixel in node_of:
            continue
        node_of[pixel] = pixel
        stack = [pixel] if len(near) > 2 else []
        while stack:
            for other in neighbors[stack.pop()]:
                if len(neighbors[other]) > 2 and other not in node_of:
                    node_of[other] = pixel
                    stack.append(other)
    return node_of


def _paths(neighbors: list[list[int]], node_of: dict[int, int]) -> Iterator[list[int]]:
    """Yield the pixels of each branch; a ring without a node gets a node at its first pixel."""
    visited: set[int] = set()
    for start in list(node_of):
        if not neighbors[start]:
            yield [start]
        for first in neighbors[start]:
            among_nodes = first in node_of
            if first in visited or (
                among_nodes and (first < start or node_of[first] == node_of[start])
            ):
                continue
            path = _walk(neighbors, node_of, start, first)
            visited.update(path[1:-1])
            yield path
    for start in range(len(neighbors)):
        if start not in visited and start not in node_of:
            node_of[start] = start
            path = _walk(neighbors, node_of, start, neighbors[start][0])
            visited.update(path)
            yield path


def _walk(neighbors: list[list[int]], node_of: dict[int, int], start: int, first: int) -> list[int]:
    path = [start, first]
    while path[-1] not in node_of:
        path.append(next(n for n in neighbors[path[-1]] if n != path[-2]))
    return path
