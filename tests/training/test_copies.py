"""Tests of telling copies of training drawings from new drawings."""

from types import SimpleNamespace

import numpy as np
import pytest

from sketch_rnn.data.dataset import Dataset, Split
from sketch_rnn.data.split import flatten, make_part
from sketch_rnn.training import copies
from sketch_rnn.training.copies import MANY, Copies, _shape, copies_if_many, copies_of
from sketch_rnn.training.record import ChiefRecorder


def scrawls(count, seed):
    """Return sketches of ten random points, with the pen lifted once."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(count):
        sketch = np.concatenate([rng.normal(0, 30, (10, 2)), np.zeros((10, 1))], 1)
        sketch[[5, 9], 2] = 1
        made.append(sketch.astype(np.float32))
    return made


def dataset(train=30, held=5):
    splits = [
        Split([make_part(*flatten(scrawls(n, i)))]) for i, n in enumerate((train, held, held))
    ]
    return Dataset(*splits, scale_factor=30.0, max_seq_len=10)


def changed(sketch, scale=(1.0, 1.0), noise=0.0):
    rng = np.random.default_rng(0)
    found = sketch.copy()
    found[:, :2] = found[:, :2] * scale + rng.normal(0, noise, (len(sketch), 2))
    return found


def test_copies_are_found_at_any_position_and_size():
    data = dataset()
    drawn = [changed(data.train[i], (3.0, 3.0 / 1.2), noise=1.0) for i in range(10)]
    found = copies_of(drawn, data)
    assert found.close_share == 1 and found.verdict.startswith(
        "the model copies its training drawings: 100% of 10"
    )
    for ours, theirs in zip(found.nearest, list(data.train), strict=False):
        np.testing.assert_array_equal(ours, theirs)


def test_new_drawings_are_not_copies():
    found = copies_of(scrawls(20, 9), dataset())
    assert found.close_share < MANY / 2 and found.verdict.startswith("no sign of copying: ")


def test_a_third_of_copies_is_more_than_chance():
    data = dataset()
    drawn = [changed(data.train[i], noise=1.0) for i in range(5)] + scrawls(10, 9)
    verdict = copies_of(drawn, data).verdict
    assert verdict.startswith("some drawings may be copies: ") and "by chance" in verdict


def test_training_drawings_replace_missing_held_out_drawings():
    assert len(copies_of(scrawls(2, 9), dataset(held=5)).real) == 10 + 30
    assert len(copies_of(scrawls(2, 9), dataset(held=15)).real) == 30


def test_pen_movements_between_lines_do_not_count():
    """Two lines side by side; the first row is drawn, the second is not."""
    lines = np.array([[0, 10, 1], [10, -10, 0], [0, 10, 1]], np.float64)
    points, sides = _shape(lines)
    assert sides.tolist() == [1, 1]
    assert set(np.abs(points[:, 0]).round(2)) == {0.5} and np.ptp(points[:, 1]) == 1


def test_the_nearest_pairs_are_written_as_a_picture(tmp_path):
    found = copies_of(scrawls(12, 9), dataset())
    found.picture(tmp_path / "pairs.svg")
    assert (tmp_path / "pairs.svg").read_text().count("in training") == 2
    lines = found.table()
    assert "drawn by the model (12)" in lines[1] and "real drawings (40)" in lines[2]


def test_a_run_warns_that_its_model_copies():
    said = []
    data = dataset()
    recorder = SimpleNamespace(
        new_drawings=[np.zeros((0, 3)), *data.train],
        dataset=data,
        folder=SimpleNamespace(path="models/own"),
        _note=lambda *note: said.append(note),
    )
    ChiefRecorder._say_copies(recorder, 99)
    ((step, tag, text),) = said
    assert (step, tag) == (99, "Copies") and "--log_root=models/own --copies" in text
    recorder.new_drawings = scrawls(20, 9)
    ChiefRecorder._say_copies(recorder, 99)
    assert len(said) == 1
    assert isinstance(copies_of(recorder.new_drawings, data), Copies)


@pytest.mark.parametrize("held", [5, 40])
@pytest.mark.parametrize("copied", range(0, 21, 2))
def test_the_quick_search_for_many_copies_agrees_with_all_distances(held, copied):
    data = dataset(held=held)
    drawn = [*list(data.train)[:copied], *scrawls(20 - copied, 9)]
    whole, found = copies_of(drawn, data), copies_if_many(drawn, data)
    assert (found is not None) == (whole.close_share >= MANY)
    if found is not None:
        assert found.verdict == whole.verdict


def test_few_real_drawings_are_enough_to_rule_out_copying(monkeypatch):
    compared, nearest = [], copies._Shapes.nearest
    monkeypatch.setattr(copies._Shapes, "nearest", lambda *a: compared.append(1) or nearest(*a))
    assert copies_if_many(scrawls(5, 9), dataset(held=100)) is None
    assert len(compared) < 5 + 100
