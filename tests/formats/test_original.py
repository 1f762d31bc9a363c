"""Folders of the original are read wherever they are, and can be resumed."""

import json
import signal

import numpy as np
import pytest
import tensorflow as tf
from golden.cases import case_of
from golden_models import model_of, original_run
from helpers import DOODLES

from sketch_rnn import load_model
from sketch_rnn.errors import UserError
from sketch_rnn.formats import original
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.training.metrics import MetricWriter
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import begin as begin_run

DRAWINGS = str(DOODLES)
CATS = {"data_set": ["cat.npz"]}


def begin(folder, overrides=CATS, data_dir=DRAWINGS, resume=True, **options):
    return begin_run(TrainOptions(folder, overrides, data_dir, resume=resume, **options))


def moved(name, folder):
    """Write a golden model, as the original left it, to another folder."""
    return original_run(name, folder)


CONFIGS = {
    "none": None,
    "a list": ["data_set", "dec_model", "kl_weight"],
    "0 and 1": {"conditional": 1, "use_recurrent_dropout": 0, "is_training": 1},
    "of another model": {"dec_model": "lstm", "enc_rnn_size": 999, "z_size": 3},
    "an unknown key": {"colour": "red"},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("checkpoint", [None, "somewhere/else/vector-150"])
def test_the_architecture_is_read_from_the_tensors(tmp_path, caplog, config, checkpoint):
    folder = moved("hyper", tmp_path / "moved")
    (folder / "model_config.json").unlink()
    (folder / "checkpoint").unlink()
    if config is not None:
        (folder / "model_config.json").write_text(json.dumps(config))
    if checkpoint:
        (folder / "checkpoint").write_text(f'model_checkpoint_path: "/{checkpoint}"\n')
    model = load_model(folder)
    hparams = model.hparams
    assert (hparams.dec_model, hparams.dec_rnn_size) == ("hyper", 24)
    assert (hparams.enc_model, hparams.enc_rnn_size) == ("layer_norm", 12)
    assert (hparams.conditional, hparams.z_size, hparams.num_mixture) == (True, 6, 5)
    assert hparams.use_recurrent_dropout == (config is not CONFIGS["0 and 1"])
    assert model.scale_factor is None
    for ours, theirs in zip(
        model.get_weights(), model_of(case_of("hyper")).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    warnings = caplog.text
    assert "kl_weight" in warnings and "using the defaults" in warnings
    assert ("colour" in warnings) == (config is CONFIGS["an unknown key"])


@pytest.mark.parametrize("name", ["lstm", "lstm_uncond", "layer_norm", "hyper"])
def test_training_resumes_with_the_moments_of_adam(tmp_path, name):
    folder = moved(name, tmp_path / "moved")
    state, config, _ = begin(folder, seed=5)
    reader = tf.train.load_checkpoint(str(folder / "vector-150"))
    assert int(state.step) == int(state.optimizer.iterations) == 150
    for ours, scope, suffix in (
        (state.model.trainable_variables, "", ""),
        (original.adam_moments(state.optimizer, "momentum"), "vector_rnn/", "/Adam"),
        (original.adam_moments(state.optimizer, "velocity"), "vector_rnn/", "/Adam_1"),
    ):
        theirs = original.gather(
            state.model, lambda name, scope=scope: reader.get_tensor(scope + name), suffix
        )
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)
    assert (config.seed, config.hparams.data_set) == (5, ("cat.npz",))


def test_hyperparameters_missing_from_a_folder_can_be_given(tmp_path):
    overrides = CATS | {"batch_size": 7, "use_recurrent_dropout": False}
    folder = moved("layer_norm", tmp_path / "list")
    _, config, _ = begin(folder, overrides)
    assert (config.hparams.batch_size, config.hparams.use_recurrent_dropout) == (7, False)
    folder = moved("lstm", tmp_path / "dictionary")
    with pytest.raises(UserError, match="batch_size is 4"):
        begin(folder, overrides)


def test_the_curves_of_the_original_are_not_changed(tmp_path):
    path = tmp_path / "events.out.tfevents.1500000000.host"
    with tf.io.TFRecordWriter(str(path)) as writer:
        value = tf.compat.v1.Summary.Value(tag="Train_Cost", simple_value=1.0)
        event = tf.compat.v1.Event(step=160, summary=tf.compat.v1.Summary(value=[value]))
        writer.write(event.SerializeToString())
    before = path.read_bytes()
    MetricWriter(tmp_path, first_step=150).close()
    assert path.read_bytes() == before


def assert_same_state(one, other):
    assert int(one.step) == int(other.step)
    ours, theirs = (state.checkpoint.model.get_weights() for state in (one, other))
    ours += one.optimizer.variables
    theirs += other.optimizer.variables
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_kill_before_the_first_save_does_not_lose_the_weights_of_the_original(tmp_path):
    folder = RunFolder(moved("lstm", tmp_path / "moved"))
    state, config, _ = begin(folder.path)
    folder.create(config, state.checkpoint, int(state.step))
    again, config_again, _ = begin(folder.path, {}, None)
    assert_same_state(state, again)
    assert config_again == config


def test_a_kill_while_a_run_starts_leaves_the_folder_of_the_original_resumable(
    tmp_path, monkeypatch
):
    folder = RunFolder(moved("lstm", tmp_path / "moved"))
    state, config, _ = begin(folder.path)
    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(RunFolder, "sync", lambda *_: signal.raise_signal(signal.SIGINT))
            original.keep_config(folder.path)
            folder.create(config, state.checkpoint, int(state.step))
        again, config_again, _ = begin(folder.path)
        assert_same_state(state, again)
        assert config_again == config
    folder.create(config, state.checkpoint, int(state.step))
    assert load_model(folder.path).hparams.batch_size == 4


def test_a_kill_before_the_first_save_does_not_lose_the_initial_weights(tmp_path):
    source = original_run("hyper", tmp_path / "source")
    folder = RunFolder(tmp_path / "run")
    state, config, _ = begin(folder.path, resume=False, init_from=source)
    with folder.lock():
        folder.create(config, state.checkpoint, int(state.step))
    again, _, _ = begin(folder.path, {}, None)
    assert_same_state(state, again)
    for ours, theirs in zip(
        again.model.get_weights(), load_model(source).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
