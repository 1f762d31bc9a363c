"""Tests of runs that end by a time limit or patience, and resume as if they had not ended."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import DOODLES

from sketch_rnn.cli import train as train_command
from sketch_rnn.errors import UserError
from sketch_rnn.formats import load_model
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.training.history import History
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import train
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.stopping import Stopping, end_note, reason_of

TINY = {
    "data_set": ["cat.npz"],
    "conditional": False,
    "dec_rnn_size": 6,
    "num_mixture": 2,
    "batch_size": 4,
    "num_steps": 8,
    "save_every": 2,
    "decay_rate": 0.0,  # to a rate of 0 after the first step: no later validation is better
    "min_learning_rate": 0.0,
}


def rows(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    return [{k: v for k, v in row.items() if not k.startswith("Time_Taken")} for row in found]


def notes(folder):
    return [json.loads(line) for line in (folder / "notes.jsonl").open()]


def variables(folder):
    """Return the weights and Adam's state at the end of a run."""
    state = TrainState(load_model(folder, "latest"))
    assert RunFolder(folder).restore(state.checkpoint)
    return [value.numpy() for value in (*state.model.variables, *state.optimizer.variables)]


def test_a_run_ended_by_time_or_patience_resumes_exactly(tmp_path):
    whole, folder = tmp_path / "whole", tmp_path / "ended"
    assert train(TrainOptions(whole, TINY, DOODLES)) == 0

    assert train(TrainOptions(folder, TINY, DOODLES, max_time=1e-9)) == 0
    assert (folder / "checkpoints" / "latest-1.index").exists()
    assert notes(folder)[-1]["note"].startswith("stopped by `max_time` after 1 steps;")

    assert train(TrainOptions(folder, {}, resume=True, patience=1)) == 0
    assert notes(folder)[-1]["note"].startswith("stopped by `patience=1` after 5 steps;")
    assert rows(folder) == [row for row in rows(whole) if row["step"] <= 4]

    assert train(TrainOptions(folder, {}, resume=True)) == 0
    assert rows(folder) == rows(whole)
    for ours, theirs in zip(variables(folder), variables(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_patience_counts_validations_since_the_best():
    history = History()
    stopping = Stopping(patience=2)
    for cost, expected in ((3.0, ""), (2.0, ""), (2.5, ""), (2.1, "`patience=2`")):
        history.add(1, {"Valid_Cost": cost, "Valid_Reconstr_Cost": cost})
        assert stopping.reason(history) == expected


def test_max_time_counts_from_the_start():
    now = [100.0]
    stopping = Stopping(max_time=60, clock=lambda: now[0])
    now[0] = 159.0
    assert stopping.reason(History()) == ""
    now[0] = 160.0
    assert stopping.reason(History()) == "`max_time`"


def test_validations_of_a_timed_run_count_from_the_first_step():
    now = [100.0]
    stopping = Stopping(max_time=80, clock=lambda: now[0])
    due = []
    for now[0] in (130.0, 139.0, 140.0, 141.0, 150.0):  # the first step has compiled
        due.append(stopping.is_validation_due())
    assert due == [False, False, True, False, True]
    assert not Stopping(clock=lambda: now[0]).is_validation_due()


def test_a_timed_run_is_validated_at_its_end_unless_save_every_is_given(tmp_path, monkeypatch):
    def by_calls(patience, max_time):  # each question takes a second
        return Stopping(patience, max_time, clock=itertools.count().__next__)

    monkeypatch.setattr("sketch_rnn.training.run.Stopping", by_calls)
    monkeypatch.setattr("sketch_rnn.training.run.FETCH_EVERY_SECONDS", 0.0)
    endless = {k: v for k, v in TINY.items() if k not in ("num_steps", "save_every")}
    for name, changes, count in (("timed", {}, 4), ("given", {"save_every": 400}, 0)):
        changes = endless | changes
        assert train(TrainOptions(tmp_path / name, changes, DOODLES, max_time=16.0)) == 0
        found = [row["step"] for row in rows(tmp_path / name) if "Valid_Cost" in row]
        assert min(len(found), 4) == count
    last = RunFolder(tmp_path / "timed").steps_done("latest")
    validated = [row["step"] for row in rows(tmp_path / "timed") if "Valid_Cost" in row]
    assert validated[-1] + 1 == last


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h30m", 9000), ("45m", 2700), ("90s", 90), ("1d1s", 86401)]
)
def test_a_time_is_parsed_from_text(monkeypatch, text, seconds):
    asked = []
    monkeypatch.setattr("sketch_rnn.training.run.train", lambda options, _: asked.append(options))
    monkeypatch.setattr("sketch_rnn.data.download.resolve", lambda *_: [])
    assert train_command.main([f"--max_time={text}", "--patience=3"]) == 0
    assert (asked[0].max_time, asked[0].patience) == (seconds, 3)


@pytest.mark.parametrize("text", ["", "0s", "2", "2 hours", "-1m", "m", "1h1h"])
def test_an_invalid_time_is_refused(capsys, text):
    assert train_command.main([f"--max_time={text}"]) == 2
    assert "2h30m" in capsys.readouterr().err


def test_patience_is_refused_with_several_workers(monkeypatch, tmp_path):
    class Two:
        count = 2

    monkeypatch.setattr("sketch_rnn.training.run.set_up_devices", lambda *_: Two())
    with pytest.raises(UserError, match="leave them out"):
        train(TrainOptions(tmp_path / "run", TINY, DOODLES, patience=2))


@pytest.mark.parametrize("reason", ["", "SIGINT", "`patience=3`", "a callback"])
def test_the_reason_a_run_ended_is_read_from_its_last_note(reason):
    assert reason_of(end_note(reason, 3, Path("run"))) == (reason.strip("`") or "num_steps")


def test_the_reason_a_run_ended_is_read_from_notes_of_older_versions_and_no_others():
    assert reason_of("stopped by `max_time` after step 7; `resume` goes on from here") == "max_time"
    assert reason_of("overfitting: validation rose by 0.1 since step 20") == ""
