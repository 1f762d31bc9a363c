"""Tests of text files from Windows programs, with CRLF and a byte order mark."""

import json

import numpy as np
import pytest
from other_programs import write_drawings

from sketch_rnn.convert.build import build
from sketch_rnn.convert.prepare import Recipe
from sketch_rnn.data.npz import read_split
from sketch_rnn.formats.step_lines import StepLines
from sketch_rnn.hparams_text import load_config, parse_overrides

TEXTS = (".svg", ".ndjson", ".jsonl", ".csv", ".json", ".excalidraw", ".tldr", ".inkml", ".xml")
BOM = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    write_drawings(folder)
    return [path for path in sorted(folder.iterdir()) if path.suffix in TEXTS]


def sketches(inputs, output):
    build(inputs, output, Recipe(epsilon=0), seed=1, processes=1)
    return [array for split in ("train", "valid", "test") for array in read_split(output, split)]


@pytest.mark.parametrize("mark", [b"", BOM], ids=["plain", "marked"])
def test_drawings_are_the_same_with_crlf(drawings, tmp_path, mark):
    assert {path.suffix for path in drawings} == set(TEXTS)
    inside = tmp_path / "crlf"
    inside.mkdir()
    for path in drawings:
        text = path.read_bytes().replace(b"\r\n", b"\n").replace(b"><", b">\n<")
        (inside / path.name).write_bytes(mark + text.replace(b"\n", b"\r\n"))
    plain = sketches(drawings, tmp_path / "plain.npz")
    ours = sketches(sorted(inside.iterdir()), tmp_path / "ours.npz")
    assert len(plain) == len(ours) == 6
    for one, other in zip(plain, ours, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_configuration_saved_by_a_windows_editor_is_read(tmp_path, encoding):
    path = tmp_path / "mine.json"
    text = json.dumps({"z_size": 64, "data_set": ["Bär.npz"]}, indent=1, ensure_ascii=False)
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert load_config(path) == {"z_size": 64, "data_set": ("Bär.npz",)}


def test_metrics_with_crlf_are_read_truncated_and_continued(tmp_path):
    lines = StepLines(tmp_path / "metrics.jsonl")
    lines.path.write_bytes(b'{"step": 1, "a": 0.5}\r\n{"step": 2, "a": 0.7}\r\n')
    assert [row["a"] for row in lines] == [0.5, 0.7] and lines.value(2, "a") == 0.7
    lines.cut(2)
    lines.append([{"step": 2, "a": 0.9}])
    assert [row["a"] for row in lines] == [0.5, 0.9]


@pytest.mark.parametrize(
    "text", [r"data_set=C:\my drawings\a.npz", r'data_set=["C:\my drawings\a.npz"]']
)
def test_a_windows_path_is_a_value(text):
    assert parse_overrides([text, r"z_size=3"]) == {
        "data_set": (r"C:\my drawings\a.npz",),
        "z_size": 3,
    }
