"""The model computes what the original computed: costs, mixtures, gradients, updates."""

import json
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from helpers import long_where, shared

from sketch_rnn.formats import original
from sketch_rnn.hparams import HParams
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.losses import floored
from sketch_rnn.model.mixture import split_output
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.noise import Noise
from sketch_rnn.model.packing import Batch, one_sketch_a_row, packed
from sketch_rnn.training.start import original_state
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

MODELS = ("lstm", "lstm_uncond", "layer_norm", "hyper")
EXECUTIONS = {
    "CPU": Execution.for_device(device="CPU"),
    "GPU": replace(Execution.for_device(device="GPU"), unroll=2),
}


class Case(NamedTuple):
    """One golden model, and what the original computed with it."""

    expected: dict
    original: original.Original

    @property
    def strokes5(self):
        return tf.constant(self.expected["input_data"], tf.float32)

    @property
    def lengths(self):
        return self.expected["sequence_lengths"].astype(np.int32)

    @property
    def noise(self):
        conditional = self.original.model.hparams.conditional
        return Noise(eps=tf.constant(self.expected["eps"]) if conditional else None)


@pytest.fixture(scope="module", params=EXECUTIONS)
def execution(request):
    return EXECUTIONS[request.param]


@pytest.fixture(scope="module", params=MODELS)
def case(request, execution):
    folder = shared(f"golden/{request.param}")
    with np.load(folder / "expected.npz") as file:
        return Case(dict(file), original.load(folder, execution))


def batches(case):
    """The case's batch in every packing that its execution reads."""
    steps = case.strokes5.shape[1] - 1
    packings = [one_sketch_a_row(tf.constant(case.lengths), steps)]
    if case.original.model.execution.packed:
        packings.append(packed(case.lengths, steps))
    for packing in packings:
        yield Batch(case.strokes5, tf.constant(case.lengths), packing)


def total_cost(case, step, batch):
    reconstruction, kl = step.model.forward.costs(batch, case.noise)
    return reconstruction + case.expected["kl_weight"] * floored(kl, step.hparams)


def test_costs(case):
    model = case.original.model
    found = model.forward.sketch_costs(Batch(case.strokes5, tf.constant(case.lengths)), case.noise)
    reconstruction = tf.reduce_mean(found.offset + found.pen)
    kl = floored(tf.reduce_mean(found.kl), model.hparams) if model.encoder else 0.0
    np.testing.assert_allclose(reconstruction, case.expected["r_cost"], rtol=1e-6)
    np.testing.assert_allclose(kl, case.expected["kl_cost"], rtol=1e-6)
    cost = reconstruction + case.expected["kl_weight"] * kl
    np.testing.assert_allclose(cost, case.expected["cost"], rtol=1e-6)


def test_mixture_parameters(case):
    output = case.original.model(next(batches(case)), case.noise).output
    mixture = split_output(tf.reshape(tf.transpose(output, [1, 0, 2]), [-1, output.shape[-1]]))
    ours = {
        "pen_logits": mixture.pen_logits,
        "pi": tf.nn.softmax(mixture.pi_logits),
        "mu1": mixture.mu_x,
        "mu2": mixture.mu_y,
        "sigma1": tf.exp(mixture.log_sigma_x),
        "sigma2": tf.exp(mixture.log_sigma_y),
        "corr": tf.tanh(mixture.rho_logit),
    }
    for name, value in ours.items():
        np.testing.assert_allclose(value, case.expected[name], atol=1e-5, rtol=0, err_msg=name)


def test_latent_and_states(case):
    model = case.original.model
    if not model.hparams.conditional:
        points = tf.transpose(case.strokes5[:, :-1], [1, 0, 2])
        _, final = model.decoder(points)
        np.testing.assert_allclose(final, case.expected["final_state"], atol=1e-5)
        return
    mu, logvar, z = model.forward.encode(next(batches(case)), case.noise)
    np.testing.assert_allclose(mu, case.expected["mean"], atol=1e-6)
    np.testing.assert_allclose(logvar, case.expected["presig"], atol=1e-6)
    np.testing.assert_allclose(z, case.expected["z"], atol=1e-6)
    initial = model.decoder.initial_state(z, len(z))
    np.testing.assert_allclose(initial, case.expected["initial_state"], atol=1e-6)
    _, final = model.decoder(tf.transpose(case.strokes5[:, :-1], [1, 0, 2]), z)
    np.testing.assert_allclose(final, case.expected["final_state"], atol=1e-5)


def skip_twice(case, compiled):
    """One program is compiled either way: once is enough."""
    if case.original.model.execution.programs == 1 and not compiled:
        pytest.skip("a single program is the same program whoever calls it")


@pytest.mark.parametrize("compiled", [False, True])
@long_where(
    lambda case, execution, compiled: (
        compiled and (execution, case) not in {("GPU", "lstm"), ("CPU", "lstm_uncond")}
    )
)
def test_gradients(case, compiled):
    skip_twice(case, compiled)
    model = case.original.model
    step = TrainStep(TrainState(model), seed=0)
    expected = original.gather(model, lambda name: case.expected["grad/" + name])
    for batch in batches(case):

        @tf.function(jit_compile=compiled)
        def gradients(batch=batch):
            with tf.GradientTape() as tape:
                cost = total_cost(case, step, batch)
            return tape.gradient(cost, [v.value for v in model.trainable_variables])

        for variable, ours, theirs in zip(
            model.trainable_variables, gradients(), expected, strict=True
        ):
            largest = np.abs(theirs).max()
            tolerance = (5 if compiled else 1) * 2e-5 * largest
            np.testing.assert_allclose(ours, theirs, atol=tolerance, rtol=0, err_msg=variable.path)


@pytest.mark.parametrize("compiled", [False, True])
@long_where(
    lambda case, execution, compiled: (
        (compiled and case != "lstm")
        if execution == "GPU"
        else (case in ("layer_norm", "hyper") or (case == "lstm" and not compiled))
    )
)
def test_three_updates(case, compiled):
    """By the trainer's own gradients and update; XLA may be five times as far away."""
    skip_twice(case, compiled)
    execution = case.original.model.execution
    restored = original.load(shared("golden") / folder_name(case), execution)
    step = TrainStep(original_state(restored, restored.model), seed=0)
    gradients, update = step.figures_and_gradients, step.update
    if compiled:
        gradients, update = (
            tf.function(gradients),
            tf.function(update, jit_compile=True),
        )
    batch = next(batches(case))
    kl_weight, rate = (
        tf.constant(case.expected[name], tf.float32) for name in ("kl_weight", "learning_rate")
    )
    costs = []
    for _ in range(3):
        (cost, _, _), found = gradients(batch, case.noise, kl_weight)
        update(found, rate)
        costs.append(float(cost))
    np.testing.assert_allclose(costs, case.expected["cost_over_3_steps"], rtol=1e-5)
    after = original.gather(restored.model, lambda name: case.expected["after3/" + name])
    tolerance = (5 if compiled else 1) * 1e-6
    for variable, theirs in zip(restored.model.trainable_variables, after, strict=True):
        np.testing.assert_allclose(variable, theirs, atol=tolerance, rtol=0, err_msg=variable.path)


def folder_name(case):
    hparams = case.original.model.hparams
    if not hparams.conditional:
        return "lstm_uncond"
    return hparams.dec_model


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 2_186_107),
        ({"conditional": False}, 1_123_963),
        ({"enc_model": "layer_norm", "dec_model": "layer_norm"}, 2_192_251),
        ({"enc_model": "layer_norm", "dec_model": "hyper"}, 3_480_699),
        ({"enc_model": "hyper"}, 3_648_891),
        ({"conditional": False, "dec_model": "hyper"}, 2_218_363),
    ],
)
def test_parameter_counts(changes, count):
    assert SketchRNN(HParams(**changes), seed=1).count_params() == count


def test_defaults_are_the_original_s():
    defaults = json.loads(shared("golden/data/hparams.json").read_text())["defaults"]
    ours = HParams().to_dict()
    assert {name: ours[name] for name in defaults} == defaults
