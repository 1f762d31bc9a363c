"""Tests of a model's full size: stored in files, or measured from its data set or drawings."""

import logging

import numpy as np
import pytest
from helpers import DOODLES, public

from sketch_rnn.convert.inputs import Choice, Size, read_inputs
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.errors import UserError
from sketch_rnn.formats import load_model, save_model
from sketch_rnn.formats.full_size import find_full_size
from sketch_rnn.hparams import HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.strokes import longer_side

SIZES = {"enc_rnn_size": 5, "dec_rnn_size": 6, "z_size": 3, "max_seq_len": 12}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path / "cache"))


def model(full_size=None, **changes):
    hparams = HParams(**(SIZES | {"data_set": ["cat.npz"]} | changes))
    return SketchRNN(hparams, scale_factor=20.0, seed=1, full_size=full_size)


@pytest.mark.parametrize("name", ["x.keras", "x.vae.json"])
def test_model_files_keep_the_full_size(tmp_path, name):
    save_model(model(full_size=914.5), tmp_path / name)
    assert load_model(tmp_path / name).full_size == 914.5
    save_model(model(), tmp_path / name)
    assert load_model(tmp_path / name).full_size is None


def test_the_full_size_changes_with_the_scale_factor():
    assert model(full_size=100.0).with_scale_factor(40.0).full_size == 200.0
    assert model().with_scale_factor(40.0).full_size is None


def test_the_full_size_is_read_from_the_data_set():
    assert load_dataset("cat.npz", DOODLES).full_size == 255
    assert find_full_size(model(), "nowhere", data_dir=DOODLES) == 255


def test_the_value_given_by_the_user_is_used():
    assert find_full_size(model(full_size=3.0), None, 500.0) == 500.0
    with pytest.raises(UserError, match="`full_size`: expected a number above 0, got -1"):
        find_full_size(model(), None, -1.0)


def test_the_packaged_model_has_a_full_size():
    assert load_model().full_size == 255


def test_the_full_size_is_measured_once_from_drawings_of_the_model(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = tmp_path / "x.keras"
    save_model(model(), path)
    first = find_full_size(load_model(path), path)
    assert "a longer side of" in caplog.text and "the median of 40 drawings" in caplog.text
    caplog.clear()
    assert find_full_size(load_model(path), path) == pytest.approx(first)
    assert caplog.text == ""
    (kept,) = (tmp_path / "cache" / "full_sizes").iterdir()
    kept.write_text("nan")
    assert find_full_size(load_model(path), path) == pytest.approx(first)


@pytest.mark.parametrize("name", ["bird", "sheep"])
def test_published_models_draw_about_as_large_as_their_training_data(name):
    path = public(f"models/{name}.gen.json")
    assert 750 < find_full_size(load_model(path), path) < 1100


def svg(size):
    lines = " ".join(f"L{size * x} {size * y}" for x, y in [(1, 0.13), (0.71, 0.83), (0.11, 0.47)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">'
        f'<path d="M0 0 {lines}" fill="none" stroke="black"/></svg>'
    )


@pytest.mark.parametrize("full", [1.0, 60.0, 255.0, 929.0, 20_000.0])
def test_a_drawing_of_any_size_is_scaled_to_the_full_size_of_the_model(tmp_path, full):
    found = []
    for size in (1, 37, 800, 10_000):
        path = tmp_path / f"{size}.svg"
        path.write_text(svg(size))
        (sketch,) = read_inputs([str(path)], (), 100, None, Size(full=full))
        found.append(sketch)
        assert longer_side(sketch) == pytest.approx(full, rel=0.01)
    for sketch in found[1:]:
        np.testing.assert_array_equal(sketch, found[0])


def test_an_input_is_scaled_to_a_fraction_of_the_full_size(tmp_path):
    (tmp_path / "a.svg").write_text(svg(10))
    (sketch,) = read_inputs([str(tmp_path / "a.svg")], (), 100, None, Size(0.5, full=929.0))
    assert longer_side(sketch) == pytest.approx(464.5, rel=0.01)


def test_a_data_set_in_other_units_is_scaled_to_the_model_and_reported(caplog):
    path = str(DOODLES / "cat.npz")
    (sketch,) = read_inputs([path], (), 100, Choice(indices=[3]), Size(full=929.0))
    assert longer_side(sketch) == pytest.approx(929, rel=0.02)
    said = "its drawings are about 255 units long, but the drawings that the model was trained on"
    assert f"{said} are about 929 units long" in caplog.text
    for names, full in [(("cat.npz",), 929.0), ((), 300.0), ((), None)]:
        (sketch,) = read_inputs([path], names, 100, Choice(indices=[3]), Size(full=full))
        assert longer_side(sketch) <= 255
