"""Splits as sequences, batches as `tf.data` and as stroke-5, and sketches as lines of points."""

import re
import subprocess
import sys

import numpy as np
import pytest
from golden import cases
from golden.cases import recorded_of
from helpers import DOODLES

import sketch_rnn
from sketch_rnn.data.split import TrainBatches, augment, eval_batches, flatten, to_stroke5
from sketch_rnn.errors import UserError
from sketch_rnn.strokes import to_stroke3


@pytest.fixture(scope="module")
def data():
    return sketch_rnn.load_dataset(["cat.npz", "fish.npz"], DOODLES)


def test_a_split_can_be_sliced_and_iterated(data):
    test = data.test
    assert len(test) == 200 and len(test[:4]) == 4 and len(test[-3:]) == 3
    for number, sketch in enumerate(test[98:102]):  # of both files
        np.testing.assert_array_equal(sketch, test[98 + number])
    np.testing.assert_array_equal(test[[150, 3]][0], test[150])
    np.testing.assert_array_equal(
        test[test.lengths() > 60][0], test[np.argmax(test.lengths() > 60)]
    )
    assert [len(sketch) for sketch in test] == test.lengths().tolist()
    assert len(test[:0]) == 0 and list(test[:0]) == []
    with pytest.raises(IndexError, match="sketch 200 of 200"):
        test[200]


def test_a_split_has_a_repr_and_a_picture(data):
    assert re.fullmatch(r"<Split of 200 sketches of \d+ to \d+ points>", repr(data.test))
    assert repr(data.test[:0]) == "<Split without sketches>"
    assert data.train._repr_svg_().count('class="sketch"') == 20
    shown = data._repr_svg_()
    assert shown.count('class="sketch"') == 30 and ">valid<" in shown


def test_a_split_is_found_by_its_name(data):
    assert data.split("valid") is data.valid
    with pytest.raises(UserError, match="did you mean test"):
        data.split("tset")


def test_batches_equal_those_of_a_training_run(data):
    hparams = sketch_rnn.HParams(batch_size=16, max_seq_len=data.max_seq_len)
    expected = TrainBatches(data.train, hparams, data.scale_factor, 5)
    made = data.batches("train", 16, seed=5, first_step=2)
    for step, (strokes5, lengths) in zip((2, 3, 4), made, strict=False):
        np.testing.assert_array_equal(strokes5, expected.batch(step)[0])
        np.testing.assert_array_equal(lengths, expected.batch(step)[1])
    assert made.element_spec[0].shape == (16, data.max_seq_len + 1, 5)


def test_batches_to_evaluate_are_whole_and_in_order(data):
    made = list(data.batches("valid", 64))
    expected = list(eval_batches(data.valid, 64, data.scale_factor, data.max_seq_len))
    assert [len(lengths) for _, lengths in made] == [64, 64, 64, 8]
    for found, wanted in zip(made, expected, strict=True):
        np.testing.assert_array_equal(found[0], wanted[0])


def test_endless_batches_do_not_keep_a_process_from_ending():
    program = """
import sketch_rnn
batches = iter(sketch_rnn.load_dataset("cat.npz").batches("train", 4).prefetch(2))
print(next(batches)[0].shape[0], flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, b"4\n")


def test_converting_a_sketch_to_points_and_back_gives_the_sketch(data):
    lines = sketch_rnn.to_points(data.test[0])
    assert all(line.ndim == 2 and line.shape[1] == 2 for line in lines) and (lines[0][0] == 0).all()
    np.testing.assert_allclose(sketch_rnn.from_points(lines), data.test[0], atol=1e-3)
    moved = [line + 7 for line in lines]
    np.testing.assert_allclose(sketch_rnn.from_points(moved), data.test[0], atol=1e-3)
    assert sketch_rnn.from_points([[(0, 0), (3, 4)], [(5, 5)]]).tolist() == [[3, 4, 1], [2, 1, 1]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([(0, 0), (3, 4)], r"line 0: expected points \[m, 2\], got shape \(2,\)"),
        ([[(0, 0)], [(1, 2, 3)]], r"line 1: expected points \[m, 2\], got shape \(1, 3\)"),
        ([[(0, np.nan)]], "line 0: expected finite coordinates"),
        (["line"], r"line 0: expected points \[m, 2\]"),
    ],
)
def test_an_invalid_line_is_refused(lines, said):
    with pytest.raises(UserError, match=said):
        sketch_rnn.from_points(lines)


def test_to_points_refuses_an_invalid_sketch():
    with pytest.raises(UserError, match="expected stroke-3"):
        sketch_rnn.to_points(np.zeros((3, 5)))


# Stroke-5 and augmentation


SKETCH = np.array([[1, 2, 0], [3, 4, 1], [5, 6, 0]], np.float32)


def random_sketches(rng, count, longest=40):
    for _ in range(count):
        n = int(rng.integers(0, longest))
        yield np.concatenate([rng.normal(size=(n, 2)), rng.random((n, 1)) < 0.2], 1).astype("f4")


def augmented_point_by_point(sketch, uniform, prob):
    """Apply the rule for dropping points, one point at a time."""
    kept, index = [], 0
    for (dx, dy, lifted), u in zip(sketch, uniform, strict=True):
        if not lifted and index > 2 and u < prob:
            kept[-1][:2] += [dx, dy]
        else:
            kept.append(np.array([dx, dy, lifted]))
        index = 0 if lifted else index + 1
    return np.array(kept).reshape(-1, 3)


def test_stroke5_has_a_start_token_then_the_sketch_then_end_rows():
    batch = to_stroke5([SKETCH, SKETCH[:1]], 4)
    assert batch.dtype == np.float32
    start, end = [0, 0, 1, 0, 0], [0, 0, 0, 0, 1]
    np.testing.assert_array_equal(
        batch,
        [
            [start, [1, 2, 1, 0, 0], [3, 4, 0, 1, 0], [5, 6, 1, 0, 0], end],
            [start, [1, 2, 1, 0, 0], end, end, end],
        ],
    )


def test_stroke5_handles_empty_sketches_and_an_empty_list():
    assert to_stroke5([], 4).shape == (0, 5, 5)
    batch = to_stroke5([np.zeros((0, 3)), SKETCH], 3)
    assert batch[0, 1:, 4].all()
    np.testing.assert_array_equal(to_stroke3(batch[1]), SKETCH)


def test_stroke5_refuses_a_sketch_that_is_too_long():
    with pytest.raises(UserError, match="at most 2 points, but sketch 1 has 3"):
        to_stroke5([SKETCH[:2], SKETCH], 2)


def test_stroke3_is_the_inverse_of_stroke5():
    sketches = list(random_sketches(np.random.default_rng(0), 30))
    batch = to_stroke5(sketches, 50)
    for sketch, stroke5 in zip(sketches, batch, strict=True):
        np.testing.assert_array_equal(to_stroke3(stroke5), sketch)


def test_stroke3_accepts_rows_without_start_and_end():
    stroke5 = to_stroke5([SKETCH], 3)[0, 1:]
    np.testing.assert_array_equal(to_stroke3(stroke5), SKETCH)


def test_augmentation_equals_the_original():
    recorded = recorded_of("data")
    points, lengths = flatten(cases.drawings(2))
    points, lengths = augment(
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
    points, lengths = flatten(sketches)
    uniform = rng.random(len(points))
    found, found_lengths = augment(points, lengths, np.ones((60, 2)), uniform, prob)
    cuts = np.cumsum(lengths)[:-1]
    expected = [
        augmented_point_by_point(s, u, prob)
        for s, u in zip(sketches, np.split(uniform, cuts), strict=True)
    ]
    np.testing.assert_array_equal(found_lengths, [len(s) for s in expected])
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)


def test_augmentation_scales_x_and_y_of_each_sketch_separately():
    points, lengths = flatten([SKETCH, SKETCH[:0], SKETCH])
    scale = np.array([[2, 3], [9, 9], [0.5, 1]])
    found, _ = augment(points, lengths, scale, np.ones(6), 0.1)
    np.testing.assert_array_equal(found[:3], SKETCH * [2, 3, 1])
    np.testing.assert_array_equal(found[3:], SKETCH * [0.5, 1, 1])
    np.testing.assert_array_equal(points[:3], SKETCH)  # the input is not changed


def test_importing_the_data_modules_does_not_import_tensorflow():
    modules = "npz, unpickle, dataset, download, split"
    code = (
        f"import sys; from sketch_rnn.data import {modules}; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
