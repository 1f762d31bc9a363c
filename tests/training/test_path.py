"""The files that a training step passes through, from its data set to the update of the weights."""

import re

import numpy as np
import pytest
import tensorflow as tf
from helpers import ROOT, called_files

from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.training import run
from sketch_rnn.training.devices import set_up_devices
from sketch_rnn.training.options import TrainOptions

PAGE = ROOT / "docs" / "architecture.md"
# These find the file, check settings, choose the device, or record a run.
PASSED_BY_NO_DRAWING = {
    "data/download.py",
    "errors.py",
    "files.py",
    "hparams.py",
    "shipped.py",
    "training/devices.py",
}
SMALL = {
    "data_set": ["tiny.npz"],
    "num_steps": 1,
    "enc_rnn_size": 2,
    "dec_rnn_size": 3,
    "z_size": 2,
    "num_mixture": 1,
    "batch_size": 2,
}


class Silent:
    """A recorder that records nothing."""


@pytest.fixture
def eagerly():
    """Run the step operation by operation, which takes less time than compiling it."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_a_step_passes_through_the_fifteen_files_on_the_page(tmp_path, eagerly):
    sketch = np.array([[1, 2, 0], [3, 4, 0], [-1, 0, 1]], np.int16)
    sketches = np.array([sketch, sketch[:2], sketch[1:]], object)
    np.savez(tmp_path / "tiny.npz", train=sketches, valid=sketches, test=sketches)
    start = run.begin(TrainOptions(tmp_path / "run", SMALL, data_dir=tmp_path))
    loop = run.Loop(RunFolder(tmp_path / "run"), start, set_up_devices("one"), Silent())

    def one_step():
        for step, shards in loop._batches():
            loop._begin_step(step, shards)

    before = start.state.model.get_weights()
    reading, _ = called_files(lambda: load_dataset("tiny.npz", tmp_path))
    training, _ = called_files(one_step)
    assert any((a != b).any() for a, b in zip(before, start.state.model.get_weights(), strict=True))
    text = PAGE.read_text().split("## How a training step runs\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+/[\w/]+\.py)`", text))
    passed = (reading | training) - PASSED_BY_NO_DRAWING
    assert len(passed) == 15
    assert passed <= named
    assert named - passed == {"cli/train.py", "training/start.py", "training/record.py"}
