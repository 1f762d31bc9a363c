"""Lines become stroke-3: box, simplification, order, rounding, the first point."""

import numpy as np
import pytest

from sketch_rnn.convert.prepare import (
    PIECE,
    Recipe,
    fit_box,
    joined,
    nearest_order,
    simplify,
    to_sketch,
)
from sketch_rnn.errors import UserError


def absolute(stroke3):
    """Return the lines of a sketch that starts at the origin with the pen down."""
    rows = np.concatenate([np.zeros((1, 3)), stroke3])
    points = np.cumsum(rows[:, :2], axis=0)
    return np.split(points, np.flatnonzero(rows[:, 2])[:-1] + 1)


def test_the_first_point_is_the_origin_with_the_pen_down():
    sketch = to_sketch([np.array([(10, 10), (20, 10)]), np.array([(20, 20), (10, 20)])])
    assert sketch.points.dtype == np.int16
    np.testing.assert_array_equal(sketch.points, [(255, 0, 1), (0, 255, 0), (-255, 0, 1)])


def test_a_dot_at_the_start_is_a_row_with_offset_0():
    sketch = to_sketch([np.array([(0, 0)]), np.array([(10, 0), (10, 5)])])
    np.testing.assert_array_equal(sketch.points, [(0, 0, 1), (255, 0, 0), (0, 128, 1)])


def test_scaling_keeps_the_aspect_ratio():
    points = np.concatenate(fit_box([np.array([(-5, 3), (15, 3)]), np.array([(0, 13)])], 100))
    np.testing.assert_allclose(points, [(0, 0), (100, 0), (25, 50)])


@pytest.mark.parametrize(
    ("epsilon", "piece"), [(0.5, PIECE), (2, PIECE), (8, PIECE), (2, 1999), (2, 400), (2, 20)]
)
def test_no_point_is_further_than_epsilon_and_half_a_unit_from_its_line(
    epsilon, piece, monkeypatch
):
    monkeypatch.setattr("sketch_rnn.convert.prepare.PIECE", piece)
    t = np.linspace(0, 12, 2000)
    wave = np.stack([20 * t, 60 * np.sin(t) + 100], axis=1)
    lines = fit_box([wave], 255)
    sketch = simplify(lines, Recipe(epsilon=epsilon))
    (line,) = absolute(sketch.points)
    line += np.rint(lines[0][0])
    a, b = line[:-1, None], line[1:, None]
    along = np.clip(((lines[0] - a) * (b - a)).sum(2) / np.square(b - a).sum(2), 0, 1)
    far = np.hypot(*(lines[0] - (a + along[..., None] * (b - a))).transpose(2, 0, 1)).min(axis=0)
    assert far.max() <= epsilon + 0.75
    assert len(line) < (60 if piece > 20 else 200)


def test_a_drawing_that_is_too_long_is_simplified_more_or_refused():
    rng = np.random.default_rng(0)
    scribble = [np.cumsum(rng.normal(size=(200, 2)), axis=0)]
    plain = to_sketch(scribble)
    assert plain.epsilon == 2 and len(plain.points) <= 250
    limit = int(len(plain.points) * 0.7)
    shorter = to_sketch(scribble, Recipe(max_points=limit))
    assert 2 < shorter.epsilon <= 8 and len(shorter.points) <= limit
    with pytest.raises(
        UserError, match="more than 5 points, even when simplified as far as possible"
    ):
        to_sketch(scribble, Recipe(max_points=5))


def test_max_points_counts_rows():
    corners = [np.array([(0, 0), (0, 99), (99, 99), (99, 0)])]
    assert len(to_sketch(corners, Recipe(max_points=3)).points) == 3
    with pytest.raises(UserError, match="more than 2 points"):
        to_sketch(corners, Recipe(max_points=2, epsilon=1))


def test_nearest_order_continues_at_the_nearest_end_and_may_reverse_a_line():
    lines = [np.array(line) for line in ([(0, 0), (1, 0)], [(9, 9), (5, 5)], [(4, 4), (2, 0)])]
    ordered = [line.tolist() for line in nearest_order(lines)]
    assert ordered == [[[0, 0], [1, 0]], [[2, 0], [4, 4]], [[5, 5], [9, 9]]]
    sketch = to_sketch(lines, Recipe(order="nearest", size=9))
    np.testing.assert_array_equal(sketch.points[:2], [(1, 0, 1), (1, 0, 0)])


def test_a_line_that_starts_where_the_previous_one_ended_is_joined_to_it():
    lines = [[(0, 0), (50, 0)], [(50.09, 0), (50, 99)], [(99, 99)], [(50, 99), (50, 50)], []]
    one, dot, other = joined([np.array(line, float).reshape(-1, 2) for line in lines])
    np.testing.assert_array_equal(one[[0, 1, -1]], [(0, 0), (50, 0), (50, 99)])
    assert len(dot) == 1 and len(other) == 2
    apart = [np.array([(0, 0), (50, 0)]), np.array([(50.2, 0), (50, 99)])]
    assert len(joined(apart)) == 2


def circle(count=90, gap=0.0):
    """Return pieces of a circle with radius 100 in random order, with gaps of the given length."""
    ends = np.linspace(0, 2 * np.pi, count + 1)[:, None] + np.array([gap / 200, -gap / 200])
    pieces = [np.linspace(a, b, 4) for a, b in zip(ends[:-1, 0], ends[1:, 1], strict=True)]
    rng = np.random.default_rng(5)
    pieces = [pieces[i][:: rng.choice((-1, 1))] for i in rng.permutation(count)]
    return [100 * np.stack([np.cos(t), np.sin(t)], axis=1) for t in pieces]


def pen_ups(lines, **recipe):
    return int(to_sketch(lines, Recipe(**recipe), pieces=True).points[:, 2].sum())


def test_nearest_order_joins_pieces_at_either_end():
    assert pen_ups(circle(), order="nearest") == 1
    assert pen_ups(circle(), order="nearest", join=False) == 90
    assert pen_ups(circle()) > 80
    apart = [line + np.array([300, 0]) for line in circle(8)]
    assert pen_ups([*circle(8), *apart], order="nearest") == 2


@pytest.mark.parametrize("scale", [0.01, 1, 300])
def test_join_distance_is_relative_to_the_size_of_the_drawing(scale):
    lines = [line * scale for line in circle(20, gap=4)]  # 2% of the longer side
    assert pen_ups(lines, order="nearest", join_distance=0.015) == 20
    assert pen_ups(lines, order="nearest", join_distance=0.025) == 1
    in_order = [np.array([(0, 0), (49, 0)]), np.array([(51, 0), (100, 0)])]
    assert pen_ups(in_order, join_distance=0.025) == 1 and pen_ups(in_order) == 2


def test_where_several_pieces_meet_the_straightest_pair_is_joined():
    ends = [(-9, 1), (9, 1), (0, 9), (0, -9)]
    lines = [np.array([(0, 0), end][:: 1 if i % 2 else -1], float) for i, end in enumerate(ends)]
    sketch = to_sketch(lines, Recipe(order="nearest", size=18, epsilon=0)).points
    assert sketch[:, 2].tolist() == [0, 1, 0, 0, 1]
    first = np.cumsum([(0, 0, 0), *sketch[:2]], axis=0)[:, 0]
    assert np.ptp(first) == 18


def test_a_joined_line_is_simplified_as_one():
    t = np.linspace(0, np.pi, 90)
    arc = 100 * np.stack([np.cos(t), np.sin(t)], axis=1)
    pieces = list(np.stack([arc[:-1], arc[1:]], axis=1))
    whole = to_sketch([arc]).points
    np.testing.assert_array_equal(to_sketch(joined(pieces)).points, whole)
    assert len(to_sketch(pieces).points) > 5 * len(whole)


def test_points_that_round_to_the_same_position_are_merged():
    sketch = to_sketch([np.array([(0, 0), (0.1, 0), (255, 0)])], Recipe(epsilon=0))
    np.testing.assert_array_equal(sketch.points, [(255, 0, 1)])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no points"),
        ([np.zeros((0, 2))], "no points"),
        ([np.ones((4, 2))], "all its points are in one place"),
        ([np.array([(0, np.nan), (1, 1)])], "not finite"),
        ([np.array([(-1e308, 0), (1e308, 1)])], "too large"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_an_unusable_drawing_is_refused_with_the_reason(lines, message):
    with pytest.raises(UserError, match=message):
        to_sketch(lines)


@pytest.mark.parametrize(
    "bad",
    [
        {"size": 0},
        {"size": 1e6},
        {"tolerance": 0},
        {"epsilon": -1},
        {"max_points": 0},
        {"order": "random"},
    ],
)
def test_a_recipe_checks_its_numbers(bad):
    with pytest.raises(UserError, match=next(iter(bad))):
        Recipe(**bad)
