"""Tests of `Sampler`: every mode, its errors, and the formats of its pictures."""

import json

import numpy as np
import pytest

import sketch_rnn
from sketch_rnn.cli import sample
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.sampling.modes import ENCODE, MODES
from sketch_rnn.sampling.sampler import DRAWING_MODES, Sampler

SIZES = {"enc_rnn_size": 4, "dec_rnn_size": 6, "z_size": 3, "num_mixture": 2, "max_seq_len": 12}
ONE = np.array([[3, 0, 0], [0, 4, 1], [5, 5, 0], [1, 0, 1]], np.float32)
INPUTS = [ONE, ONE[::-1] * [1, 2, 1], ONE * [2, -1, 1]]


@pytest.fixture(scope="module")
def model():
    return SketchRNN(HParams(**SIZES), scale_factor=2.0, seed=1)


@pytest.fixture(scope="module")
def unconditional():
    return SketchRNN(HParams(**SIZES, conditional=False), scale_factor=2.0, seed=1)


def test_every_mode_is_a_method_with_the_same_name():
    assert sketch_rnn.Sampler is Sampler
    assert list(MODES) == list(sample.FLAGS["mode"].parser.enum_values)
    for name in DRAWING_MODES:
        assert getattr(Sampler, name).__doc__, name
    assert set(MODES) - set(DRAWING_MODES) == {ENCODE.name}


@pytest.mark.parametrize(
    ("mode", "options", "rows", "columns"),
    [
        ("generate", {"count": 4}, 1, 4),
        ("generate", {"z": np.zeros((2, 3), np.float32), "temperature": [0.1, 1]}, 2, 2),
        ("reconstruct", {"inputs": INPUTS}, 3, 2),
        ("interpolate", {"inputs": INPUTS, "steps": 3}, 2, 3),
        ("complete", {"inputs": INPUTS[:2], "count": 3}, 2, 3),
        ("temperatures", {"z": np.zeros(3, np.float32)}, 1, 5),
        ("analogy", {"inputs": INPUTS, "count": 2, "temperature": 0.3}, 1, 5),
        ("grid", {"steps": 2}, 2, 2),
    ],
)
def test_every_mode_gives_the_expected_rows(model, mode, options, rows, columns):
    picture = Sampler(model, max_len=4 if mode != "complete" else 6, seed=2, **options).draw(mode)
    assert [len(row) for row in picture.rows] == [columns] * rows
    assert all(sketch.shape[1:] == (3,) for sketch in picture.drawn())


def test_an_analogy_with_equal_first_inputs_draws_the_third(model):
    same = Sampler(model, [INPUTS[0], INPUTS[0], INPUTS[2]], greedy=True, max_len=5)
    third = Sampler(model, [INPUTS[2]], greedy=True, max_len=5)
    (drawn,), (expected,) = same.analogy().drawn(), third.reconstruct().drawn()
    np.testing.assert_allclose(drawn, expected, atol=1e-5)


def test_the_corners_of_a_grid_are_the_four_given_z(model):
    z = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    square = Sampler(model, z=z, steps=3, greedy=True, max_len=5).grid().rows
    corners = Sampler(model, z=z, greedy=True, max_len=5).generate().drawn()
    found = (square[0][0], square[0][2], square[2][0], square[2][2])
    for ours, theirs in zip(found, corners, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_seed_repeats_the_same_drawings(model):
    first = Sampler(model, count=2, max_len=4)
    again = Sampler(model, count=2, max_len=4, seed=first.seed)
    for ours, theirs in zip(first.generate().drawn(), again.generate().drawn(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert Sampler(model).seed != first.seed


@pytest.mark.parametrize(
    ("mode", "options", "said"),
    [
        ("analogi", {}, "did you mean analogy"),
        ("encode", {}, "`mode`: expected generate or"),
        ("reconstruct", {}, "expected `input`"),
        ("generate", {"inputs": INPUTS}, "takes no `input`"),
        ("analogy", {"inputs": INPUTS[:2]}, "three inputs, got 2"),
        ("grid", {"inputs": INPUTS}, "four inputs, got 3"),
        ("grid", {"temperature": [0.1, 0.2]}, "one temperature"),
        ("interpolate", {"inputs": INPUTS[:1]}, "two or more inputs, got 1"),
        ("interpolate", {"inputs": INPUTS, "z": np.zeros((2, 3))}, "got both"),
        ("generate", {"z": np.zeros((2, 4))}, "finite z of shape"),
    ],
)
def test_wrong_inputs_for_a_mode_give_a_one_line_error(model, mode, options, said):
    with pytest.raises(UserError, match=said):
        Sampler(model, **options).draw(mode)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 1}, "`steps`: expected 2"),
        ({"count": 0}, "`count`: expected 1"),
        ({"temperature": []}, "`temperature`: expected one"),
    ],
)
def test_options_out_of_range_are_refused_immediately(model, options, said):
    with pytest.raises(UserError, match=said):
        Sampler(model, **options)


@pytest.mark.parametrize("mode", ["reconstruct", "interpolate", "analogy", "grid"])
def test_a_mode_that_needs_an_encoder_is_refused_without_one(unconditional, mode):
    inputs = INPUTS if MODES[mode].needs_input else ()
    with pytest.raises(UserError, match="this model is unconditional and has no encoder"):
        Sampler(unconditional, inputs).draw(mode)


def test_inputs_need_the_scale_factor():
    model = SketchRNN(HParams(**SIZES), seed=1)
    with pytest.raises(UserError, match="scale factor"):
        Sampler(model, INPUTS)


def test_a_picture_is_written_in_the_format_of_its_suffix(model, tmp_path):
    picture = Sampler(model, INPUTS, max_len=4, seed=3).reconstruct()
    for suffix in ("svg", "png", "json", "npz"):
        picture.write(tmp_path / f"a.{suffix}")
    assert (tmp_path / "a.svg").read_text().count('class="sketch"') == 6
    assert len(json.loads((tmp_path / "a.json").read_text())["sketches"]) == 3
    assert len(sketch_rnn.load_dataset("a.npz", tmp_path).test) == 3
    with pytest.raises(UserError, match=r"\.svg or \.png"):
        picture.write(tmp_path / "a.gif")
