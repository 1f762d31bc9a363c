"""Tests of recognizing, from a file's sketches, whether row 0 is drawn or is a position."""

import numpy as np
import pytest
from helpers import DOODLES, public

from sketch_rnn.data import npz
from sketch_rnn.data.first_row import FEW, is_place, without_place
from sketch_rnn.data.split import flatten
from sketch_rnn.strokes import to_polylines


def with_place(sketch, corner):
    """Return the sketch with the position of its first point as row 0."""
    lines = to_polylines(sketch)
    points = np.concatenate(lines)
    points = points - points.min(axis=0) + corner
    rows = np.zeros((len(points), 3))
    rows[:, :2] = np.diff(points, axis=0, prepend=np.zeros((1, 2)))
    rows[np.cumsum([len(line) for line in lines]) - 1, 2] = 1
    return rows


def sketches_of(path, count=300):
    points, lengths = npz.read_split(path, "train")
    return np.split(points, np.cumsum(lengths))[:count]


@pytest.mark.parametrize("path", sorted(DOODLES.glob("*.npz")), ids=lambda path: path.stem)
def test_the_embedded_drawings_do_not_begin_with_a_position(path):
    drawn = sketches_of(path)
    assert not is_place(*flatten(drawn))
    for corner in ((0, 0), (40, 90)):
        assert is_place(*flatten([with_place(sketch, corner) for sketch in drawn]))


@pytest.mark.parametrize("name", ["aaron_sheep", "short_kanji"])
def test_the_public_drawings_do_not_begin_with_a_position(name):
    drawn = sketches_of(public(f"data/{name}.npz"))
    assert not is_place(*flatten(drawn))
    assert is_place(*flatten([with_place(sketch, (60, 30)) for sketch in drawn]))


def test_drawings_that_all_begin_in_a_corner_do_not_begin_with_a_position():
    square = np.array([(10, 0, 0), (0, 10, 0), (-10, 0, 0), (0, -10, 1)])
    assert not is_place(*flatten([square * (n, n, 1) for n in range(1, 50)]))


def test_few_drawings_are_too_few_to_recognize_a_position():
    place = np.array([(90, 80, 0), (5, 0, 0), (0, 5, 0), (-5, 0, 1)])
    assert is_place(*flatten([place] * FEW))
    assert not is_place(*flatten([place] * (FEW - 1)))
    assert not is_place(*flatten([place[:1]] * FEW))


def test_removing_the_first_position_keeps_the_lines_of_the_page():
    lines = [np.array([(7.0, 9), (9, 9)]), np.array([(3.0, 4), (5, 6), (7, 7)])]
    rows = [(7, 9, 0), (2, 0, 1), (-6, -5, 0), (2, 2, 0), (2, 1, 1)]
    for found, line in zip(to_polylines(without_place(np.array(rows))), lines, strict=True):
        np.testing.assert_array_equal(found + lines[0][0], line)


def test_a_dot_at_the_start_stays_a_dot():
    rows = np.array([(7, 9, 1), (2, 0, 0), (1, 1, 1)])
    np.testing.assert_array_equal(without_place(rows), [(0, 0, 1), (2, 0, 0), (1, 1, 1)])
    assert len(without_place(rows[:0])) == 0
