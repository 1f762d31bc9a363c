"""Tests of a model's initial weights."""

import re

import numpy as np
import pytest
import tensorflow as tf

from sketch_rnn.errors import UserError
from sketch_rnn.formats import original
from sketch_rnn.hparams import CELLS, PRECISIONS, HParams
from sketch_rnn.model import sampling
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.network import SketchRNN


def weights(cell, seed=1, **changes):
    """Return the initial weights by the original's names."""
    sizes = {"enc_rnn_size": 16, "dec_rnn_size": 32, "z_size": 12}
    model = SketchRNN(HParams(enc_model=cell, dec_model=cell, **sizes | changes), seed=seed)
    return {name: np.asarray(value)[part] for value, part, name in original._entries(model)}


def assert_glorot_uniform(value, name):
    """Check each half of the rows of a matrix; a vector's fan in and fan out are its length."""
    fans = value.shape if value.ndim == 2 else value.shape * 2
    limit = np.sqrt(6 / sum(fans))
    for rows in np.array_split(value, 2) if value.ndim == 2 else [value]:
        assert 0.9 * limit < np.abs(rows).max() <= limit, name
        assert np.abs(rows).mean() == pytest.approx(limit / 2, rel=0.15), name
        assert rows.mean() == pytest.approx(0, abs=limit / 4), name


def assert_gaussian(deviation):
    def check(value, name):
        assert value.std() == pytest.approx(deviation, rel=0.2), name
        assert np.abs(value).max() > 2 * deviation, name

    return check


def assert_orthogonal_by_gate(value, name):
    for gate in np.split(value, 4, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(len(gate)), atol=1e-5, err_msg=name)


def assert_all(number):
    return lambda value, name: np.testing.assert_array_equal(value, np.float32(number), name)


RULES = {
    r".*/W_xh": assert_glorot_uniform,
    r".*/W_hh": assert_orthogonal_by_gate,
    r".*Cell/bias": assert_all(0),
    r".*/output_[wb]": assert_glorot_uniform,
    r".*/(ENC_RNN_mu|ENC_RNN_sigma|linear)/super_linear_w": assert_gaussian(0.001),
    r".*/(ENC_RNN_mu|ENC_RNN_sigma|linear)/super_linear_b": assert_all(0),
    r".*/ln_gamma": assert_all(1),
    r".*/ln_beta": assert_all(0),
    r".*/zw/super_linear_w": assert_all(0),
    r".*/zw/super_linear_b": assert_all(1),
    r".*/alpha/super_linear_w": assert_all(0.1 / 32),
    r".*/zb/super_linear_w": assert_gaussian(0.01),
    r".*/beta/super_linear_w": assert_all(0),
}


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_initial_values_are_distributed_as_in_the_original(cell, conditional):
    for name, value in weights(cell, conditional=conditional).items():
        (check,) = (check for pattern, check in RULES.items() if re.fullmatch(pattern, name))
        check(value, name)


@pytest.mark.parametrize("cell", CELLS)
def test_no_two_initial_matrices_are_equal_and_a_seed_repeats_them(cell):
    first, again, other = weights(cell), weights(cell), weights(cell, seed=2)
    drawn = {}
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)
        if np.ptp(value) > 0:
            assert np.abs(value - other[name]).max() > 1e-4, name
            drawn.setdefault(value.shape, []).append(value)
    for values in drawn.values():
        for i, value in enumerate(values):
            assert all(np.abs(value - before).max() > 1e-4 for before in values[:i])


def test_a_model_without_an_encoder_says_so_when_asked_to_encode():
    model = SketchRNN(HParams(conditional=False, dec_rnn_size=4, num_mixture=1), seed=1)
    with pytest.raises(UserError, match="no encoder"):
        model.encode([np.ones((2, 3), np.int16)])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_gpu_products_are_rounded_to_the_precision_only_while_a_model_computes(
    precision, monkeypatch
):
    is_on, seen = tf.config.experimental.tensor_float_32_execution_enabled, []
    before = is_on()
    hparams = HParams(conditional=False, dec_rnn_size=4, num_mixture=1)
    model = SketchRNN(hparams, seed=1, execution=Execution.for_device(precision))
    monkeypatch.setattr(sampling, "decode", lambda *_, **__: seen.append(is_on()))
    assert is_on() == before
    model.decode()
    assert seen == [precision == "tf32"] and is_on() == before
