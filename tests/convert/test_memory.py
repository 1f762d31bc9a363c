"""Tests of data sets that are built from drawings in memory."""

import errno

import numpy as np
import pytest
from helpers import unix_only

import sketch_rnn
from sketch_rnn.convert import store
from sketch_rnn.convert.prepare import to_sketch
from sketch_rnn.errors import UserError

ROWS = [np.array([(40 + i, 10, 0), (-30, 25, 1), (7, -60, 0), (20, 5, 1)]) for i in range(6)]
LINES = [(0, 0), (50, 90), (100, 0 + 5), (20, 20)], [(10, 10), (12, 14)]


def built(tmp_path, *inputs, **options):
    sketch_rnn.build_dataset(*inputs, output=tmp_path / "a.npz", **options)
    data = sketch_rnn.load_dataset("a.npz", tmp_path)
    found = [s for split in (data.train, data.valid, data.test) for s in split]
    return sorted((np.asarray(s).astype(int).tolist() for s in found), key=str)


def in_order(sketches):
    return sorted((np.asarray(s).astype(int).tolist() for s in sketches), key=str)


@pytest.mark.parametrize(
    "inputs",
    [ROWS, np.stack(ROWS), [r.tolist() for r in ROWS], [*map(tuple, (r.tolist() for r in ROWS))]],
    ids=["arrays", "one array", "lists", "tuples"],
)
def test_arrays_are_sketches_and_keep_their_units(tmp_path, inputs):
    assert built(tmp_path, inputs) == in_order(ROWS)


def test_one_array_is_one_drawing(tmp_path):
    assert built(tmp_path, ROWS[0])[0] == ROWS[0].tolist()


@pytest.mark.parametrize(
    "shape", [list, np.array, lambda line: [{"x": x, "y": y} for x, y in line]],
    ids=["points as lists", "arrays", "points as objects"],
)  # fmt: skip
def test_strokes_are_lines_of_points(tmp_path, shape):
    drawings = [[[(x, y + i) for x, y in line] for line in LINES] for i in range(3)]
    drawings[1][0][1] = (60, 80)
    made = built(tmp_path, strokes=[[shape(line) for line in lines] for lines in drawings])
    assert made == in_order(to_sketch([*map(np.array, d)]).points for d in drawings)


def test_short_strokes_in_memory_are_lists_of_points(tmp_path):
    cross = [[[0, 0], [90, 90]], [[90, 0], [0, 90]]]
    assert built(tmp_path, strokes=[cross])[0] == [[255, 255, 1], [0, -255, 0], [-255, 255, 1]]


def test_long_columns_in_memory_are_read_as_columns(tmp_path):
    columns = [[[*range(8)], [0, 9, 0, 9, 0, 9, 0, 9]]]
    made = built(tmp_path, strokes=[columns])
    assert made[0] == to_sketch([np.transpose(columns[0])]).points.tolist()


def test_arrays_files_and_strokes_can_be_mixed_and_are_reported_by_position(tmp_path):
    np.savez(tmp_path / "more.npz", train=np.stack(ROWS[:2]))
    report = tmp_path / "r.csv"
    strokes = [[[(0, 0), (9, 9)]], [[("a", 1)]], 7]
    inputs = [tmp_path / "more.npz", *ROWS[2:]]
    summary = sketch_rnn.build_dataset(inputs, tmp_path / "a.npz", strokes=strokes, report=report)
    assert summary.drawings == 7 and sum(summary.dropped.values()) == 2
    text = report.read_text()
    assert "strokes[1],False" in text and "strokes[2],False" in text and "inputs[3],True" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no drawing could be used: there was none"),
        ({"inputs": [ROWS[0][:, :2].astype(str)]}, "a stroke is not a list of lists of"),
        ({"inputs": 5}, "inputs: expected names of files and folders, or arrays; got int"),
        ({"strokes": [[[(0, 0, 0), (0, 0, 9)]]]}, "all its points are in one place"),
        ({"inputs": ROWS, "output": None}, "output: expected the name of an .npz"),
    ],
)
def test_mistakes_give_a_one_line_error(tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        sketch_rnn.build_dataset(**{"output": tmp_path / "a.npz", **arguments})
    assert list(tmp_path.iterdir()) == []


def test_an_empty_split_repeats_training_drawings(tmp_path, caplog):
    drawings = [ROWS[0] + np.array([0, i, 0]) for i in range(40)]
    summary = sketch_rnn.build_dataset(drawings, tmp_path / "a.npz", valid=0, test=0)
    assert summary.kept == {"train": 40, "valid": 2, "test": 2}
    assert (
        "`valid=0` holds out no drawings: the valid split repeats 2 of the train split"
        in caplog.text
    )
    data = sketch_rnn.load_dataset("a.npz", tmp_path)
    assert {str(np.asarray(s)) for s in data.valid} < {str(np.asarray(s)) for s in data.train}


@unix_only
def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(dir):
        return open("/dev/full", "w+b", buffering=0)

    monkeypatch.setattr(store.tempfile, "TemporaryFile", full)
    with pytest.raises(OSError) as error:
        sketch_rnn.build_dataset(ROWS, tmp_path / "a.npz")
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(tmp_path / "a.npz")
