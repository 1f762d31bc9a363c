"""`.vae.json` files of conditional models are compared with a plain reader of the files."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf
from golden import cases
from golden.cases import case_of, recorded_of
from golden_models import model_of, noise_of
from helpers import DOODLES

from sketch_rnn import strokes
from sketch_rnn.cli import export
from sketch_rnn.errors import UserError
from sketch_rnn.formats import browser, load_model, save_model
from sketch_rnn.hparams import HParams
from sketch_rnn.model.card import Trained
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.packing import Batch
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import train

HALF_STEP = 10 / 32767 / 2  # of a weight in the file
ORDER = [  # of the arrays
    "forward/W_xh", "forward/W_hh", "forward/bias", "backward/W_xh", "backward/W_hh",
    "backward/bias", "mu/kernel", "mu/bias", "logvar/kernel", "logvar/bias", "first_state/kernel",
    "first_state/bias", "output/kernel", "output/bias", "W_xh", "W_hh", "bias",
]  # fmt: skip


def random_model(**changes):
    sizes = {"enc_rnn_size": 7, "dec_rnn_size": 9, "z_size": 4, "max_seq_len": 30}
    model = SketchRNN(HParams(**(sizes | changes)), scale_factor=25.0, seed=2)
    random = np.random.default_rng(4)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.4, variable.shape))
    return model


def read(path):
    """Return `info` and the arrays by name, float64, without using this package."""
    info, shapes, texts = json.loads(path.read_text())
    arrays = [
        np.frombuffer(base64.b64decode(text), "<i2").reshape(shape) * (10 / 32767)
        for shape, text in zip(shapes, texts, strict=True)
    ]
    return info, dict(zip(ORDER, arrays, strict=True))


def part(arrays, prefix):
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def lstm_step(weights, x, c, h):
    """Do one step in float64: gates i, j, f, o, with the forget bias added to the bias."""
    gates = x @ weights["W_xh"] + h @ weights["W_hh"] + weights["bias"]
    i, j, f, o = np.split(gates, 4, axis=-1)
    c = c / (1 + np.exp(-f - 1)) + np.tanh(j) / (1 + np.exp(-i))
    return c, np.tanh(c) / (1 + np.exp(-o))


def encoded(arrays, sketches):
    """Return mu and sigma, `[B, Z]` each, for stroke-5 sketches `[n, 5]`."""
    finals = []
    for points in sketches:
        final = []
        for direction, x in (("forward/", points), ("backward/", points[::-1])):
            weights = part(arrays, direction)
            c = h = np.zeros(len(weights["W_hh"]))
            for point in x:
                c, h = lstm_step(weights, point, c, h)
            final.append(h)
        finals.append(np.concatenate(final))
    h = np.stack(finals)
    mu = h @ arrays["mu/kernel"] + arrays["mu/bias"]
    return mu, np.sqrt(np.exp(h @ arrays["logvar/kernel"] + arrays["logvar/bias"]))


def decoded(arrays, version, points, z):
    """Return the decoder's output `[T, B, 3 + 6 M]` for points `[T, B, 5]`."""
    first = np.tanh(z) if version < 6 else z
    state = np.tanh(first @ arrays["first_state/kernel"] + arrays["first_state/bias"])
    c, h = np.split(state, 2, axis=-1)
    outputs = []
    for point in points:
        c, h = lstm_step(arrays, np.concatenate([point, z], axis=-1), c, h)
        outputs.append(h @ arrays["output/kernel"] + arrays["output/bias"])
    return np.stack(outputs)


def some_sketches():
    """Return stroke-3 sketches in data units."""
    random = np.random.default_rng(8)
    return [
        np.column_stack([random.normal(0, 20, [n, 2]), random.random(n) < 0.3]).astype(np.float32)
        for n in (6, 11, 1)
    ]


def saved(tmp_path, model, version=6):
    path = tmp_path / "x.vae.json"
    browser.save_conditional(model, path)
    content = json.loads(path.read_text())
    content[0]["version"] = version
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("version", [3, 5, 6, None])
def test_a_plain_reader_of_the_file_encodes_and_decodes_like_the_model(version, tmp_path):
    path = saved(tmp_path, random_model(), version)
    if version is None:
        content = json.loads(path.read_text())
        del content[0]["version"]
        path.write_text(json.dumps(content))
    model, (_, arrays) = load_model(path), read(path)
    sketches = some_sketches()
    mu, logvar = model.encode(sketches)
    scaled = [np.column_stack([s[:, :2] / 25, 1 - s[:, 2], s[:, 2], 0 * s[:, 2]]) for s in sketches]
    expected_mu, sigma = encoded(arrays, scaled)
    np.testing.assert_allclose(mu, expected_mu, atol=2e-6, rtol=1e-5)
    np.testing.assert_allclose(np.exp(logvar / 2), sigma, rtol=1e-5)
    points = np.random.default_rng(1).normal(0, 1, [8, 3, 5])
    points[0] = strokes.START_TOKEN
    output, _ = model.decoder(tf.constant(points, tf.float32), tf.constant(2 * mu))
    expected = decoded(arrays, 6 if version is None else version, points, 2.0 * mu)
    np.testing.assert_allclose(output, expected, atol=2e-5, rtol=1e-5)


def test_the_versions_differ_only_in_the_initial_state(tmp_path):
    z = np.full([1, 4], 1.5, np.float32)
    new = load_model(saved(tmp_path, random_model()))
    old = load_model(saved(tmp_path, random_model(), version=5))
    np.testing.assert_allclose(
        old.decoder.initial_state(z, 1), new.decoder.initial_state(np.tanh(z), 1), atol=1e-6
    )
    assert np.abs(old.decoder.initial_state(z, 1) - new.decoder.initial_state(z, 1)).max() > 0.01


def test_the_file_states_what_is_known_about_the_model(tmp_path):
    model = random_model(data_set=["cat.npz", "big dog.npz"])
    info, arrays = read(saved(tmp_path, model))
    assert info == {
        "mode": "vae",
        "version": 6,
        "max_seq_len": 30,
        "name": "cat+big dog",
        "scale_factor": 25.0,
    }
    units = {name: arrays[name].shape for name in ORDER}
    assert units == {
        "forward/W_xh": (5, 28), "forward/W_hh": (7, 28), "forward/bias": (28,),
        "backward/W_xh": (5, 28), "backward/W_hh": (7, 28), "backward/bias": (28,),
        "mu/kernel": (14, 4), "mu/bias": (4,), "logvar/kernel": (14, 4), "logvar/bias": (4,),
        "first_state/kernel": (4, 18), "first_state/bias": (18,), "output/kernel": (9, 123),
        "output/bias": (123,), "W_xh": (9, 36), "W_hh": (9, 36), "bias": (36,),
    }  # fmt: skip
    ours = {
        "backward/W_hh": model.encoder.backward.w_hh, "mu/kernel": model.latent.mu.kernel,
        "logvar/bias": model.latent.logvar.bias, "W_xh": model.decoder.recurrent.w_xh,
        "first_state/kernel": model.decoder.first_state.kernel,
    }  # fmt: skip
    for name, variable in ours.items():
        np.testing.assert_allclose(arrays[name], variable, atol=1.001 * HALF_STEP)
    assert load_model(tmp_path / "x.vae.json").hparams.data_set == ("cat.npz", "big dog.npz")


@pytest.mark.parametrize("version", [5, 6])
def test_an_imported_model_is_exported_unchanged(version, tmp_path):
    path = saved(tmp_path, random_model(), version)
    browser.save_conditional(load_model(path), tmp_path / "again.vae.json")
    assert json.loads((tmp_path / "again.vae.json").read_text()) == json.loads(path.read_text())


def test_the_golden_lstm_is_read_back_within_rounding_error(tmp_path, monkeypatch):
    """Half a step a weight, 1.53e-4. Of the cost that changes 4.3e-4, relatively; in mu 4.2e-4 and
    in the decoder's output 2.4e-3 at most."""
    case, expected = case_of("lstm"), recorded_of("lstm")
    monkeypatch.setattr(browser, "CLIENT_MIXTURES", 5)  # the golden models are small
    first = model_of(case)
    first.scale_factor = 20.0
    browser.save_conditional(first, tmp_path / "golden.vae.json")
    again = load_model(tmp_path / "golden.vae.json")
    for ours, theirs in zip(first.weights, again.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1.001 * HALF_STEP, rtol=0)
    batch = Batch(tf.constant(cases.strokes5(case)), tf.constant(case.lengths))
    noise = noise_of(case)
    cost, _ = again.forward.costs(batch, noise)
    np.testing.assert_allclose(cost, expected["r_cost"], rtol=1e-3)
    (ours, mu, _), (theirs, _, _) = again(batch, noise), first(batch, noise)
    np.testing.assert_allclose(mu, expected["mean"], atol=1e-3)
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


def test_a_model_that_the_client_cannot_run_is_refused(tmp_path):
    for changes, reason in [
        ({"dec_model": "hyper"}, "lstm decoder"),
        ({"enc_model": "layer_norm"}, "lstm encoder"),
        ({"num_mixture": 3}, "20 mixtures"),
        ({"conditional": False}, "unconditional"),
    ]:
        with pytest.raises(UserError, match=reason):
            browser.save_conditional(random_model(**changes), tmp_path / "x.vae.json")
    model = random_model()
    model.scale_factor = None
    with pytest.raises(UserError, match="scale factor"):
        browser.save_conditional(model, tmp_path / "x.vae.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ((0, "version"), "6", "version"),
        ((1, 1), [7, 29], "Z values in z"),
        ((1, 6), [14, 10**9], "Z values in z"),
        ((1, 14), [5, 36], "Z values in z"),
        ((1, 1), [10**6, 4 * 10**6], "Z values in z"),
        ((2, 3), "AAAA", "bytes in base64"),
        ((2, 16), None, "17 weights"),
        ((1,), [[9, 123]], "17 weights"),
    ],
)
def test_a_damaged_file_gives_a_one_line_error(place, value, reason, tmp_path):
    path = saved(tmp_path, random_model())
    content = json.loads(path.read_text())
    *way, last = place
    inner = content
    for key in way:
        inner = inner[key]
    inner[last] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=reason) as caught:
        load_model(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_model_that_applies_tanh_to_z_is_the_same_in_keras(tmp_path):
    model = load_model(saved(tmp_path, random_model(), version=4))
    save_model(model, tmp_path / "x.keras")
    z = np.full([1, 4], 1.5, np.float32)
    again = load_model(tmp_path / "x.keras")
    np.testing.assert_array_equal(
        again.decoder.initial_state(z, 1), model.decoder.initial_state(z, 1)
    )


@pytest.mark.long
def test_training_can_start_from_a_file(tmp_path, caplog):
    path = saved(tmp_path, random_model(), version=5)
    steps = {"data_set": ["cat.npz"], "num_steps": 2, "batch_size": 4, "save_every": 5}
    assert train(TrainOptions(tmp_path / "run", steps, DOODLES, init_from=path)) == 0
    assert "applies tanh to z" in caplog.text
    ours, theirs = load_model(tmp_path / "run"), load_model(path)
    assert ours.hparams.z_size == 4 and ours.hparams.enc_rnn_size == 7
    for trained, before in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(trained, before, atol=0.01)
    check_that_what_is_known_of_the_training_is_written(ours, tmp_path)


def check_that_what_is_known_of_the_training_is_written(model, folder):
    lines = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").open()]
    (validated,) = (line for line in lines if "Valid_Cost" in line)
    for name in ("x.vae.json", "x.gen.json"):
        options = {"z": np.zeros(4)} if name == "x.gen.json" else {}
        save_model(model, folder / name, **options)
        info = json.loads((folder / name).read_text())[0]
        assert (info["training_steps"], info["training_size"]) == (2, 1000)
        assert info["r_loss"] == pytest.approx(validated["Valid_Reconstr_Cost"])
        assert info["kl_loss"] == pytest.approx(validated["Valid_KL_Cost"])
        assert load_model(folder / name).trained == model.trained
    (folder / "run" / "metrics.jsonl").write_text('{"step": 1, "Valid_Cost": 3}\n{"step": 1, "x')
    known = load_model(folder / "run").with_scale_factor(2.0).trained
    assert known == Trained(steps=2, sketches=1000)


@pytest.mark.parametrize("value", ["2", None, True, [], float("nan"), 10**400, {}])
def test_invalid_training_figures_in_a_file_are_ignored(value, tmp_path):
    path = saved(tmp_path, random_model())
    info, *rest = json.loads(path.read_text())
    for key in ("training_steps", "training_size", "r_loss", "kl_loss"):
        info[key] = value
    path.write_text(json.dumps([info, *rest]))
    assert load_model(path).trained == Trained()


def test_the_command_writes_the_format_of_the_suffix(tmp_path, capsys):
    model = random_model()
    model.full_size = 90.0
    path = saved(tmp_path, model)
    whole, at_one_z = tmp_path / "b.vae.json", tmp_path / "b.gen.json"
    assert export.main([f"--model_dir={path}", f"--output={whole}"]) == 0
    assert json.loads(whole.read_text()) == json.loads(path.read_text())
    assert export.main([f"--model_dir={path}", f"--output={at_one_z}", "--seed=1"]) == 0
    assert export.main([f"--model_dir={at_one_z}", f"--output={tmp_path / 'c.vae.json'}"]) == 2
    assert "no encoder" in capsys.readouterr().err
