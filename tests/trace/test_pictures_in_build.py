"""Photographs and scans become data sets and inputs of models."""

import csv

import numpy as np
import pytest
from PIL import Image
from trace_pages import CIRCLE, CROSS, apart, encoded, page

from sketch_rnn.cli import dataset
from sketch_rnn.convert import sources
from sketch_rnn.convert.build import build
from sketch_rnn.convert.inputs import read_named
from sketch_rnn.convert.preview import save_preview
from sketch_rnn.convert.readers.chunks import Reading
from sketch_rnn.errors import UserError
from sketch_rnn.strokes import to_polylines
from sketch_rnn.trace.preview import COLORS


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "photos"
    found.mkdir()
    for name, lines in (("circle", CIRCLE), ("cross", CROSS)):
        (found / f"{name}.png").write_bytes(encoded(page(lines, width=4)))
    holes = np.array(page(CROSS, size=(300, 300), width=4))
    y, x = np.mgrid[:300, :300]
    holes[np.hypot(x - 150, y - 15) < 9] = 0
    (found / "punched.png").write_bytes(encoded(Image.fromarray(holes)))
    return found


def test_a_report_has_the_strokes_the_width_and_what_was_left_out(folder, tmp_path):
    report = tmp_path / "report.csv"
    build([folder], tmp_path / "out.npz", report=report, processes=1)
    rows = {row["drawing"].rpartition("/")[2]: row for row in csv.DictReader(report.open())}
    assert {name: row["strokes"] for name, row in rows.items()} == {
        "circle.png": "1",
        "cross.png": "2",
        "punched.png": "2",
    }
    assert all(float(row["line_width"]) == pytest.approx(4, abs=1) for row in rows.values())
    assert rows["punched.png"]["reason"] == "1 punched hole left out"


def test_each_picture_is_a_separate_chunk_of_work(folder):
    chunks = list(sources.find([folder], Reading()))
    assert [len(chunk.files) for chunk in chunks] == [1, 1, 1]


def test_a_preview_draws_colored_lines_over_the_pictures(folder, tmp_path):
    save_preview([folder], Reading(), tmp_path / "preview.png")
    shown = np.asarray(Image.open(tmp_path / "preview.png").convert("RGB")).reshape(-1, 3)
    colors = {tuple(color) for color in np.unique(shown, axis=0).tolist()}
    first, second, third = (tuple(bytes.fromhex(color[1:])) for color in COLORS[:3])
    assert {first, second} <= colors and third not in colors


def test_a_preview_of_no_pictures_is_refused(tmp_path):
    (tmp_path / "empty.png").write_bytes(encoded(Image.new("L", (50, 50), 255)))
    with pytest.raises(UserError, match="preview: expected photographs or scans"):
        save_preview([tmp_path / "empty.png"], Reading(), tmp_path / "preview.png")
    assert not (tmp_path / "preview.png").exists()


def test_the_command_writes_a_data_set_and_a_preview(folder, tmp_path, capsys):
    flags = [f"--output={tmp_path / 'out.npz'}", f"--preview={tmp_path / 'preview.png'}"]
    assert (
        dataset.main(["build", *flags, str(folder / "circle.png"), str(folder / "cross.png")]) == 0
    )
    assert "preview.png" in capsys.readouterr().out
    assert Image.open(tmp_path / "preview.png").size == (976, 488)


def test_a_photograph_is_traced_as_the_input_of_a_model(folder):
    (drawing,) = read_named(folder / "cross.png", (), 250)
    lines = [np.asarray(line) for line in to_polylines(drawing.sketch)]
    found = np.concatenate(lines).astype(float)
    low, side = found.min(axis=0), np.ptp(found, axis=0).max()
    moved = [(line - low) * (120 / side) + (20, 20) for line in lines]
    assert apart(moved, CROSS) < 3
