"""Commands never overwrite their inputs, and overwrite only pictures without being asked to."""

import json
import shutil

import pytest
from helpers import DOODLES, FIXTURES, unix_only

from sketch_rnn.cli import dataset, export, sample
from sketch_rnn.cli import eval as eval_command
from sketch_rnn.data import catalog
from sketch_rnn.errors import UserError
from sketch_rnn.files import check_output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make the working folder, with a drawing, a data set, a model and a report."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(FIXTURES / "shapes.svg", "h.svg")
    shutil.copy(DOODLES / "cat.npz", "only_copy.npz")
    shutil.copy(catalog.PACKAGED_MODEL_PATH, "m.vae.json")
    (tmp_path / "drawings").mkdir()
    shutil.copy("h.svg", "drawings")
    (tmp_path / "drawings" / "old.npz").write_text("mine")
    (tmp_path / "models" / "run").mkdir(parents=True)
    for name in ("a.keras", "a.html", "a.csv", "a.json", "page.svg", "models/run/notes"):
        (tmp_path / name).write_text("mine")
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RECONSTRUCT = ["--mode=reconstruct", "--num_samples=1"]
EXPORT = ["--model_dir=m.vae.json"]


@pytest.mark.parametrize(
    ("main", "flags", "message"),
    [
        (sample.main, ["--output=only_copy.npz"], "--overwrite"),
        (sample.main, ["--output=a.json"], "--overwrite"),
        (sample.main, ["--mode=encode", "--output=only_copy.npz"], "--overwrite"),
        (sample.main, [*RECONSTRUCT, "--input=h.svg", "--output=h.svg"], "is also an input"),
        (
            sample.main,
            [*RECONSTRUCT, "--input=h.svg", "--output=./drawings/../h.svg"],
            "is also an input",
        ),
        (
            sample.main,
            [*RECONSTRUCT, "--input=drawings", "--output=drawings/h.svg"],
            "is also an input",
        ),
        (
            sample.main,
            ["--model_dir=m.vae.json", "--output=m.vae.json", "--overwrite"],
            "is also an input",
        ),
        (
            sample.main,
            ["--z_file=only_copy.npz", "--output=only_copy.npz", "--overwrite"],
            "is also an input",
        ),
        (export.main, [*EXPORT, "--output=a.keras"], "--overwrite"),
        (export.main, [*EXPORT, "--output=a.html"], "--overwrite"),
        (export.main, [*EXPORT, "--output=m.vae.json", "--overwrite"], "is also an input"),
        (export.main, [*EXPORT, "--output=models"], "--overwrite"),
        (export.main, [*EXPORT, "--output=models", "--overwrite"], "exists; remove it"),
        (dataset.main, ["build", "--output=only_copy.npz", "h.svg"], "--overwrite"),
        (dataset.main, ["build", "--output=b.npz", "--report=a.csv", "h.svg"], "--overwrite"),
        (
            dataset.main,
            ["build", "--output=only_copy.npz", "--overwrite", "only_copy.npz"],
            "is also an input",
        ),
        (
            dataset.main,
            ["build", "--output=drawings/old.npz", "--overwrite", "drawings"],
            "is also an input",
        ),
        (eval_command.main, ["--log_root=m.vae.json", "--per_drawing=a.csv"], "--overwrite"),
        (dataset.main, ["show", "only_copy.npz", "--output=only_copy.npz"], "is also an input"),
    ],
)
def test_an_existing_file_is_not_overwritten(folder, capsys, main, flags, message):
    before = contents(folder)
    assert main(flags) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert contents(folder) == before


def test_a_picture_replaces_a_picture(folder):
    assert dataset.main(["show", "only_copy.npz", "--count=1", "--output=page.svg"]) == 0
    assert (folder / "page.svg").read_text().startswith("<?xml")
    check_output("page.svg", model=".")
    with pytest.raises(UserError, match="is also an input"):
        check_output("page.svg", model="page.svg")


def test_overwrite_replaces_existing_files(folder):
    assert sample.main(["--num_samples=1", "--output=a.json", "--overwrite"]) == 0
    assert len(json.loads((folder / "a.json").read_text())["sketches"]) == 1
    build = ["build", "--output=only_copy.npz", "--report=a.csv", "--overwrite", "h.svg"]
    assert dataset.main(build) == 0
    assert (folder / "a.csv").read_text().startswith("drawing,")
    for _ in range(2):
        assert export.main([*EXPORT, "--output=served", "--overwrite"]) == 0
    assert sorted(path.name for path in folder.glob("*served*")) == ["served"]


@unix_only
def test_an_input_is_recognized_through_a_link(folder):
    (folder / "link.svg").symlink_to("h.svg")
    (folder / "hard.svg").hardlink_to("h.svg")
    for name in ("link.svg", "hard.svg"):
        with pytest.raises(UserError, match="is also an input"):
            check_output(name, ["h.svg"])
