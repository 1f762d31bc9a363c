"""Tests of models for the browser: what the real client computes, and invalid files."""

import base64
import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from golden_models import published_model
from helpers import DOODLES, ROOT, node, node_packages, public

from sketch_rnn import strokes
from sketch_rnn.errors import UserError
from sketch_rnn.formats import browser, load_model
from sketch_rnn.hparams import HParams
from sketch_rnn.model.losses import split_output
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import train

PIXEL_FACTOR = 2  # of a client as it starts
CLIENT = ROOT / "tests" / "node" / "client.js"


SIZES = {"dec_rnn_size": 24, "enc_rnn_size": 8, "z_size": 6, "max_seq_len": 40}


def random_model(seed=3, **changes):
    """Return a model with weights as large as after training."""
    model = SketchRNN(HParams(**(SIZES | changes)), scale_factor=37.5, seed=seed)
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.3, variable.shape))
    return model


@pytest.fixture(scope="module", params=[True, False], ids=["conditional", "unconditional"])
def trained(request, tmp_path_factory):
    """Return a model after some training, and a z if the model takes one."""
    folder = tmp_path_factory.mktemp("run") / "model"
    overrides = {"data_set": ["cat.npz"], "num_steps": 30, "save_every": 100, "batch_size": 20}
    overrides |= {"conditional": request.param, "learning_rate": 0.01}
    assert train(TrainOptions(folder, SIZES | overrides, DOODLES, seed=1)) == 0
    z = np.random.default_rng(2).normal(size=6).astype(np.float32)
    return load_model(folder), z if request.param else None


def some_strokes(count=30):
    """Return stroke-5 `[count, 5]` in pixels, with every pen state except the end."""
    random = np.random.default_rng(1)
    lifted = random.random(count) < 0.2
    rows = np.column_stack([random.normal(0, 20, [count, 2]), ~lifted, lifted, np.zeros(count)])
    return rows.astype(np.float32)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def client_pdfs(path, rows, temperature=1.0):
    """Return the client's pi, mu, sigma and rho of 20 mixtures and the pen, `[N + 1, 123]`."""
    program, packages = node(), node_packages()
    handler = functools.partial(Quiet, directory=str(path.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            [program, str(CLIENT), f"http://127.0.0.1:{server.server_address[1]}/{path.name}"],
            input=json.dumps({"strokes": rows.tolist(), "temperature": temperature}),
            cwd=packages,
            capture_output=True,
            text=True,
            timeout=120,
        )
        server.shutdown()
    assert done.returncode == 0, done.stderr
    return flat(json.loads(done.stdout.splitlines()[-1]))


def flat(pdfs):
    return np.array([[value for part in pdf for value in part] for pdf in pdfs])


def our_pdfs(model, rows, z=None):
    """Return the same parameters from our model."""
    scale = model.scale_factor / PIXEL_FACTOR
    points = np.concatenate([strokes.START_TOKEN[None], rows / [scale, scale, 1, 1, 1]])
    z = None if z is None else tf.constant(z[None])
    output, _ = model.decoder(tf.constant(points[:, None], tf.float32), z)
    m = split_output(output[:, 0])
    parts = [tf.nn.softmax(m.pi_logits), m.mu_x, m.mu_y, tf.exp(m.log_sigma_x)]
    parts += [tf.exp(m.log_sigma_y), tf.tanh(m.rho_logit), tf.nn.softmax(m.pen_logits)]
    return np.concatenate(parts, axis=-1)


def copied(name, tmp_path):
    """Return a published or a made-up model in a folder that a server may serve."""
    if name == "made up":
        return published_model(tmp_path)
    return Path(shutil.copy(public(f"models/{name}.gen.json"), tmp_path))


@pytest.mark.parametrize("name", ["made up", "bird", "sheep"])
def test_a_published_model_gives_the_same_output_as_in_the_client(name, tmp_path):
    path, rows = copied(name, tmp_path), some_strokes()
    np.testing.assert_allclose(
        our_pdfs(load_model(path), rows), client_pdfs(path, rows), atol=1e-4, rtol=0
    )


def test_an_exported_model_gives_the_same_output_in_the_client(trained, tmp_path):
    """The client agrees with our model read back, and is near the model before rounding."""
    path, rows = tmp_path / "model.gen.json", some_strokes()
    model, z = trained
    browser.save(model, path, z)
    found = client_pdfs(path, rows)
    np.testing.assert_allclose(our_pdfs(load_model(path), rows), found, atol=1e-4, rtol=0)
    np.testing.assert_allclose(our_pdfs(model, rows, z), found, atol=0.01, rtol=0)


def test_the_client_multiplies_sigma_by_the_root_of_the_temperature(tmp_path):
    path, rows = copied("made up", tmp_path), some_strokes(3)
    hot, cold = client_pdfs(path, rows), client_pdfs(path, rows, 0.25)
    np.testing.assert_allclose(cold[:, 60:100], hot[:, 60:100] / 2, rtol=1e-4)


@pytest.mark.parametrize("name", ["made up", "bird", "sheep"])
def test_an_imported_model_is_exported_unchanged(name, tmp_path):
    path = copied(name, tmp_path)
    browser.save(load_model(path), tmp_path / "again.gen.json")
    assert json.loads((tmp_path / "again.gen.json").read_text()) == json.loads(path.read_text())


def test_a_conditional_export_is_exported_again_unchanged(tmp_path):
    first, again = tmp_path / "first.gen.json", tmp_path / "again.gen.json"
    browser.save(random_model(), first, np.ones(6, np.float32))
    browser.save(load_model(first), again)
    assert first.read_bytes() == again.read_bytes()
    info = json.loads(first.read_text())[0]
    assert list(map(len, info["initial_state"].values())) == [24, 24]


def test_a_conditional_export_draws_what_the_model_draws_at_that_z(tmp_path):
    z = np.full(6, 0.5, np.float32)
    model = random_model()
    browser.save(model, tmp_path / "model.gen.json", z)
    again = load_model(tmp_path / "model.gen.json")
    theirs, ours = (m.decode(z, greedy=True, max_len=5)[0] for m, z in ((model, z), (again, None)))
    np.testing.assert_allclose(theirs, ours, atol=0.5)


def test_info_holds_the_entries_that_clients_and_people_need(tmp_path):
    browser.save(random_model(conditional=False, data_set=["cat.npz"]), tmp_path / "x.gen.json")
    info, shapes, _ = json.loads((tmp_path / "x.gen.json").read_text())
    assert info == {
        "mode": 2,
        "version": 6,
        "max_seq_len": 40,
        "name": "cat",
        "scale_factor": 37.5,
    }
    assert shapes == [[24, 123], [123], [5, 96], [24, 96], [96]]


def test_clipped_weights_are_counted(tmp_path, caplog):
    model = random_model(conditional=False)
    kernel = model.decoder.output_layer.kernel
    kernel.assign(tf.tensor_scatter_nd_update(kernel, [[0, 0], [1, 1]], [11.0, -12.0]))
    browser.save(model, tmp_path / "x.gen.json")
    (warning,) = caplog.messages
    assert warning.startswith("2 of ")
    read = load_model(tmp_path / "x.gen.json").decoder.output_layer.kernel
    np.testing.assert_allclose([read[0, 0], read[1, 1]], [10, -10], atol=1e-3)


def test_no_warning_without_clipped_weights(tmp_path, caplog):
    browser.save(random_model(conditional=False), tmp_path / "x.gen.json")
    assert caplog.messages == []


@pytest.mark.parametrize(
    "changes, z, scale_factor, reason",
    [
        ({"dec_model": "layer_norm"}, None, 1.0, "lstm"),
        ({"dec_model": "hyper"}, None, 1.0, "lstm"),
        ({"num_mixture": 5}, None, 1.0, "20 mixtures"),
        ({}, None, None, "scale factor"),
        ({}, np.zeros(6), 1.0, "unconditional"),
        ({"conditional": True}, None, 1.0, "always draws from one z"),
        ({"conditional": True}, np.zeros(5), 1.0, r"one z \[6\]"),
        ({"conditional": True}, np.full(6, np.nan), 1.0, "not finite"),
    ],
)
def test_a_model_that_the_client_cannot_run_is_refused(changes, z, scale_factor, reason, tmp_path):
    model = random_model(**({"conditional": False} | changes))
    model.scale_factor = scale_factor
    with pytest.raises(UserError, match=reason):
        browser.save(model, tmp_path / "x.gen.json", z)
    assert not list(tmp_path.iterdir())


def valid():
    """Return the content of a small file: 2 units, one mixture."""
    shapes = [[2, 9], [9], [5, 8], [2, 8], [8]]
    texts = [base64.b64encode(bytes(2 * int(np.prod(shape)))).decode() for shape in shapes]
    return [{"scale_factor": 2.0, "name": "x", "max_seq_len": 9}, shapes, texts]


def changed(*path_and_value):
    """Return the valid content with one entry changed."""
    *path, last, value = path_and_value
    content = place = valid()
    for key in path:
        place = place[key]
    place[last] = value
    return content


BAD = {
    "empty": "",
    "cut": json.dumps(valid())[:-9],
    "not JSON": "[" * 60,
    "deep": "[" * 100_000,
    "many": "[" + "[],"[1:] * 200_000 + "0]",
    "object": "{}",
    "number": "1",
    "no info": json.dumps(changed(0, 3)),
    "two parts": json.dumps(valid()[:2]),
    "four weights": json.dumps(changed(2, ["", "", "", ""])),
    "weights no text": json.dumps(changed(2, 4, 7)),
    "huge shapes": json.dumps(changed(1, 0, [10**9, 9])),
    "consistent huge shapes": json.dumps(
        changed(1, [[8000, 9], [9], [5, 32000], [8000, 32000], [32000]])
    ),
    "negative shape": json.dumps(changed(1, 0, [-2, 9])),
    "text shape": json.dumps(changed(1, 0, "ab")),
    "other width": json.dumps(changed(1, 0, [2, 10])),
    "other shapes": json.dumps(changed(1, 2, [6, 8])),
    "bool shape": json.dumps(changed(1, 0, [True, 9])),
    "short weights": json.dumps(changed(2, 4, "AAAA")),
    "no base64": json.dumps(changed(2, 4, "!" * 24)),
    "no ASCII": json.dumps(changed(2, 4, "é" * 24)),
    "padding in the middle": json.dumps(changed(2, 4, "AA==" * 6)),
    "negative scale": json.dumps(changed(0, "scale_factor", -1)),
    "NaN scale": json.dumps(changed(0, "scale_factor", float("nan"))),
    "text scale": json.dumps(changed(0, "scale_factor", "2")),
    "huge scale": json.dumps(changed(0, "scale_factor", 10**400)),
    "long sketches": json.dumps(changed(0, "max_seq_len", 2**31)),
    "text length": json.dumps(changed(0, "max_seq_len", "9")),
    "list state": json.dumps(changed(0, "initial_state", [0, 0])),
    "short state": json.dumps(changed(0, "initial_state", {"c": [0], "h": [0]})),
    "NaN state": json.dumps(changed(0, "initial_state", {"c": [0, 0], "h": [0, float("nan")]})),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_not_a_model_gives_a_one_line_error(name, tmp_path):
    path = tmp_path / "x.gen.json"
    path.write_text(BAD[name])
    with pytest.raises(UserError) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_missing_file_gives_a_one_line_error(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_model(tmp_path / "x.gen.json")


def test_a_small_valid_file_is_read(tmp_path):
    (tmp_path / "x.gen.json").write_text(json.dumps(valid()))
    model = load_model(tmp_path / "x.gen.json")
    assert (model.scale_factor, model.hparams.max_seq_len) == (2.0, 9)
    assert model.hparams.data_set == ("x.npz",)


def test_a_model_name_cannot_contain_a_path(tmp_path):
    path = tmp_path / "x.gen.json"
    path.write_text(json.dumps(changed(0, "name", "../../etc/x\n")))
    name = load_model(path).hparams.data_set[0]
    assert "/" not in name and ".." not in name


def test_mutated_files_are_read_or_refused(tmp_path):
    """Changing, cutting or repeating bytes gives a model or a one-line error."""
    random = np.random.default_rng(5)
    original = json.dumps(changed(0, "initial_state", {"c": [0, 1], "h": [0.5, 1]})).encode()
    path = tmp_path / "x.gen.json"
    refused = 0
    for _ in range(300):
        data = bytearray(original)
        for _ in range(random.integers(1, 4)):
            begin, length = random.integers(len(data)), random.integers(1, 9)
            kind = random.integers(3)
            if kind == 0:
                data[begin] = random.integers(256)
            elif kind == 1:
                del data[begin : begin + length]
            else:
                data[begin:begin] = bytes(data[begin : begin + length])
        path.write_bytes(data)
        try:
            load_model(path)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100
