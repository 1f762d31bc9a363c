"""Tests of fetching models by name, from a local server with tiny models in the same format."""

import base64
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import DOODLES

from sketch_rnn.cli import dataset, sample
from sketch_rnn.data import catalog
from sketch_rnn.errors import UserError

DECODER = [[2, 123], [123], [5, 8], [2, 8], [8]]
DIRECTION = [[5, 12], [3, 12], [12]]
WHOLE = [*DIRECTION, *DIRECTION, [6, 2], [2], [6, 2], [2], [2, 4], [4]]
WHOLE += [[2, 123], [123], [7, 8], [2, 8], [8]]


def content(shapes, mode):
    """Return the content of a model file that is several download chunks long."""
    random = np.random.default_rng(0)
    weights = [
        base64.b64encode(random.integers(-999, 999, shape).astype("<i2").tobytes()).decode()
        for shape in shapes
    ]
    info = {"mode": mode, "version": 6, "max_seq_len": 64, "name": "cat", "scale_factor": 40.0}
    return json.dumps([info, shapes, weights]).encode() + b" " * 300_000


GEN, VAE = content(DECODER, 2), content(WHOLE, "vae")


@pytest.fixture
def models(server, monkeypatch, tmp_path):
    """Run the server with two cat models, in an empty working folder."""
    for name in ("quickdraw/cat", "quickdraw/cat.vae"):
        public = catalog.MODELS[name]
        served = dataclasses.replace(
            public, url=f"{server.address}/{public.url.rpartition('/')[2]}"
        )
        monkeypatch.setitem(catalog.MODELS, name, served)
    server.files = {"/d/cat.gen.json": (GEN, len(GEN)), "/d/cat.vae.json": (VAE, len(VAE))}
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return server


def cached(tmp_path):
    found = (tmp_path / "cache").rglob("*")
    return [path for path in found if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("name", ["quickdraw/cat", "quickdraw/cat.vae"])
def test_a_model_is_fetched_once_and_read(models, name):
    from sketch_rnn import load_model

    first, second = load_model(name), load_model(name.replace("cat", "Cat"))
    assert first.hparams.conditional == second.hparams.conditional == name.endswith(".vae")
    assert models.asked == [f"/d/cat.{'vae' if first.hparams.conditional else 'gen'}.json"]


def test_every_command_that_reads_a_model_takes_the_name(models, tmp_path, capsys):
    from sketch_rnn.cli import eval as eval_command
    from sketch_rnn.cli import export, train

    assert sample.main(["--model_dir=quickdraw/cat", "--output=a.svg"]) == 0
    assert export.main(["--model_dir=quickdraw/cat.vae", "--output=b.vae.json"]) == 0
    written = json.loads((tmp_path / "work" / "b.vae.json").read_text())
    assert written[0].pop("full_size") > 0
    assert written == json.loads(VAE)
    data = f"--data_dir={DOODLES}"
    assert (
        eval_command.main(["--log_root=quickdraw/cat.vae", data, "--split=valid", "--format=json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["sketches"] == 100
    steps = "--hparams=data_set=[cat.npz],num_steps=1,batch_size=4"
    flags = ["--init_from=quickdraw/cat.vae", data, steps, "--log_root=run"]
    assert train.main(flags) == 0


def test_an_interrupted_model_download_resumes(models, tmp_path):
    models.tag = '"one"'
    models.files["/d/cat.gen.json"] = (GEN[:150_000], len(GEN))
    with pytest.raises(UserError, match="Connection broken"):
        catalog.model_path("quickdraw/cat")
    models.files["/d/cat.gen.json"] = (GEN, len(GEN))
    path = catalog.model_path("quickdraw/cat")
    assert path.read_bytes() == GEN and cached(tmp_path) == [path]
    assert models.ranges == [None, f"bytes={(2 << 16) - 1}-"]


def test_a_file_of_the_wrong_length_is_not_kept(models, tmp_path):
    models.files["/d/cat.gen.json"] = (GEN, len(GEN) + 5)
    with pytest.raises(UserError, match="5 more expected"):
        catalog.model_path("quickdraw/cat")
    assert cached(tmp_path) == []


def test_a_file_that_is_too_large_is_refused(models, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "LARGEST_MODEL", len(GEN) - 1)
    with pytest.raises(UserError, match="more than"):
        catalog.model_path("quickdraw/cat")
    assert cached(tmp_path) == []


def test_two_processes_at_once_get_the_same_complete_file(models, tmp_path):
    program = (
        "from sketch_rnn.data import catalog; "
        f"print(catalog.PublicModel('x', '{models.address}/cat.gen.json', '').fetch())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    found = {process.communicate(timeout=120)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0]
    (path,) = cached(tmp_path)
    assert found == {str(path)} and path.read_bytes() == GEN


def test_without_a_network_the_error_says_what_works_offline(models, capsys):
    models.shutdown()
    models.server_close()
    assert sample.main(["--model_dir=quickdraw/cat", "--output=a.svg"]) == 2
    error = capsys.readouterr().err
    assert "(no connection)" in error and "--model_dir=doodles" in error
    assert error.count("\n") == 1 and not os.listdir()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("quickdraw/cta", "did you mean quickdraw/cat?"),
        ("quickdraw/the_mona_lisa.gen.jso", "quickdraw/the_mona_lisa"),
        ("quickdraw/everything.vae", "quickdraw/everything"),
        ("quickdraw/" + "z" * 5000, "`sketch_rnn_dataset download` lists them"),
        ("quickdraw/../../x", "lists them"),
        ("quickdraw/beflower.vae", "quickdraw/beeflower.vae or "),
        ("doodels", "the model doodles"),
        ("cat.vae", "the model quickdraw/cat.vae"),
    ],
)
def test_a_wrong_name_gets_the_nearest_names_as_suggestions(name, near, models):
    with pytest.raises(UserError) as caught:
        catalog.model_path(name)
    assert near in str(caught.value) and len(str(caught.value)) < 300
    assert models.asked == []


@pytest.mark.parametrize("name", ["doodles", "quickdraw/cat", "quickdraw/cat.vae"])
def test_a_local_file_or_folder_with_that_name_takes_precedence(name, models, tmp_path):
    local = tmp_path / "work" / name
    local.mkdir(parents=True)
    assert catalog.model_path(name).resolve() == local and not catalog.is_packaged(name)
    assert models.asked == []
    assert catalog.model_path(None) == catalog.PACKAGED_MODEL_PATH


def test_other_paths_are_not_changed(tmp_path):
    for path in ("models/doodle", tmp_path / "none", "x.gen.json"):
        assert str(catalog.model_path(path)) == str(path)


def test_the_models_have_names_and_licenses(capsys):
    assert len(catalog.MODELS) == 2 * len(catalog.MODEL_CATEGORIES) + 1
    assert "quickdraw/everything.vae" not in catalog.MODELS
    assert catalog.MODELS["quickdraw/palm_tree.vae"].url == (
        "https://storage.googleapis.com/quickdraw-models/sketchRNN/large_models/palm_tree.vae.json"
    )
    assert dataset.main(["download"]) == 0
    out = capsys.readouterr().out
    assert "CC BY 4.0:\n  quickdraw/alarm_clock quickdraw/ambulance " in out
    assert "quickdraw/everything\n" in out and "doodles" in out


def test_download_prints_how_to_use_a_model(models, capsys):
    assert dataset.main(["download", "quickdraw/cat.vae"]) == 0
    path, license, use = capsys.readouterr().out.splitlines()
    assert Path(path).read_bytes() == VAE
    assert "CC BY 4.0" in license and "--model_dir=quickdraw/cat.vae draws with it" in use


@pytest.mark.parametrize("damaged", [GEN[:500], b"<html>Sign in</html>", b""])
def test_a_model_that_is_damaged_in_the_cache_is_fetched_again(damaged, models, caplog):
    from sketch_rnn import load_model

    path = catalog.model_path("quickdraw/cat")
    path.write_bytes(damaged)
    assert not load_model("quickdraw/cat").hparams.conditional
    assert path.read_bytes() == GEN and "it was fetched again" in caplog.text
    assert len(models.asked) == 2


def test_a_model_damaged_on_the_server_is_fetched_twice_and_reported(models):
    from sketch_rnn import load_model

    models.files["/d/cat.gen.json"] = (b"<html>", 6)
    with pytest.raises(UserError, match=r"cat\.gen\.json: expected JSON"):
        load_model("quickdraw/cat")
    assert len(models.asked) == 2


def test_a_damaged_local_model_is_not_removed(models, tmp_path):
    from sketch_rnn import load_model

    path = tmp_path / "work" / "mine.gen.json"
    path.write_bytes(b"{")
    with pytest.raises(UserError, match="mine"):
        load_model(path)
    assert path.read_bytes() == b"{" and models.asked == []
