"""Files from version 0.1.0, before its modules moved, still load, draw the same and resume."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import FIXTURES, long_where

from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.formats import load_model
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import train

WRITTEN = FIXTURES / "written_by_0.1.0"
Z = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)
CELLS = ["lstm", "layer_norm"]


def assert_draws_as_then(model, cell):
    with np.load(WRITTEN / "drawn.npz") as drawn:
        for number, sketch in enumerate(model.decode(z=Z, temperature=0.5, seed=7)):
            np.testing.assert_allclose(sketch, drawn[f"{cell}/{number}"], rtol=1e-5, atol=1e-5)
        mu, _ = model.encode([load_dataset("tiny.npz", WRITTEN).test[0]])
        np.testing.assert_allclose(mu, drawn[f"{cell}/mu"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_an_old_run_draws_the_same(cell):
    assert_draws_as_then(load_model(WRITTEN / cell), cell)


@pytest.mark.parametrize("load", [load_model, keras.saving.load_model])
@pytest.mark.parametrize("cell", CELLS)
def test_an_old_keras_file_draws_the_same(cell, load):
    assert_draws_as_then(load(WRITTEN / f"{cell}.keras"), cell)


def test_an_old_browser_model_has_the_same_weights():
    ours, theirs = (load_model(WRITTEN / name).decoder for name in ("lstm.gen.json", "lstm"))
    for one, other in zip(
        ours.output_layer.get_weights(), theirs.output_layer.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_an_old_saved_model_encodes_the_same():
    sketch = load_dataset("tiny.npz", WRITTEN).test[0]
    encode = tf.saved_model.load(WRITTEN / "lstm_served").signatures["encode"]
    found = encode(strokes=tf.constant(sketch[None]), lengths=tf.constant([len(sketch)]))
    with np.load(WRITTEN / "drawn.npz") as drawn:
        np.testing.assert_allclose(found["mu"], drawn["lstm/mu"], atol=1e-5)


# Figures that came after these runs.
LATER = {"Clipped_Gradients", "Valid_KL_Sum", "Unused_Dimensions", "Random_Z_Recovered"}


@pytest.mark.parametrize("cell", CELLS)
@long_where(lambda cell: cell == "layer_norm")
def test_an_old_run_can_be_resumed(cell, tmp_path):
    folder = shutil.copytree(WRITTEN / cell, tmp_path / "run")
    assert train(TrainOptions(folder, {"num_steps": 9}, WRITTEN, resume=True)) == 0
    found, expected = (
        [json.loads(line) for line in path.open()]
        for path in (folder / "metrics.jsonl", WRITTEN / f"{cell}_on.jsonl")
    )
    assert [row["step"] for row in found] == [row["step"] for row in expected] == [0, 3, 5, 6, 8]
    for ours, theirs in zip(found, expected, strict=True):
        assert set(theirs) <= set(ours) <= set(theirs) | LATER
        for tag in theirs:
            if not tag.startswith("Time_Taken"):
                assert ours[tag] == pytest.approx(theirs[tag], rel=1e-5), tag
