"""Tests of the command `sketch_rnn_dataset`: its output, its files and its errors."""

import re

import numpy as np
import pytest

from sketch_rnn.cli import dataset as cli
from sketch_rnn.data import catalog
from sketch_rnn.svg.reader import read_svg


def svg(i):
    path = f'<path fill="none" stroke="black" d="M0 0L{50 + i} 10L100 60m-{i} 5l9 9"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg">{path}</svg>'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "drawings").mkdir()
    for i in range(30):
        (tmp_path / "drawings" / f"{i}.svg").write_text(svg(i))
    return tmp_path


@pytest.fixture
def built(folder):
    assert cli.main(["build", "--output=mine.npz", "drawings"]) == 0
    return folder / "mine.npz"


def test_build_reports_which_drawings_were_kept_or_dropped_and_why(folder, capsys):
    (folder / "drawings" / "bad.svg").write_text("<svg")
    (folder / "drawings" / "text.svg").write_text("<svg><text>a</text></svg>")
    arguments = [
        "build",
        "--output=mine.npz",
        "--report=r.csv",
        "--valid=4",
        "--test=0.1",
        "drawings",
    ]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert "kept 30 of 32 drawings: 23 train, 4 valid, 3 test" in out
    assert re.search(r"\ntook \d+\.\d s, \d+ drawings per second\n", out)
    assert "dropped 2:" in out and "(first: drawings/bad.svg)" in out and "wrote mine.npz" in out
    assert len((folder / "r.csv").read_text().splitlines()) == 33


def test_pieces_are_joined_unless_nojoin_is_given(folder):
    pieces = '<path stroke="red" d="M0 0h9"/><path stroke="red" d="M9 0v9"/>'
    (folder / "o.svg").write_text(f"<svg>{pieces}</svg>")
    strokes = []
    for flag in ("--join", "--nojoin"):
        assert cli.main(["build", f"--output=o{flag}.npz", flag, "o.svg"]) == 0
        with np.load(f"o{flag}.npz", allow_pickle=True, encoding="latin1") as file:
            strokes.append(file["train"][0][:, 2].sum())
    assert strokes == [1, 2]


def test_a_coarser_tolerance_flattens_a_curve_into_fewer_lines(folder):
    (folder / "o.svg").write_text('<svg><circle r="9" fill="none" stroke="black"/></svg>')
    rows = []
    for tolerance in ("0.01", "0.1", "10"):
        flags = [
            f"--output={tolerance}.npz",
            f"--tolerance={tolerance}",
            "--epsilon=0",
            "--max_points=999",
        ]
        assert cli.main(["build", *flags, "o.svg"]) == 0
        with np.load(f"{tolerance}.npz", allow_pickle=True) as file:
            rows.append(len(file["train"][0]))
    assert rows[0] > 2 * rows[1] > 10 * rows[2]


def test_build_uses_the_flags_of_the_recipe(folder):
    flags = ["--size=100", "--epsilon=0", "--max_points=4", "--order=nearest", "--seed=3"]
    assert cli.main(["build", "--output=a.npz", *flags, "drawings/0.svg"]) == 0
    with np.load("a.npz", allow_pickle=True) as file:
        (sketch,) = file["train"]
    np.testing.assert_array_equal(sketch, [(46, 9, 0), (46, 46, 1), (0, 5, 0), (8, 8, 1)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["make"], "expected one of the commands build, show, paper, download, pad, got 'make'"),
        (["mkae", "--output=a.npz"], "expected one of the commands"),
        (["build", "drawings"], "expected --output"),
        (["build", "--output=a.npz"], "expected files or folders"),
        (["build", "--output=a.npz", "none"], "none: there is no such file or folder"),
        (["build", "--output=a.npz", "empty"], "no drawing could be used"),
        (["build", "--output=a.npz", "--epsilon=-1", "drawings"], "epsilon: expected"),
        (["build", "--output=a.npz", "--tolerance=0", "drawings"], "tolerance: expected"),
        (["build", "--output=a.npz", "--order=best", "drawings"], "order"),
        (["build", "--output=a.npz", "--valid=x", "drawings"], "valid"),
        (["build", "--output=here.npz", "drawings"], "here.npz exists"),
        (["build", "--output=a.npz", "--strict", "bad.svg"], "bad.svg: not well-formed"),
        (["show"], "expected one .npz file, got 0"),
        (["show", "empty"], "got the folder empty"),
        (["show", "none.npz"], "none.npz"),
        (["show", "here.npz"], "here.npz"),
        (["show", "--augment=0", "here.npz"], "expected --output"),
        (["download", "cta"], "no public data set 'cta'; did you mean cat?"),
    ],
)
def test_a_mistake_gives_a_one_line_error_and_writes_no_file(folder, capsys, arguments, message):
    (folder / "empty").mkdir()
    (folder / "here.npz").write_text("not a zip")
    (folder / "bad.svg").write_text("<svg")
    before = sorted(folder.rglob("*"))
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and not captured.out
    assert sorted(folder.rglob("*")) == before


def test_show_prints_numbers_and_warnings(built, capsys):
    capsys.readouterr()
    assert cli.main(["show", "mine.npz"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"train: points +26 +104 +4\.0", out)
    assert re.search(r"scale factor \d+\.\d+, N_max 4", out)
    assert "warning: few sketches: 26 to train on" in out


@pytest.mark.parametrize(
    "flags", [[], ["--arrange=index"], ["--arrange=length"], ["--split=valid"]]
)
def test_show_draws_a_contact_sheet(built, flags):
    assert cli.main(["show", "--output=sheet.svg", "--count=12", *flags, "mine.npz"]) == 0
    labels = re.findall(r">(\d+): 4 points<", (built.parent / "sheet.svg").read_text())
    expected = 2 if "--split=valid" in flags else 12
    assert len(labels) == len(set(labels)) == expected
    assert len(read_svg(built.parent / "sheet.svg")) == 2 * expected


def test_show_draws_augmented_drawings(built):
    assert cli.main(["show", "--output=a.svg", "--augment=3", "--count=6", "mine.npz"]) == 0
    text = (built.parent / "a.svg").read_text()
    assert ">3: 4 points<" in text and len(re.findall(r">\d+% \d+%: 4 points<", text)) == 5
    assert cli.main(["show", "--output=b.svg", "--augment=99", "mine.npz"]) == 2


def test_the_public_sets_have_names_and_licenses(capsys):
    assert len(set(catalog.CATEGORIES)) == 345
    assert catalog.find("Alarm_Clock") is catalog.find("alarm clock")
    assert catalog.find("aaron_sheep").license.endswith("CC BY-NC 4.0 (not for commercial use)")
    assert cli.main(["download"]) == 0
    out = capsys.readouterr().out
    assert "CC BY-SA 3.0:\n  short_kanji" in out and " t-shirt " in out


def test_download_fetches_a_data_set_by_name(folder, monkeypatch, capsys):
    asked = []

    def resolve(data_dir, names):
        asked.append((data_dir, names))
        return [folder / names[0]]

    monkeypatch.setattr("sketch_rnn.data.download.resolve", resolve)
    assert cli.main(["download", "hot_dog"]) == 0
    out = capsys.readouterr().out
    assert asked == [(catalog.SETS["cat"].folder, ["hot dog.npz"])]
    assert "CC BY 4.0" in out and '"--hparams=data_set=[hot dog.npz]"' in out


@pytest.mark.parametrize("arguments", [["--help"], [], ["build", "--help"], ["show", "-h"]])
def test_help(arguments, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["sketch_rnn_dataset"])
    assert cli.main(arguments) == 0
    assert "usage: sketch_rnn_dataset" in capsys.readouterr().out
