"""Lines of metrics are read back as written, and invalid lines do not stop the reader."""

import json

import pytest

from sketch_rnn.formats.step_lines import StepLines
from sketch_rnn.untrusted_json import LARGEST

BAD = ["[" * 100_000, "[1]", "9" * 9999, '{"step": "x"}', '{"step": [1]}', "null", '{"a": 1}']


@pytest.fixture
def lines(tmp_path):
    found = StepLines(tmp_path / "metrics.jsonl")
    found.append({"step": step, "cost": step / 2} for step in range(4))
    return found


def test_written_lines_are_read_back(lines):
    assert list(lines) == [{"step": step, "cost": step / 2} for step in range(4)]
    assert lines.value(3, "cost") == 1.5
    assert lines.value(3, "other") is None and lines.value(4, "cost") is None


def test_a_missing_file_has_no_lines(tmp_path):
    lines = StepLines(tmp_path / "none")
    lines.cut(3)
    assert list(lines) == [] and lines.value(0, "cost") is None
    assert not lines.path.exists()


@pytest.mark.parametrize("bad", BAD, ids=lambda line: line[:20])
def test_an_invalid_line_is_skipped(lines, bad):
    with lines.path.open("a") as file:
        file.write(bad + "\n")
    lines.append([{"step": 4, "cost": 2.0}])
    assert [row["step"] for row in lines] == [0, 1, 2, 3, 4]
    assert lines.value(4, "cost") == 2.0
    lines.cut(4)
    assert [json.loads(line)["step"] for line in lines.path.open()] == [0, 1, 2, 3]


def test_an_incomplete_last_line_is_ignored_and_cut_off(lines):
    with lines.path.open("a") as file:
        file.write('{"step": 4, "cost": 0.')
    assert lines.value(4, "cost") is None
    lines.cut(9)
    assert lines.path.read_text().endswith('"cost": 1.5}\n')


def test_the_last_finite_value_for_a_step_is_used(lines):
    lines.append([{"step": 3, "cost": 7}, {"step": 3, "kl": float("nan")}])
    assert lines.value(3, "cost") == 7.0
    assert lines.value(3, "kl") is None


def test_a_large_file_with_no_line_end_has_no_rows(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with path.open("wb") as file:
        file.truncate(3 * LARGEST)  # zeros
    lines = StepLines(path)
    assert list(lines) == [] and lines.value(0, "cost") is None
