"""Every command in the table of docs/own_drawings.md builds a data set."""

import re
import shlex

import numpy as np
import pytest
from helpers import FIXTURES, ROOT
from other_programs import write_drawings

import sketch_rnn
from sketch_rnn.cli import dataset
from sketch_rnn.data.dataset import load_dataset

PAGE = (ROOT / "docs" / "own_drawings.md").read_text()
ROWS = re.findall(r"^\| (.*) \| (.*`sketch_rnn.*) \|$", PAGE, re.MULTILINE)
LINES = {"tablet": 1, "plotter": 1, "handwriting": 3, "formulas": 3, "memory": 2}  # of a drawing


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("pyarrow", reason="a row of the table is about parquet")
    folder = tmp_path_factory.mktemp("own")
    write_drawings(folder)
    (folder / "mine").mkdir()
    for path in FIXTURES.glob("*.svg"):
        (folder / "mine" / path.name).write_bytes(path.read_bytes())
    return folder


def test_the_table_of_commands_has_rows():
    assert len(ROWS) > 20 and all("=" in command for _, command in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:50])
def test_the_command_in_each_row_builds_a_data_set(row, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    typed = re.search(r"`(sketch_rnn.*?)`", row[1])[1]
    if typed.startswith("sketch_rnn_dataset "):
        assert dataset.main(shlex.split(typed)[1:]) == 0
        assert "dropped" not in capsys.readouterr().out
    else:
        exec(typed, {"sketch_rnn": sketch_rnn})
    name = re.search(r"(\w+)\.npz", typed)[1]
    made = load_dataset(f"{name}.npz", ".").train
    assert len(made) and all(np.isfinite(np.asarray(sketch)).all() for sketch in made)
    if name in LINES:
        assert np.asarray(made[0])[:, 2].sum() == LINES[name]
