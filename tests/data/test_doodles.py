"""Tests of the embedded doodles: their format, and the script that draws them."""

import importlib.util

import numpy as np
import pytest
from helpers import ROOT

from sketch_rnn.data.dataset import load_dataset

FOLDER = ROOT / "datasets" / "doodles"
CATEGORIES = ["cat", "face", "fish", "flower", "house", "sailboat"]
SPLITS = {"train": 1000, "valid": 100, "test": 100}


@pytest.fixture(scope="module")
def doodles():
    """Return the sketches of each category and split."""
    read = {}
    for category in CATEGORIES:
        dataset = load_dataset(f"{category}.npz", FOLDER)
        for split in SPLITS:
            sketches = getattr(dataset, split)
            read[category, split] = [sketches[i] for i in range(len(sketches))]
    return read


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_doodles", ROOT / "scripts/make_doodles.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_one_small_file_per_category():
    assert sorted(path.stem for path in FOLDER.glob("*.npz")) == CATEGORIES
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000
    assert (FOLDER / "contact_sheet.png").stat().st_size < 100_000


def test_the_splits_have_the_documented_sizes(doodles):
    assert {key: len(value) for key, value in doodles.items()} == {
        (category, split): count for category in CATEGORIES for split, count in SPLITS.items()
    }


def test_every_sketch_is_short(doodles):
    lengths = [len(sketch) for sketches in doodles.values() for sketch in sketches]
    assert 30 < np.mean(lengths) < 45
    assert min(lengths) >= 5 and max(lengths) <= 64


def test_every_sketch_is_stroke_3_of_whole_numbers_in_a_box_of_255(doodles):
    for sketches in doodles.values():
        for sketch in sketches:
            points = np.cumsum(np.concatenate([[[0, 0]], sketch[:, :2]]), axis=0)
            assert np.array_equal(sketch, np.rint(sketch))
            assert 249 <= np.ptp(points, axis=0).max() <= 255  # simplified: a little may be cut off
            assert set(sketch[:, 2]) <= {0, 1} and sketch[-1, 2] == 1
            within_line = np.append(False, sketch[:-1, 2] == 0)
            assert (sketch[within_line, :2] != 0).any(axis=1).all()  # no point twice


def test_no_doodle_occurs_twice(doodles):
    every = [sketch.tobytes() for sketches in doodles.values() for sketch in sketches]
    assert len(set(every)) == len(every)


def test_sketches_of_a_category_vary_in_strokes_and_proportions(doodles):
    for category in CATEGORIES:
        sketches = doodles[category, "train"]
        assert len({sketch[:, 2].sum() for sketch in sketches}) >= 4
        path = [np.cumsum(sketch[:, :2], axis=0) for sketch in sketches]
        short_sides = [np.ptp(points, axis=0).min() for points in path]
        assert np.std(short_sides) > 10


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("split, first", [("train", 0), ("valid", 1000), ("test", 1100)])
def test_the_script_draws_the_sketches_in_the_files(script, doodles, category, split, first):
    for i in (0, 1, 99):
        drawn = script.doodle(category, first + i)
        assert drawn.dtype == np.int16
        np.testing.assert_array_equal(drawn, doodles[category, split][i])


def test_another_seed_draws_other_sketches(script):
    assert not np.array_equal(script.doodle("cat", 0, seed=1), script.doodle("cat", 0))


def test_the_script_writes_the_file_that_is_shipped(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "CATEGORIES", {"sailboat": script.CATEGORIES["sailboat"]})
    monkeypatch.setattr(script, "SPLITS", {"train": 3, "valid": 1, "test": 2})
    monkeypatch.setattr(script, "doodle", lambda category, i: np.eye(i + 2, 3, dtype=np.int16))
    script.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contact_sheet.png", "sailboat.npz"]
    dataset = load_dataset("sailboat.npz", tmp_path)
    sizes = [len(dataset.train), len(dataset.valid), len(dataset.test)]
    assert sizes == [3, 1, 2] and [len(dataset.test[i]) for i in range(2)] == [6, 7]
