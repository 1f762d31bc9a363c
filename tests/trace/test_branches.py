"""Repair the graph of a skeleton, and smooth its lines."""

import numpy as np
import pytest

from sketch_rnn.trace.branches import lines_of, merged_and_paired
from sketch_rnn.trace.graph import Branch, Graph
from sketch_rnn.trace.smooth import evenly, smooth

WIDTH = 6.0


def graph_of(*lines):
    """Return a graph; the first and the last number of a line are its nodes."""
    graph = Graph()
    for first, points, last in lines:
        graph.add(Branch(evenly(np.array(points, float), 1.0), (first, last)))
    return graph


def test_a_line_between_merged_junctions_follows_the_ink():
    bend = [(40, 50), (52, 58), (64, 50)]
    graph = graph_of(
        (0, [(0, 50), (40, 50)], 1),
        (1, bend, 2),
        (2, [(64, 50), (110, 50)], 3),
        (1, [(40, 50), (36, 10)], 4),
        (2, [(64, 50), (68, 10)], 5),
    )
    radius = np.full((100, 120), WIDTH)  # ink as wide as two lines
    merged, partner = merged_and_paired(graph, radius, WIDTH)
    assert len(merged.branches) == 4
    lines = lines_of(merged, partner, WIDTH)
    assert len(lines) == 3
    through = max(lines, key=len)
    assert np.hypot(*(through - bend[1]).T).min() < 1


@pytest.mark.parametrize(("reach", "moved"), [(60, True), (47, False)], ids=["ink", "no ink"])
def test_a_corner_moves_to_where_its_sides_meet_only_inside_the_ink(reach, moved):
    cut = np.array([(0.0, 50), (47, 50), (50, 47), (50, 0)])
    y, x = np.mgrid[:60, :60]
    radius = np.where((x <= reach) & (y <= reach), WIDTH / 2, 0.0)
    far = np.hypot(*(smooth(cut, WIDTH, radius) - (50, 50)).T).min()
    assert (far < 0.5) == moved
