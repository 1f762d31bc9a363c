"""Tests with a TensorFlow build that cannot compile; only the speed differs.

The model computes what the original computed, trains and draws.
"""

import logging

import numpy as np
import pytest
import tensorflow as tf
from golden import cases
from golden.cases import case_of, recorded_of
from golden_models import as_stored, model_of, noise_of
from helpers import DOODLES

from sketch_rnn.errors import LOGGER
from sketch_rnn.formats import load_model
from sketch_rnn.hparams import HParams
from sketch_rnn.model.execution import Execution, has_xla
from sketch_rnn.model.losses import floored
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.packing import Batch
from sketch_rnn.model.sampling import _programs
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import train
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

long = pytest.mark.long
SMALL = {
    "data_set": ["cat.npz"],
    "num_steps": 3,
    "enc_rnn_size": 4,
    "dec_rnn_size": 8,
    "z_size": 2,
    "num_mixture": 2,
    "batch_size": 4,
    "max_seq_len": 40,
}


@pytest.fixture(scope="module", autouse=True)
def said():
    """Disable the compiler; yield the messages that the program prints meanwhile."""
    lines, function, handler = [], tf.function, logging.Handler()

    def refuse(*_):
        raise tf.errors.UnimplementedError(None, None, "Could not find compiler for platform Host")

    def without_xla(python_function=None, **options):
        return refuse if options.get("jit_compile") else function(python_function, **options)

    handler.emit = lambda record: lines.append(record.getMessage())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf, "function", without_xla)
        LOGGER.setLevel(logging.INFO)
        LOGGER.addHandler(handler)
        has_xla.cache_clear()
        _programs.clear()
        yield lines
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(logging.NOTSET)
    has_xla.cache_clear()
    _programs.clear()


def are_compiled(concrete):
    """Return whether a function, or a function that it calls, is marked for compiling."""
    functions = concrete.graph.as_graph_def().library.function
    return any(f.attr["_XlaMustCompile"].b for f in functions)


@pytest.mark.parametrize(
    "name", ["lstm", *(pytest.param(n, marks=long) for n in ("layer_norm", "hyper_dropout"))]
)
def test_a_step_without_xla_gives_the_results_of_the_original(name, assert_near):
    case, recorded = case_of(name), recorded_of(name)
    model = model_of(case)
    batch = Batch(tf.constant(cases.strokes5(case)), tf.constant(case.lengths, tf.int32))
    kl_weight = tf.constant(case.hparams["kl_weight_start"], tf.float32)

    @tf.function(autograph=False)
    def gradients():
        with tf.GradientTape() as tape:
            reconstruction, kl = model.forward.costs(batch, noise_of(case))
            cost = reconstruction + kl_weight * floored(kl, model.hparams)
        return cost, tape.gradient(cost, [v.value for v in model.trainable_variables])

    cost, found = gradients()
    assert not are_compiled(gradients.get_concrete_function())
    assert_near(cost, recorded["cost"], rtol=2e-6)
    for weight, ours in as_stored(model, found).items():
        theirs = recorded[f"grad/{weight}"]
        assert_near(ours, theirs, atol=2e-5 * max(np.abs(theirs).max(), 1e-3), name=weight)


@pytest.mark.parametrize(
    ("device", "precision"),
    [
        ("CPU", "bfloat16"),
        *(pytest.param("GPU", precision, marks=long) for precision in ("float32", "bfloat16")),
    ],
)
def test_every_execution_can_train_a_step_without_xla(device, precision):
    model = SketchRNN(HParams(**SMALL), seed=1)
    model = model.computed_by(Execution.for_device(precision, device))
    strokes5 = np.tile(np.float32([[[1, 0, 1, 0, 0]]]), (4, 9, 1))
    step = TrainStep(TrainState(model), seed=0)
    before = model.get_weights()
    batch = Batch(tf.constant(strokes5), tf.constant([8] * 4))
    assert np.isfinite(step(batch, step=0).costs().cost)
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_model_draws_without_xla_and_warns_once(said):
    has_xla.cache_clear()
    said.clear()
    model = SketchRNN(HParams(**SMALL), scale_factor=1.0, seed=1)
    (drawn,) = model.decode(num_samples=1, seed=1, max_len=9)
    (finished,) = model.complete(drawn[:3], num_samples=1, seed=1, max_len=9)
    assert len(drawn) and (finished[:3] == drawn[:3]).all()
    (told,) = said
    assert "cannot compile with XLA" in told and "Could not find compiler" in told


@long
def test_a_run_without_xla_trains_validates_and_draws(tmp_path):
    assert train(TrainOptions(tmp_path / "run", SMALL, str(DOODLES))) == 0
    model = load_model(tmp_path / "run")
    (drawn,) = model.decode(num_samples=1, seed=1, max_len=9)
    assert len(drawn) and np.isfinite(drawn).all()
