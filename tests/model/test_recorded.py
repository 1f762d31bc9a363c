"""The model computes what the original computed, as `scripts/record_original` recorded it.

The cases of `golden/cases.py` vary architectures, dropouts, lengths and batch sizes. They run here
without compiling; `test_golden.py` compares compiled programs, as users run them.
"""

import numpy as np
import pytest
import tensorflow as tf
from golden import cases
from golden.cases import case_of, recorded_of
from golden_models import as_stored, model_of, noise_of

from sketch_rnn.model.losses import split_output
from sketch_rnn.model.packing import Batch
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

WHOLE = [case.name for case in cases.CASES]
RANDOM = [case.name for case in cases.RANDOM_CASES]


def batch_of(case):
    return Batch(tf.constant(cases.strokes5(case)), tf.constant(case.lengths, tf.int32))


def check_costs_and_gradients(case, step, assert_near):
    """Compare a step's figures and gradients; return both."""
    recorded = recorded_of(case.name)
    kl_weight = tf.constant(case.hparams["kl_weight_start"], tf.float32)
    figures, gradients = step.costs_and_gradients(batch_of(case), noise_of(case), kl_weight)
    for ours, theirs in zip(figures, ("cost", "r_cost", "kl_cost"), strict=True):
        assert_near(ours, recorded[theirs], rtol=2e-6, atol=1e-7, name=theirs)
    for weight, ours in as_stored(step.model, gradients).items():
        theirs = recorded[f"grad/{weight}"]
        tolerance = 2e-5 * max(np.abs(theirs).max(), 1e-3)
        assert_near(ours, theirs, atol=tolerance, name=weight)
    return figures, gradients


def check_updates(case, step, figures, gradients, assert_near):
    """Compare costs and weights over three updates, of which the first has these gradients.

    Elements whose gradient is zero except for rounding are left out, since Adam moves them by the
    learning rate in either direction.
    """
    recorded = recorded_of(case.name)
    kl_weight = tf.constant(case.hparams["kl_weight_start"], tf.float32)
    rate = tf.constant(case.hparams["learning_rate"], tf.float32)
    costs = [float(figures[0])]
    for _ in range(1, cases.UPDATES):
        step.update(gradients, rate)
        figures, gradients = step.costs_and_gradients(batch_of(case), noise_of(case), kl_weight)
        costs.append(float(figures[0]))
    step.update(gradients, rate)
    assert_near(costs, recorded["costs"], rtol=1e-5)
    for weight, ours in as_stored(step.model, step.model.trainable_variables).items():
        theirs, gradient = recorded[f"after/{weight}"], np.abs(recorded[f"grad/{weight}"])
        decided = gradient >= 1e-4 * gradient.max()
        assert decided.mean() > 0.5
        assert_near(ours[decided], theirs[decided], atol=3e-6, name=weight)


@pytest.mark.parametrize("name", [*WHOLE, *RANDOM])
def test_costs_gradients_and_updates_equal_those_of_the_original(name, assert_near):
    case = case_of(name)
    step = TrainStep(TrainState(model_of(case)), seed=0)
    figures, gradients = check_costs_and_gradients(case, step, assert_near)
    if name in WHOLE:
        check_updates(case, step, figures, gradients, assert_near)


@pytest.mark.parametrize("name", WHOLE)
def test_mixtures_and_latents_equal_those_of_the_original(name, assert_near):
    case, recorded = case_of(name), recorded_of(name)
    model = model_of(case)
    output, mu, logvar = model(batch_of(case), noise_of(case))
    rows = tf.reshape(tf.transpose(output, [1, 0, 2]), [-1, output.shape[-1]])
    mixture = split_output(rows)
    ours = {
        "pen_logits": mixture.pen_logits,
        "pi": tf.nn.softmax(mixture.pi_logits),
        "mu1": mixture.mu_x,
        "mu2": mixture.mu_y,
        "sigma1": tf.exp(mixture.log_sigma_x),
        "sigma2": tf.exp(mixture.log_sigma_y),
        "corr": tf.tanh(mixture.rho_logit),
    }
    if case.hparams["conditional"]:
        ours |= {"mean": mu, "presig": logvar}
    for key, value in ours.items():
        assert_near(value, recorded[key], atol=1e-5, rtol=1e-5, name=key)


def near(ours, theirs, name="", atol=0.0, rtol=0.0):
    """Compare as `assert_near` does, but leave it out of the summary."""
    np.testing.assert_allclose(ours, theirs, atol=atol, rtol=rtol, err_msg=name)


@pytest.mark.parametrize("name", ["recurrent_dropout", "layer_norm_dropout", "hyper_dropout"])
@pytest.mark.parametrize("weight", ["output", "w_xh", "w_hh", "w_xh of the encoder"])
def test_an_error_of_0_0001_in_one_weight_is_noticed(name, weight):
    """The comparisons above notice such an error in each of the cells."""
    case = case_of(name)
    model = model_of(case)
    variable = {
        "output": model.decoder.output_layer.kernel,
        "w_xh": model.decoder.recurrent.w_xh,
        "w_hh": model.decoder.recurrent.w_hh,
        "w_xh of the encoder": model.encoder.forward.w_xh,
    }[weight]
    values = variable.numpy()
    values[1, 2] += 1e-4
    variable.assign(values)
    step = TrainStep(TrainState(model), seed=0)
    with pytest.raises(AssertionError):
        check_updates(case, step, *check_costs_and_gradients(case, step, near), near)
