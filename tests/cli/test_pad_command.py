"""`sketch_rnn_dataset pad` writes a page, and the files it saves become a data set."""

import json

import pytest

from sketch_rnn.cli import dataset
from sketch_rnn.data import npz

STROKE = [[0, 50, 90, 70], [0, 10, 60, 90], [0, 40, 90, 130]]


def drawings(word, count):
    """Return the lines that a pad saves, with different drawings of a word."""
    for i in range(count):
        strokes = [[[x + i * j for j, x in enumerate(STROKE[0])], *STROKE[1:]], STROKE]
        row = {"word": word, "timestamp": "2026-01-01", "key_id": f"{word}{i}", "drawing": strokes}
        yield json.dumps(row) + "\n"


def test_a_pad_is_written_once(tmp_path, capsys):
    path = tmp_path / "pad.html"
    assert dataset.main(["pad", f"--output={path}", "--prompts=cat,tall house"]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    written = path.read_bytes()
    assert b'"words":["cat","tall house"]' in written
    assert dataset.main(["pad", f"--output={path}"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ([], "expected --output=FILE.html, got none"),
        (["--output=pad.svg"], "expected --output=FILE.html, got pad.svg"),
        (["--output=none/pad.html"], "no folder none"),
        (["--output=pad.html", "--prompts=cat,,dog"], "prompts of 1 to 60 characters, got ''"),
        (["--output=pad.html", "--count=0"], "--count"),
        (["--output=pad.html", "--model_dir=there_is_none"], "there_is_none"),
    ],
)
def test_bad_flags_give_a_one_line_error(flags, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert dataset.main(["pad", *flags]) == 2
    err = capsys.readouterr().err
    assert line in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_files_saved_by_pads_become_a_data_set(tmp_path, capsys):
    (tmp_path / "pad-1.ndjson").write_text("".join(drawings("cat", 12)))
    (tmp_path / "pad-2.ndjson.txt").write_text("".join(drawings("dog", 11)))
    output = tmp_path / "mine.npz"
    files = [str(path) for path in sorted(tmp_path.glob("pad-*"))]
    assert dataset.main(["build", f"--output={output}", *files]) == 0
    assert "23 of 23" in capsys.readouterr().out
    assert sum(len(npz.read_split(output, split)[1]) for split in npz.SPLITS) == 23
