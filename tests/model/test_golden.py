"""The model computes what the original computed: costs, mixtures, gradients, updates."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from golden import cases
from golden.cases import case_of, recorded_of
from golden_models import as_digest, as_stored, model_of, noise_of
from helpers import SHARED, long_where, needs_xla

from sketch_rnn.formats import original
from sketch_rnn.hparams import HParams
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.forward import Noise
from sketch_rnn.model.losses import floored, split_output
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.packing import Batch, one_sketch_a_row, packed
from sketch_rnn.training.start import original_state
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

MODELS = ("lstm", "lstm_uncond", "layer_norm", "hyper")
SECOND_SET = SHARED / "golden"  # the same models, trained a little, where it is at hand
SECOND = [f"trained {name}" for name in MODELS] if SECOND_SET.exists() else []
EXECUTIONS = {
    "CPU": Execution.for_device(device="CPU"),
    "GPU": replace(Execution.for_device(device="GPU"), unroll=2),
}
PROGRAMS = [("CPU", False), ("CPU", True), ("GPU", True)]  # a GPU's is one, whoever calls it


class Case(NamedTuple):
    """A golden model, a batch, and what the original computed with them."""

    new_state: Callable[[], TrainState]  # of training, as it was before the updates
    model: SketchRNN
    strokes5: tf.Tensor
    lengths: np.ndarray
    noise: Noise
    kl_weight: float
    learning_rate: float
    expected: dict[str, np.ndarray]


def recorded(name, execution):
    """A model of `golden/cases.py`."""
    case = case_of(name)
    return Case(
        lambda: TrainState(model_of(case, execution)),
        model_of(case, execution),
        tf.constant(cases.strokes5(case)),
        np.array(case.lengths, np.int32),
        noise_of(case),
        case.hparams["kl_weight_start"],
        case.hparams["learning_rate"],
        recorded_of(name),
    )


def trained(name, execution):
    """A model of the second set."""
    folder = SECOND_SET / name
    with np.load(folder / "expected.npz") as file:
        found = {key.replace("after3/", "after/"): value for key, value in file.items()}
    model = original.load(folder, execution).model
    eps = tf.constant(found["eps"]) if model.hparams.conditional else None

    def new_state():
        restored = original.load(folder, execution)
        return original_state(restored, restored.model)

    return Case(
        new_state,
        model,
        tf.constant(found["input_data"], tf.float32),
        found["sequence_lengths"].astype(np.int32),
        Noise(eps=eps),
        float(found["kl_weight"]),
        float(found["learning_rate"]),
        found | {"costs": found["cost_over_3_steps"]},
    )


@pytest.fixture(scope="module", params=EXECUTIONS)
def execution(request):
    return EXECUTIONS[request.param]


@pytest.fixture(scope="module", params=[*MODELS, *SECOND])
def case(request, execution):
    name = request.param.removeprefix("trained ")
    return (recorded if name == request.param else trained)(name, execution)


def batches(case):
    """Return the case's batch in every packing that its execution accepts."""
    steps = case.strokes5.shape[1] - 1
    packings = [one_sketch_a_row(tf.constant(case.lengths), steps)]
    if case.model.execution.packed:
        packings.append(packed(case.lengths, steps))
    for packing in packings:
        yield Batch(case.strokes5, tf.constant(case.lengths), packing)


def total_cost(case, step, batch):
    reconstruction, kl = step.model.forward.costs(batch, case.noise)
    return reconstruction + case.kl_weight * floored(kl, step.hparams)


def test_costs_equal_those_of_the_original(case, assert_near):
    model = case.model
    found = model.forward.sketch_costs(Batch(case.strokes5, tf.constant(case.lengths)), case.noise)
    reconstruction = tf.reduce_mean(found.offset + found.pen)
    kl = floored(tf.reduce_mean(found.kl), model.hparams) if model.encoder else 0.0
    assert_near(reconstruction, case.expected["r_cost"], rtol=1e-6)
    assert_near(kl, case.expected["kl_cost"], rtol=1e-6)
    cost = reconstruction + case.kl_weight * kl
    assert_near(cost, case.expected["cost"], rtol=1e-6)


def test_mixture_parameters_equal_those_of_the_original(case, assert_near):
    output = case.model(next(batches(case)), case.noise).output
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
        assert_near(value, case.expected[name], atol=1e-5, name=name)


def test_latent_and_states_equal_those_of_the_original(case, assert_near):
    model = case.model
    if not model.hparams.conditional:
        points = tf.transpose(case.strokes5[:, :-1], [1, 0, 2])
        _, final = model.decoder(points)
        assert_near(final, case.expected["final_state"], atol=1e-5)
        return
    mu, logvar, z = model.forward.encode(next(batches(case)), case.noise)
    assert_near(mu, case.expected["mean"], atol=1e-6)
    assert_near(logvar, case.expected["presig"], atol=1e-6)
    assert_near(z, case.expected["z"], atol=1e-6)
    initial = model.decoder.initial_state(z, len(z))
    assert_near(initial, case.expected["initial_state"], atol=1e-6)
    _, final = model.decoder(tf.transpose(case.strokes5[:, :-1], [1, 0, 2]), z)
    assert_near(final, case.expected["final_state"], atol=1e-5)


@pytest.mark.parametrize(("execution", "compiled"), PROGRAMS, indirect=["execution"])
@long_where(
    lambda case, execution, compiled: (
        case in SECOND
        or (compiled and (execution, case) not in {("GPU", "lstm"), ("CPU", "lstm_uncond")})
    )
)
def test_gradients_equal_those_of_the_original(case, compiled, assert_near):
    if compiled:
        needs_xla()
    model = case.model
    step = TrainStep(TrainState(model), seed=0)
    for batch in batches(case):

        @tf.function(jit_compile=compiled)
        def gradients(batch=batch):
            with tf.GradientTape() as tape:
                cost = total_cost(case, step, batch)
            return tape.gradient(cost, [v.value for v in model.trainable_variables])

        for name, ours in as_stored(model, gradients()).items():
            theirs = as_digest(name, case.expected[f"grad/{name}"])
            tolerance = (5 if compiled else 1) * 2e-5 * np.abs(theirs).max()
            assert_near(ours, theirs, atol=tolerance, name=name)


@pytest.mark.parametrize(("execution", "compiled"), PROGRAMS, indirect=["execution"])
@long_where(
    lambda case, execution, compiled: (
        case != "lstm"
        if execution == "GPU"
        else case in (*SECOND, "layer_norm", "hyper") or (case == "lstm" and not compiled)
    )
)
def test_three_updates_equal_those_of_the_original(case, compiled, assert_near):
    """Gradients and updates are the trainer's own; the tolerance is five times larger with XLA."""
    step = TrainStep(case.new_state(), seed=0)
    gradients, update = step.costs_and_gradients, step.update
    if compiled:
        needs_xla()
        gradients, update = (
            tf.function(gradients),
            tf.function(update, jit_compile=True),
        )
    batch = next(batches(case))
    kl_weight, rate = tf.constant(case.kl_weight), tf.constant(case.learning_rate)
    costs = []
    for _ in range(3):
        (cost, _, _), found = gradients(batch, case.noise, kl_weight)
        update(found, rate)
        costs.append(float(cost))
    assert_near(costs, case.expected["costs"], rtol=1e-5)
    tolerance = (5 if compiled else 1) * 1e-6
    for name, ours in as_stored(step.model, step.model.trainable_variables).items():
        theirs = as_digest(name, case.expected[f"after/{name}"])
        assert_near(ours, theirs, atol=tolerance, name=name)


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
def test_parameter_counts_equal_those_of_the_original(changes, count):
    assert SketchRNN(HParams(**changes), seed=1).count_params() == count
