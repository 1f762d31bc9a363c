"""Tests of the tables that scripts/compare_original makes from its measurements."""

import sys

import pytest
from helpers import ROOT

SCRIPTS = str(ROOT / "scripts")


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import compare_original

    return compare_original


@pytest.fixture
def process(script, tmp_path):
    """Start a process that defines a function `step`."""

    def start(step):
        code = f"import sys; sys.path.insert(0, {SCRIPTS!r})\n{step}\n"
        code += "from run_original import answer; answer(step)"
        return script.Process([sys.executable, "-c", code], tmp_path / "log")

    return start


def test_the_table_has_the_ratio_for_each_measure(script):
    speed = {
        "original": {"wall": 3.0, "cpu": 6.0, "memory": 4e9},
        "ours": {"wall": 1.5, "cpu": 2.0, "memory": 2e9},
    }
    assert script.table({"machine": "mine", "lstm": speed})[2:] == [
        "| lstm, seconds per step | 3 | 1.5 | 2 |",
        "| lstm, core-seconds per step | 6 | 2 | 3 |",
        "| lstm, peak memory, GB | 4 | 2 | 2 |",
    ]


def test_the_table_has_a_row_for_each_validation(script):
    theirs, ours = [[3.0, 2.0, 1.0, 0.5, 0.25]] * 3, [[2.5, 1.5, 0.5, 0.25, 0.125]] * 3
    curves = {
        "original": {"core_seconds": 600, "reconstruction": theirs},
        "ours": {"core_seconds": 300, "reconstruction": ours},
    }
    training, first, *others = script.table({"curves": curves})[2:]
    assert training == "| 3 small models, 500 steps each, core-minutes | 10 | 5 | 2 |"
    assert first == (
        "| validation reconstruction, step 100 | 3.000, 3.000, 3.000 | 2.500, 2.500, 2.500 | |"
    )
    assert len(others) == 4 and "step 500" in others[-1]


def test_a_process_does_the_number_of_steps_asked_for(process):
    running = process("def step(number): pass")
    assert running.step(0)["wall"] >= 0 and running.step(1)["cpu"] >= 0
    assert running.end() > 1e6


def test_a_failed_process_gives_an_error_with_its_message(process):
    running = process("def step(number): raise RuntimeError('no such cell')")
    with pytest.raises(SystemExit, match="no such cell"):
        running.step(0)
