"""Tests of a model and its card in a `.keras` file and on a fake Hub."""

import io
import json
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

import hub as stand_in
import keras

import sketch_rnn
from sketch_rnn.cli import sample
from sketch_rnn.formats import keras_file
from sketch_rnn.model.card import Trained

TRAINED = Trained(steps=1200, sketches=70, reconstruction=-0.25, kl=0.5)


@pytest.fixture(scope="module")
def model():
    hparams = sketch_rnn.HParams(
        data_set=["cat.npz", "a|b.npz"], enc_rnn_size=4, dec_rnn_size=8, z_size=2, max_seq_len=20
    )
    return sketch_rnn.SketchRNN(hparams, 20.0, seed=1, trained=TRAINED, license="CC-BY-4.0")


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "cat.keras"
    model.save(path)
    return path


@pytest.fixture
def server(monkeypatch, tmp_path):
    with stand_in.used(monkeypatch, tmp_path / "cache") as server:
        yield server


def test_a_model_file_has_a_card_and_a_drawing(file):
    with zipfile.ZipFile(file) as archive:
        text = archive.read("README.md").decode()
        picture = Image.open(io.BytesIO(archive.read("drawings.png")))
    assert "| data | `cat.npz`, `a\\|b.npz`, 70 training drawings |" in text
    assert "| training steps | 1,200 |" in text
    assert "| costs of the validation drawings | reconstruction -0.2500, KL 0.5000 |" in text
    assert "| license | CC-BY-4.0 |" in text and "license: cc-by-4.0\n" in text
    assert 'load_model("cat.keras")' in text and "](drawings.png)" in text
    assert picture.size[0] == 2 * picture.size[1] and np.ptp(np.array(picture)) > 100


def test_the_card_is_loaded_with_the_model(file, model):
    for again in (sketch_rnn.load_model(file), keras.saving.load_model(file)):
        assert again.trained == TRAINED and again.license == "CC-BY-4.0"
        assert again.card() == model.card()


def test_a_card_names_what_is_unknown(model):
    text = sketch_rnn.SketchRNN(model.hparams, 20.0).card()
    assert "| training steps | not known |" in text and "| license | not stated" in text
    assert "\nlicense:" not in text


def test_a_model_with_non_finite_weights_has_no_drawing(model, tmp_path):
    broken = model.with_scale_factor(1.0)
    broken.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    broken.save(tmp_path / "x.keras")
    assert "drawings.png" not in zipfile.ZipFile(tmp_path / "x.keras").namelist()


@pytest.mark.parametrize("name", ["x.h5", "x", "x.json"])
def test_save_writes_only_keras_files(model, tmp_path, name):
    with pytest.raises(sketch_rnn.UserError, match=r"expected a name that ends in \.keras"):
        model.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_save_without_overwrite_keeps_an_existing_file(model, tmp_path):
    (tmp_path / "x.keras").write_text("here")
    with pytest.raises(sketch_rnn.UserError, match="exists"):
        model.save(tmp_path / "x.keras", overwrite=False)
    assert (tmp_path / "x.keras").read_text() == "here"


@pytest.mark.parametrize(
    "change", [{"license": 3}, {"trained": []}, {"trained": {"steps": "1"}}, {"trained": {"x": 1}}]
)
def test_an_invalid_card_is_refused(file, tmp_path, change):
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(tmp_path / "x.keras", "w") as odd:
        config = json.loads(source.read("config.json"))
        config["config"] |= change
        odd.writestr("config.json", json.dumps(config))
        odd.writestr("model.weights.h5", source.read("model.weights.h5"))
    with pytest.raises(sketch_rnn.UserError, match="expected"):
        keras_file.load(tmp_path / "x.keras")


def test_a_model_is_pushed_and_loaded_by_its_name(server, model, tmp_path):
    assert sketch_rnn.push(model, "user/cats") == f"{server.address}/user/cats"
    files = server.repositories["user/cats"]
    assert set(files) == {"model.keras", "README.md", "drawings.png"}
    assert b'load_model("hf://user/cats")' in files["README.md"]
    again = sketch_rnn.load_model("hf://user/cats")
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    output = tmp_path / "cats.svg"
    flags = ["--model_dir=hf://user/cats", f"--output={output}", "--num_samples=2", "--max_len=5"]
    assert sample.main(flags) == 0 and output.exists()


def test_code_in_an_untrusted_model_does_not_run(server, tmp_path):
    marker, path = tmp_path / "ran", tmp_path / "x.keras"

    def run(x):
        open(marker, "w").close()
        return x

    keras.Sequential([keras.Input([1]), keras.layers.Lambda(run)]).save(path)
    marker.unlink(missing_ok=True)
    server.repositories["user/evil"] = {"model.keras": path.read_bytes()}
    with pytest.raises(sketch_rnn.UserError, match="expected a SketchRNN, got 'Sequential'"):
        sketch_rnn.load_model("hf://user/evil")
    assert not marker.exists()


def test_push_accepts_only_a_model(server):
    with pytest.raises(sketch_rnn.UserError, match="expected a SketchRNN"):
        sketch_rnn.push("models/cats", "user/cats")
    assert server.asked == []


def test_push_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", None)
    with pytest.raises(sketch_rnn.UserError, match=r'pip install "sketch-rnn\[hub\]"'):
        sketch_rnn.push(model, "user/cats")
