"""Exported models work in programs that use only the files."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from golden_models import original_run, published_model

from sketch_rnn.choices import MODEL_SUFFIXES
from sketch_rnn.cli import export
from sketch_rnn.errors import UserError
from sketch_rnn.formats import FORMATS, browser, load_model, save_model, saved_model
from sketch_rnn.hparams import HParams
from sketch_rnn.model import sampling
from sketch_rnn.model.network import SketchRNN

CELLS = ["lstm", "layer_norm", "hyper"]


def small_model(cell="lstm", **changes):
    sizes = {"enc_rnn_size": 8, "dec_rnn_size": 12, "z_size": 4, "max_seq_len": 15}
    hparams = HParams(**(sizes | {"enc_model": cell, "dec_model": cell} | changes))
    model = SketchRNN(hparams, scale_factor=20.0, seed=5)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.1, variable.shape))
    return model


def some_sketches():
    random = np.random.default_rng(3)
    return [
        np.column_stack([random.normal(0, 20, [n, 2]), random.random(n) < 0.3]).astype(np.float32)
        for n in (5, 9, 1)
    ]


def run_python(program, *arguments):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_a_keras_file_is_the_same_model(cell, conditional, tmp_path):
    model = small_model(cell, conditional=conditional)
    model.save(tmp_path / "x.keras")
    again = keras.saving.load_model(tmp_path / "x.keras")
    assert again.hparams == model.hparams and again.scale_factor == 20.0
    for ours, theirs in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [path.name for path in tmp_path.iterdir()] == ["x.keras"]


@pytest.mark.parametrize(
    "imports",
    [
        "import sketch_rnn.formats, keras",
        pytest.param("import keras, sketch_rnn.formats", marks=pytest.mark.long),
        pytest.param(
            "import sketch_rnn.model.recurrent, sketch_rnn.formats, keras", marks=pytest.mark.long
        ),
    ],
)
def test_keras_knows_the_classes_once_the_formats_are_imported(imports, tmp_path):
    small_model().save(tmp_path / "x.keras")
    program = (
        imports
        + """
import sys
model = keras.saving.load_model(sys.argv[1])
print(type(model).__module__, len(model.decode(num_samples=2, seed=1)))
"""
    )
    assert run_python(program, tmp_path / "x.keras") == "sketch_rnn.model.network 2\n"


def test_importing_the_package_imports_neither_tensorflow_nor_keras():
    program = "import sys, sketch_rnn; print({'tensorflow', 'keras'} & set(sys.modules))"
    assert run_python(program) == "set()\n"


def test_a_browser_model_for_one_z_keeps_its_first_state_as_a_keras_file(tmp_path):
    browser.save(small_model(), tmp_path / "x.gen.json", np.ones(4, np.float32))
    model = load_model(tmp_path / "x.gen.json")
    model.save(tmp_path / "x.keras")
    program = """
import sys, sketch_rnn.formats, keras
print(keras.saving.load_model(sys.argv[1]).fixed_state.tolist())
"""
    assert json.loads(run_python(program, tmp_path / "x.keras")) == model.fixed_state.tolist()
    assert model.fixed_state.any()


def test_a_keras_file_is_read_like_any_other_model(tmp_path):
    model = small_model("hyper")
    save_model(model, tmp_path / "x.keras")
    again = load_model(tmp_path / "x.keras")
    assert again.hparams == model.hparams and again.scale_factor == 20.0
    for ours, theirs in zip(model.decode(seed=3), again.decode(seed=3), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_keras_file_with_a_lambda_is_refused(tmp_path):
    keras.Sequential([keras.Input([1]), keras.layers.Lambda(lambda x: x)]).save(
        tmp_path / "x.keras"
    )
    with zipfile.ZipFile(tmp_path / "x.keras") as file:
        assert "__lambda__" in file.read("config.json").decode()
    with pytest.raises(Exception, match=r"unsafe|arbitrary code"):
        keras.saving.load_model(tmp_path / "x.keras")
    with pytest.raises(UserError, match="expected a SketchRNN"):
        load_model(tmp_path / "x.keras")


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "x.keras"
    small_model().save(path)
    return path


@pytest.fixture
def saved(keras_file, tmp_path):
    """Save a model as `tmp_path / "x.keras"`."""
    shutil.copy(keras_file, tmp_path)


def rewritten(path, hparams=None, weights=None, **changes):
    """Replace the configuration or the weights in the Keras file."""
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    config = json.loads(parts["config.json"])
    config["config"] |= changes
    config["config"]["hparams"] |= hparams or {}
    parts["config.json"] = json.dumps(config).encode()
    parts["model.weights.h5"] = weights or parts["model.weights.h5"]
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)


@pytest.mark.usefixtures("saved")
def test_a_keras_file_that_claims_a_huge_model_is_refused(tmp_path):
    rewritten(tmp_path / "x.keras", {"dec_rnn_size": 2**31 - 1})
    with pytest.raises(UserError, match="does not match its weights"):
        load_model(tmp_path / "x.keras")


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scale_factor": -1.0}, "scale_factor"),
        ({"scale_factor": []}, "expected a .keras file"),
        ({"precision": "float8"}, "precision"),
        ({"seed": "x"}, "seed"),
        ({"hparams": {"z_size": "x"}}, "z_size"),
    ],
)
def test_a_keras_file_with_an_invalid_configuration_is_refused(changes, reason, tmp_path):
    rewritten(tmp_path / "x.keras", **changes)
    with pytest.raises(UserError, match=reason):
        load_model(tmp_path / "x.keras")


def elsewhere(file):
    file["layers"] = h5py.ExternalLink("/etc/passwd", "x")


def outside(file):
    file.create_dataset("x", [9], "f", external=[("/etc/passwd", 0, 36)])


def packed(file):
    file.create_dataset("x", [10**8], "f", chunks=(10**6,), compression="gzip")


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize(
    ("write", "reason"),
    [(elsewhere, "another file"), (outside, "another file"), (packed, "take 400,000,000 bytes")],
)
def test_a_keras_file_with_external_or_compressed_weights_is_refused(write, reason, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        write(file)
    rewritten(tmp_path / "x.keras", weights=(tmp_path / "x.h5").read_bytes())
    with pytest.raises(UserError, match=reason):
        load_model(tmp_path / "x.keras")


def test_a_keras_file_that_unpacks_to_a_huge_size_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.keras", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", b" " * 1_000_000)
    with pytest.raises(UserError, match="it unpacks to 1,000,000 bytes"):
        load_model(tmp_path / "x.keras")


@pytest.mark.parametrize("content", [b"", b"PK", b"{}", bytes(999)])
def test_a_file_that_is_not_a_keras_file_is_refused_by_name(content, tmp_path):
    (tmp_path / "x.keras").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.keras: expected a \.keras file"):
        load_model(tmp_path / "x.keras")


@pytest.mark.usefixtures("saved")
def test_a_truncated_keras_file_is_refused(tmp_path):
    whole = (tmp_path / "x.keras").read_bytes()
    (tmp_path / "x.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"x\.keras: expected"):
        load_model(tmp_path / "x.keras")


def test_loading_a_saved_model_says_that_only_tensorflow_runs_it(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(UserError, match="is a SavedModel, which only TensorFlow runs"):
        load_model(tmp_path / "served")


def test_a_keras_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(OSError):
        small_model().save(tmp_path / "none" / "x.keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cell", CELLS)
def test_the_served_encoder_gives_the_same_z_as_the_model(cell, tmp_path):
    model, sketches = small_model(cell), some_sketches()
    saved_model.save(model, tmp_path / "served")
    served = tf.saved_model.load(tmp_path / "served")
    lengths = [len(sketch) for sketch in sketches]
    padded = np.zeros([len(sketches), max(lengths) + 2, 3], np.float32)
    for row, sketch in zip(padded, sketches, strict=True):
        row[: len(sketch)] = sketch
    found = served.signatures["encode"](
        strokes=tf.constant(padded), lengths=tf.constant(lengths, tf.int32)
    )
    mu, logvar = model.encode(sketches)
    np.testing.assert_allclose(found["mu"], mu, atol=1e-5)
    np.testing.assert_allclose(found["logvar"], logvar, atol=1e-5)


def test_the_served_decoder_draws_the_same_as_the_model(tmp_path):
    model = small_model()
    saved_model.save(model, tmp_path / "served")
    served = tf.saved_model.load(tmp_path / "served")
    z = np.random.default_rng(1).normal(size=[3, 4]).astype(np.float32)
    found = served.signatures["decode"](
        z=tf.constant(z), temperature=tf.constant(0.8), seed=tf.constant(7)
    )
    points, lengths = sampling.decode_strokes(
        model.decoder,
        tf.constant(z),
        3,
        temperature=tf.constant(0.8),
        max_len=15,
        key=tf.constant([7, 0]),
    )
    expected = tf.transpose(tf.gather(points, [0, 1, 3], axis=-1), [1, 0, 2]) * [20.0, 20.0, 1.0]
    np.testing.assert_array_equal(found["lengths"], lengths)
    np.testing.assert_allclose(found["strokes"], expected, atol=1e-3)
    for row, length in zip(found["strokes"].numpy(), lengths, strict=True):
        assert not row[length:].any()


def test_a_served_unconditional_model_takes_a_number_of_drawings(tmp_path):
    saved_model.save(small_model("hyper", conditional=False), tmp_path / "served")
    signatures = tf.saved_model.load(tmp_path / "served").signatures
    assert list(signatures) == ["decode"]
    found = signatures["decode"](
        count=tf.constant(6), temperature=tf.constant(0.5), seed=tf.constant(1)
    )
    assert found["strokes"].shape == (6, 15, 3)


def test_an_existing_folder_is_not_overwritten(tmp_path):
    (tmp_path / "served").mkdir()
    with pytest.raises(UserError, match="exists; remove it"):
        saved_model.save(small_model(), tmp_path / "served")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Write a model in the format that Google serves, in its own folder."""
    return published_model(tmp_path_factory.mktemp("published"))


def command(capfd, *arguments):
    """Return the command's exit status and its stderr."""
    status = export.main([str(argument) for argument in arguments])
    return status, capfd.readouterr().err


def test_the_command_writes_each_format(tmp_path, capfd):
    folder = original_run("lstm", tmp_path / "run")
    for name in ("x.keras", "served"):
        status, err = command(capfd, f"--model_dir={folder}", f"--output={tmp_path / name}")
        assert status == 0, err
        assert (tmp_path / name).exists()


def test_the_command_exports_a_browser_model_again(published, tmp_path, capfd):
    path = published
    output = tmp_path / "y.gen.json"
    status, err = command(capfd, f"--model_dir={path}", f"--output={output}")
    assert status == 0, err
    assert json.loads(output.read_text())[2] == json.loads(path.read_text())[2]


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["--output=x.keras"], "--model_dir"),
        (["--model_dir=m"], "--output"),
        (["--model_dir=m", "--output=x.h5"], "got x.h5"),
        (["--model_dir=m", "--output=x.keras", "--seed=1"], "applies only to a .gen.json"),
        (
            ["--model_dir=m", "--output=x.gen.json", "--seed=1", "--z_file=z.npz"],
            "expected only one of",
        ),
        (["--model_dir=m", "--output=x.html", "--seed=1"], "applies only to a .gen.json"),
        (["--model_dir=m", "--output=x.js", "--input=x.svg"], "applies only to a .gen.json"),
        (["--model_dir=m", "--output=x.js", "--title=x"], "--title is for .html only"),
        (["--model_dir=m", "--output=x.keras", "--weights=int16"], "--weights is for"),
        (["--model_dir=there_is_none", "--output=x.keras"], "there_is_none"),
        (["--model_dir=m", "--output=none/x.keras"], "no folder none"),
    ],
)
def test_bad_flags_give_a_one_line_error(arguments, reason, capfd):
    status, err = command(capfd, *arguments)
    assert status == 2 and reason in err and err.count("\n") == 1


def test_a_conditional_browser_export_needs_a_z(tmp_path, capfd):
    folder = original_run("lstm", tmp_path / "run")
    status, err = command(capfd, f"--model_dir={folder}", f"--output={tmp_path}/x.gen.json")
    assert status == 2 and "--seed" in err.splitlines()[-1]


@pytest.mark.parametrize("name", ["x.gen.json", "x.html", "x.js"])
def test_a_browser_export_needs_the_scale_factor(name, tmp_path, tmp_path_factory, capfd):
    folder = original_run("lstm_uncond", tmp_path_factory.mktemp("run"))
    status, err = command(capfd, f"--model_dir={folder}", f"--output={tmp_path}/{name}")
    assert status == 2 and "--scale_factor" in err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scale_factor", ["0", "-1", "nan"])
def test_an_invalid_scale_factor_is_refused(published, scale_factor, tmp_path, capfd):
    path, output = published, tmp_path / "x.gen.json"
    status, err = command(
        capfd, f"--model_dir={path}", f"--output={output}", f"--scale_factor={scale_factor}"
    )
    assert status == 2 and "--scale_factor" in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x.keras", "x.gen.json", "x.html", "x.js", "x"])
def test_the_error_names_an_output_that_cannot_be_written(
    published, name, tmp_path, capfd, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    path, output = published, tmp_path / name
    status, err = command(capfd, f"--model_dir={path}", f"--output={output}")
    assert status == 2 and f"{output}: cannot be written: No space" in err
    assert err.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_full_disk_during_a_tensorflow_export_is_reported(
    published, tmp_path, capfd, monkeypatch
):
    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "part-0; No space left on device")

    monkeypatch.setattr("tensorflow.saved_model.save", full)
    path, output = published, tmp_path / "served"
    status, err = command(capfd, f"--model_dir={path}", f"--output={output}")
    assert status == 2 and f"{output}: cannot be written: No space" in err
    assert not list(tmp_path.iterdir())


def test_the_command_knows_the_suffixes_in_the_table_of_formats():
    """The command does so without importing that module, which would import TensorFlow."""
    assert set(MODEL_SUFFIXES) == {form.suffix for form in FORMATS if form.save and form.suffix}


def test_with_scale_factor_does_not_change_the_model():
    model = SketchRNN(HParams(conditional=False, dec_rnn_size=4, num_mixture=1), 2.0, seed=1)
    other = model.with_scale_factor(4.0)
    assert (model.scale_factor, other.scale_factor) == (2.0, 4.0)
    pairs = zip(model.get_weights(), other.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
    offsets = [m.decode(seed=1, max_len=3)[0][:, :2] for m in (model, other)]
    np.testing.assert_allclose(2 * offsets[0], offsets[1], rtol=1e-5)


def test_drawing_with_several_models_in_turn_gives_no_retracing_warning(caplog, monkeypatch):
    """TensorFlow warns about a function that is traced many times."""

    def draw_nothing(decoder, z, batch, **_):
        return tf.zeros([1, batch, 5]), tf.zeros([batch], tf.int32)

    monkeypatch.setattr(sampling, "decode_strokes", draw_nothing)
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    for units in range(3, 10):
        hparams = HParams(conditional=False, dec_rnn_size=units, num_mixture=1, max_seq_len=2)
        SketchRNN(hparams, 1.0, seed=1).decode(seed=1)
    assert "retracing" not in caplog.text
