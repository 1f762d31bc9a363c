"""Tests of the loss: its formulas, the terms left out, and finite values in extreme cases."""

import importlib.util
import math

import numpy as np
import pytest
import tensorflow as tf
from helpers import ROOT

from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses


@pytest.fixture(scope="module")
def fuzz_loss():
    spec = importlib.util.spec_from_file_location("fuzz_loss", ROOT / "scripts" / "fuzz_loss.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_extreme_losses_are_finite_and_other_losses_are_exact(fuzz_loss):
    broken, worst = fuzz_loss.fuzz(3000, seed=7)
    assert broken == 0 and worst < 1


def test_the_oracle_is_a_density(fuzz_loss):
    output = np.zeros([1, 3 + 6 * fuzz_loss.MIXTURES], np.float32)
    output[:, -fuzz_loss.MIXTURES :] = 0.7  # rho
    axis = np.arange(-6, 6, 0.05)
    points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    target = np.hstack([points, np.tile([1, 0, 0], [len(points), 1])])
    loss = fuzz_loss.oracle(np.repeat(output, len(points), 0), target) - math.log(3)
    total = (np.exp(-loss) - fuzz_loss.DENSITY_FLOOR).sum() * 0.05**2
    assert total == pytest.approx(1, abs=1e-3)


def cost(output, target):
    return float(losses.reconstruction_cost(tf.constant(output), tf.constant(target)))


def points(*pens):
    """Return targets `[T, 1, 5]` at the origin, for pen states 0 down, 1 lifted and 2 end."""
    target = np.zeros([len(pens), 1, 5], np.float32)
    target[:, 0, 2:] = np.eye(3)[list(pens)]
    return target


def test_the_density_has_a_floor():
    output = np.zeros([1, 1, 9], np.float32)
    output[..., 4:6] = 1e6  # mu, far from the point
    assert cost(output, points(0)) == pytest.approx(math.log(3) - math.log(1e-6), rel=1e-6)


def test_an_end_of_sketch_has_a_pen_loss_and_no_offset_loss():
    output = np.zeros([3, 1, 9], np.float32)
    offset = math.log(2 * math.pi)
    expected = (3 * math.log(3) + offset) / 3
    assert cost(output, points(0, 2, 2)) == pytest.approx(expected, rel=1e-5)


def test_kl_is_that_of_a_gaussian_from_the_prior():
    rng = np.random.default_rng(1)
    mu, logvar = rng.normal(size=[2, 5, 3])
    expected = ((np.exp(logvar) + mu**2 - 1 - logvar) / 2).mean(axis=0)
    found = tf.reduce_mean(losses.kl_divergence(tf.constant(mu), tf.constant(logvar)), axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert float(losses.kl_cost(tf.constant(mu), tf.constant(logvar))) == pytest.approx(
        expected.mean()
    )


def test_schedules_start_and_end_at_the_given_values():
    hparams = HParams(
        learning_rate=0.01,
        min_learning_rate=0.001,
        kl_weight=0.5,
        kl_weight_start=0.1,
        decay_rate=0.99,
        kl_decay_rate=0.99,
    )
    assert losses.learning_rate(hparams, 0) == pytest.approx(0.01)
    assert losses.kl_weight(hparams, 0) == pytest.approx(0.1)
    assert losses.learning_rate(hparams, 1) == pytest.approx(0.001 + 0.009 * 0.99)
    assert losses.kl_weight(hparams, 1) == pytest.approx(0.5 - 0.4 * 0.99)
    assert losses.learning_rate(hparams, 10**6) == pytest.approx(0.001)
    assert losses.kl_weight(hparams, 10**6) == pytest.approx(0.5)
