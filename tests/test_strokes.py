import subprocess
import sys

import numpy as np
import pytest
from golden import cases
from golden.cases import recorded_of

from sketch_rnn import strokes
from sketch_rnn.errors import UserError

SKETCH = np.array([[1, 2, 0], [3, 4, 1], [5, 6, 0]], np.float32)


def random_sketches(rng, count, longest=40):
    for _ in range(count):
        n = int(rng.integers(0, longest))
        yield np.concatenate([rng.normal(size=(n, 2)), rng.random((n, 1)) < 0.2], 1).astype("f4")


def augmented_point_by_point(sketch, uniform, prob):
    """The rule of point dropping, one point after the other."""
    kept, index = [], 0
    for (dx, dy, lifted), u in zip(sketch, uniform, strict=True):
        if not lifted and index > 2 and u < prob:
            kept[-1][:2] += [dx, dy]
        else:
            kept.append(np.array([dx, dy, lifted]))
        index = 0 if lifted else index + 1
    return np.array(kept).reshape(-1, 3)


def test_stroke5_has_a_start_token_the_sketch_and_end_rows():
    batch = strokes.to_stroke5([SKETCH, SKETCH[:1]], 4)
    assert batch.dtype == np.float32
    start, end = [0, 0, 1, 0, 0], [0, 0, 0, 0, 1]
    np.testing.assert_array_equal(
        batch,
        [
            [start, [1, 2, 1, 0, 0], [3, 4, 0, 1, 0], [5, 6, 1, 0, 0], end],
            [start, [1, 2, 1, 0, 0], end, end, end],
        ],
    )


def test_stroke5_of_empty_sketches_and_of_none():
    assert strokes.to_stroke5([], 4).shape == (0, 5, 5)
    batch = strokes.to_stroke5([np.zeros((0, 3)), SKETCH], 3)
    assert batch[0, 1:, 4].all()
    np.testing.assert_array_equal(strokes.to_stroke3(batch[1]), SKETCH)


def test_stroke5_refuses_a_sketch_that_is_too_long():
    with pytest.raises(UserError, match="at most 2 points, but sketch 1 has 3"):
        strokes.to_stroke5([SKETCH[:2], SKETCH], 2)


def test_stroke3_is_the_inverse_of_stroke5():
    sketches = list(random_sketches(np.random.default_rng(0), 30))
    batch = strokes.to_stroke5(sketches, 50)
    for sketch, stroke5 in zip(sketches, batch, strict=True):
        np.testing.assert_array_equal(strokes.to_stroke3(stroke5), sketch)


def test_stroke3_of_rows_without_start_and_end():
    stroke5 = strokes.to_stroke5([SKETCH], 3)[0, 1:]
    np.testing.assert_array_equal(strokes.to_stroke3(stroke5), SKETCH)


def test_polylines_are_absolute_and_end_where_the_pen_is_lifted():
    lines = strokes.to_polylines(SKETCH)
    assert [line.tolist() for line in lines] == [[[0, 0], [1, 2], [4, 6]], [[9, 12]]]


def test_from_polylines_starts_at_the_first_point_and_lifts_the_pen_after_each_line():
    lines = [np.array([[7, 7], [8, 9], [11, 13]]), np.zeros((0, 2)), [[16, 19]]]
    sketch = strokes.from_polylines(lines)
    np.testing.assert_array_equal(sketch, [[1, 2, 0], [3, 4, 1], [5, 6, 1]])
    again = strokes.from_polylines(strokes.to_polylines(sketch))
    np.testing.assert_array_equal(again, sketch)


def test_no_lines_are_an_empty_sketch_and_a_dot_is_a_line():
    assert strokes.from_polylines([]).shape == (0, 3)
    np.testing.assert_array_equal(strokes.from_polylines([[[5, 5]]]), [[0, 0, 1]])


def test_bounds_hold_the_start():
    assert strokes.bounds(SKETCH) == (0, 9, 0, 12)
    assert strokes.bounds(SKETCH * [-1, 1, 1]) == (-9, 0, 0, 12)
    assert strokes.bounds(SKETCH[:0]) == (0, 0, 0, 0)


def test_augmentation_equals_the_original():
    recorded = recorded_of("data")
    points, lengths = strokes.flatten(cases.drawings(2))
    points, lengths = strokes.augment(
        points.astype(np.float32),
        lengths,
        np.ones((len(lengths), 2)),
        cases.uniforms(len(points)),
        cases.DROP_PROBABILITY,
    )
    np.testing.assert_array_equal(lengths, recorded["augmented_lengths"])
    np.testing.assert_allclose(points, recorded["augmented"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("prob", [0.0, 0.1, 0.6, 1.0])
def test_augmentation_equals_the_rule_point_by_point(prob):
    rng = np.random.default_rng(1)
    sketches = list(random_sketches(rng, 60))
    points, lengths = strokes.flatten(sketches)
    uniform = rng.random(len(points))
    found, found_lengths = strokes.augment(points, lengths, np.ones((60, 2)), uniform, prob)
    cuts = np.cumsum(lengths)[:-1]
    expected = [
        augmented_point_by_point(s, u, prob)
        for s, u in zip(sketches, np.split(uniform, cuts), strict=True)
    ]
    np.testing.assert_array_equal(found_lengths, [len(s) for s in expected])
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)


def test_augmentation_scales_x_and_y_of_each_sketch():
    points, lengths = strokes.flatten([SKETCH, SKETCH[:0], SKETCH])
    scale = np.array([[2, 3], [9, 9], [0.5, 1]])
    found, _ = strokes.augment(points, lengths, scale, np.ones(6), 0.1)
    np.testing.assert_array_equal(found[:3], SKETCH * [2, 3, 1])
    np.testing.assert_array_equal(found[3:], SKETCH * [0.5, 1, 1])
    np.testing.assert_array_equal(points[:3], SKETCH)  # not changed in place


def test_importing_the_data_modules_does_not_import_tensorflow():
    modules = "npz, unpickle, dataset, batches, download, split"
    code = (
        f"import sys; from sketch_rnn.data import {modules}; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
