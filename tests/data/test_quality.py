"""Tests of the warnings about a data set: each is given only if it applies."""

import numpy as np
import pytest
from helpers import public

from sketch_rnn.convert.sheet import read
from sketch_rnn.convert.store import write_npz
from sketch_rnn.data import quality as checks
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.data.quality import dataset_warnings


def sketches(count, seed, rows=30):
    rng = np.random.default_rng(seed)
    low, high = (-90, -90, 0), (90, 90, 2)
    return [
        rng.integers(low, high, (rng.integers(rows - 5, rows), 3), np.int16) for _ in range(count)
    ]


@pytest.fixture
def warnings_of(tmp_path):
    def warnings_of(train, valid=None, test=None):
        splits = {
            "train": train,
            "valid": sketches(60, 1) if valid is None else valid,
            "test": sketches(60, 2) if test is None else test,
        }
        path = tmp_path / "a.npz"
        write_npz(path, {name: (len(split), split) for name, split in splits.items()})
        return dataset_warnings(read(path))

    return warnings_of


def test_a_good_data_set_gives_no_warnings(warnings_of):
    assert warnings_of(sketches(1200, 0)) == []


def test_splits_with_few_sketches_give_warnings(warnings_of):
    lines = warnings_of(sketches(30, 0), sketches(1, 1), sketches(2, 2))
    assert "few sketches: 30 to train on" in lines[0] and "`config=few`" in lines[0]
    assert "1 sketches in the valid split" in lines[1] and "`checkpoint=latest`" in lines[1]
    assert "only 2 sketches in the test split" in lines[2]
    assert len(lines) == 3


@pytest.mark.parametrize("count", [1, 2])
def test_repeated_splits_of_very_few_drawings_are_not_called_copies(warnings_of, count):
    lines = warnings_of(*[sketches(count, 0)] * 3)
    assert [line.split(":")[0] for line in lines] == [
        "few sketches",
        f"{count} sketches in the valid split are too few to judge which checkpoint is best; also "
        "look at what `checkpoint=latest` draws",
        f"only {count} sketches in the test split; its cost will be noisy",
    ]


def test_outliers_and_long_sketches_give_warnings(warnings_of):
    few = warnings_of([*sketches(1200, 0), *sketches(3, 3, rows=200)])
    assert len(few) == 1 and "N_max=199" in few[0] and "`max_points=29`" in few[0]
    many = warnings_of(sketches(1200, 0, rows=400))
    assert len(many) == 1 and many[0].startswith("long sketches: every step runs over N_max=399")


def test_copies_and_overlap_give_warnings(warnings_of):
    train = sketches(1200, 0)
    (line,) = warnings_of([*train, *train[:100]])
    assert "100 of 1300 sketches in the train split are copies" in line
    (line,) = warnings_of(train, test=[*sketches(60, 2), *train[:7]])
    assert "the test split shares 7 of its sketches with the train split" in line


def test_clipped_offsets_give_a_warning(warnings_of):
    train = sketches(1200, 0)
    train[5][3, 1] = -4000
    (line,) = warnings_of(train)
    assert "1 offsets in the train split reach 1000 or more" in line


def test_first_rows_with_a_position_give_a_warning(warnings_of):
    small = [sketch // np.int16([9, 9, 1]) for sketch in sketches(1200, 0)]
    (line,) = warnings_of([np.insert(s, 0, (400, 300, 0), axis=0) for s in small])
    assert "looks like the position of their first point" in line and "--first_row=place" in line


def test_public_data_sets_give_only_the_known_warnings():
    assert dataset_warnings(read(public("data/aaron_sheep.npz"))) == []
    kanji = dataset_warnings(read(public("data/short_kanji.npz")))
    assert [line.split(" of its")[0] for line in kanji] == [
        "the valid split shares 7",
        "the test split shares 1",
    ]


def test_in_a_very_large_data_set_only_some_blocks_are_checked(monkeypatch, tmp_path):
    sketches = np.empty(40, object)
    sketches[:] = [np.array([[i, 2, 0], [3, 4, 1]]) for i in [*range(20), *[7] * 20]]
    np.savez(tmp_path / "a.npz", train=sketches, valid=sketches[:2], test=sketches[:2])
    data = load_dataset("a.npz", tmp_path)
    monkeypatch.setattr(checks, "BLOCK", 4)
    assert any("20 of 40 sketches in the train" in line for line in dataset_warnings(data))
    monkeypatch.setattr(checks, "MAX_BLOCKS", 3)
    assert any("3 of 12 sketches in the train" in line for line in dataset_warnings(data))
