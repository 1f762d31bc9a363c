"""Tests of the configurations and drawings that come with the program and have names."""

import shutil

import pytest
from helpers import DOODLES, ROOT

from sketch_rnn import load_dataset, shipped
from sketch_rnn.cli import dataset
from sketch_rnn.convert.inputs import read_inputs
from sketch_rnn.data import download
from sketch_rnn.hparams_text import load_config


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_packaged_configuration_has_a_name():
    names = shipped.config_names()
    assert "doodles" in names
    for name in names:
        assert load_config(name) == load_config(ROOT / "configs" / f"{name}.json")


def test_the_packaged_drawings_have_a_name(capsys, tmp_path):
    assert len(load_dataset("cat.npz", "doodles").train) == len(
        load_dataset("cat.npz", DOODLES).train
    )
    assert dataset.main(["show", "doodles/cat.npz"]) == 0
    assert "scale factor" in capsys.readouterr().out
    assert dataset.main(["build", f"--output={tmp_path}/cats.npz", "doodles/cat.npz"]) == 0
    drawings = read_inputs(["doodles"], ["cat.npz", "fish.npz"], 64)
    assert len(drawings) == 2 * len(load_dataset("cat.npz", DOODLES).test)


def test_a_local_file_takes_precedence(empty_folder):
    (empty_folder / "doodles").mkdir()
    shutil.copy(DOODLES / "fish.npz", empty_folder / "doodles" / "cat.npz")
    assert shipped.drawings("doodles/cat.npz").resolve().parent == empty_folder / "doodles"
    (empty_folder / "test").write_text('{"z_size": 7}')
    assert load_config("test") == {"z_size": 7}


@pytest.mark.parametrize("name", ["../datasets/doodles", "/doodles", "x" * 5000, "nothing"])
def test_other_names_are_not_changed(name):
    assert str(shipped.drawings(name)) == str(shipped.config(name)) == name


def test_embedded_files_are_found_without_a_data_dir():
    names = ["cat.npz", "fish.npz"]
    assert download.default_data_dir(names) == "doodles"
    assert download.default_data_dir([*names, "dog.npz"]) == download.DEFAULT_DATA_DIR
    assert len(load_dataset(names).test) == 200
