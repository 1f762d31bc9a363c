import numpy as np

from sketch_rnn import strokes

SKETCH = np.array([[1, 2, 0], [3, 4, 1], [5, 6, 0]], np.float32)


def test_polylines_are_absolute_and_end_where_the_pen_is_lifted():
    lines = strokes.to_polylines(SKETCH)
    assert [line.tolist() for line in lines] == [[[0, 0], [1, 2], [4, 6]], [[9, 12]]]


def test_from_polylines_starts_at_the_first_point_and_lifts_the_pen_after_each_line():
    lines = [np.array([[7, 7], [8, 9], [11, 13]]), np.zeros((0, 2)), [[16, 19]]]
    sketch = strokes.from_polylines(lines)
    np.testing.assert_array_equal(sketch, [[1, 2, 0], [3, 4, 1], [5, 6, 1]])
    again = strokes.from_polylines(strokes.to_polylines(sketch))
    np.testing.assert_array_equal(again, sketch)


def test_an_empty_list_of_lines_is_an_empty_sketch_and_a_dot_is_a_line():
    assert strokes.from_polylines([]).shape == (0, 3)
    np.testing.assert_array_equal(strokes.from_polylines([[[5, 5]]]), [[0, 0, 1]])


def test_bounds_include_the_start():
    assert strokes.bounds(SKETCH) == (0, 9, 0, 12)
    assert strokes.bounds(SKETCH * [-1, 1, 1]) == (-9, 0, 0, 12)
    assert strokes.bounds(SKETCH[:0]) == (0, 0, 0, 0)
