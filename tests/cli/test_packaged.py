"""Tests of the packaged model and drawings, with which a new install draws offline."""

import json
import re

import numpy as np
import pytest
from helpers import DOODLES, read_npz

from sketch_rnn import load_model
from sketch_rnn.cli.sample import main
from sketch_rnn.data import catalog
from sketch_rnn.sampling.ready import first_half

CATEGORIES = ["cat", "face", "fish", "flower", "house", "sailboat"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawn(*flags):
    assert main([*flags, "--output=drawn.json", "--overwrite"]) == 0
    return [np.array(sketch) for sketch in json.load(open("drawn.json"))["sketches"]]


def test_the_packaged_model_draws_the_same_with_the_same_seed():
    drawings = drawn("--num_samples=6", "--seed=1")
    assert len(drawings) == 6 and all(4 < len(sketch) <= 64 for sketch in drawings)
    again = drawn("--num_samples=6", "--seed=1", "--model_dir=doodles")
    assert all(np.array_equal(a, b) for a, b in zip(drawings, again, strict=True))


def test_drawings_differ_each_time_and_the_printed_seed_repeats_them(capsys):
    first, line = drawn(), capsys.readouterr().out
    (seed,) = re.findall(r"^wrote drawn.json \((--seed=\d+) draws the same again\)$", line, re.M)
    other = drawn()
    capsys.readouterr()
    again = drawn(seed)
    assert capsys.readouterr().out == "wrote drawn.json\n"
    assert [a.tolist() for a in again] == [a.tolist() for a in first]
    assert [a.tolist() for a in other] != [a.tolist() for a in first]


def test_the_packaged_drawings_are_the_default_inputs():
    assert len(drawn("--mode=reconstruct", "--num_samples=3")) == 3
    assert len(drawn("--mode=interpolate", "--steps=4")) == 4
    assert main(["--mode=encode", "--output=z.npz"]) == 0
    with np.load("z.npz") as file:
        assert len(file["mu"]) == 12


def test_complete_starts_from_the_first_half_of_a_packaged_drawing():
    found = drawn("--mode=complete", "--num_samples=2", "--index=0")
    half = first_half(read_npz(catalog.PACKAGED_DRAWINGS_PATH)["test"][0])
    for sketch in found:
        np.testing.assert_array_equal(sketch[: len(half)], half)
        assert len(sketch) > len(half)


@pytest.mark.parametrize(
    ("lifted", "expected"),
    [([0, 1, 0, 0, 1, 0, 0, 1], 5), ([0, 0, 0, 1], 2), ([1], 1), ([1, 0, 0, 0, 0, 0, 1], 1)],
)
def test_the_first_half_ends_with_the_line_that_ends_nearest_to_the_middle(lifted, expected):
    sketch = np.column_stack([np.ones((len(lifted), 2)), lifted])
    assert len(first_half(sketch)) == expected


def test_the_package_holds_a_model_and_two_drawings_of_each_category():
    model = load_model()
    assert model.hparams.conditional and model.scale_factor > 1
    assert sorted(model.hparams.data_set) == [f"{name}.npz" for name in CATEGORIES]
    folder = catalog.PACKAGED_MODEL_PATH.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3_000_000
    assert "CC0" in (folder / "LICENSE").read_text()
    packaged = read_npz(catalog.PACKAGED_DRAWINGS_PATH)["test"]
    known = [read_npz(DOODLES / f"{name}.npz")["test"][:2] for name in CATEGORIES]
    for ours, theirs in zip(packaged, [s for sketches in known for s in sketches], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_z_of_the_packaged_model_identifies_most_categories():
    """The nearest mean z gives the right category for 0.78 of the test drawings; chance is 0.17."""
    model = load_model()
    mus = [model.encode(read_npz(DOODLES / f"{name}.npz")["test"])[0] for name in CATEGORIES]
    means = np.stack([mu.mean(axis=0) for mu in mus])
    right = [
        np.linalg.norm(mu[:, None] - means, axis=-1).argmin(axis=1) == number
        for number, mu in enumerate(mus)
    ]
    assert np.mean(right) > 0.7
