"""Noise depends only on (seed, stream, step), and has the right frequencies."""

import numpy as np
import pytest
import tensorflow as tf

from sketch_rnn.hparams import HParams
from sketch_rnn.model.forward import Shard, draw_noise, noise_key

EVERY = HParams(
    use_input_dropout=True,
    use_output_dropout=True,
    enc_rnn_size=32,
    dec_rnn_size=32,
    z_size=16,
    recurrent_dropout_prob=0.9,
    input_dropout_prob=0.7,
    output_dropout_prob=0.3,
)


WHOLE = Shard(0, 20, 20)


def draw(hparams=EVERY, seed=1, stream=0, step=0, training=True, shard=WHOLE):
    key = noise_key(seed, stream, tf.constant(step, tf.int64))
    return draw_noise(hparams, key, shard, 50, training)


def test_noise_depends_only_on_seed_stream_and_step():
    for one, again in zip(draw(), draw(), strict=True):
        np.testing.assert_array_equal(one, again)
    for other in (draw(seed=2), draw(stream=1), draw(step=1)):
        for one, different in zip(draw(), other, strict=True):
            assert (one.numpy() != different.numpy()).mean() > 0.1


@pytest.mark.parametrize(
    "name, keep_prob, shape",
    [
        ("forward_mask", 0.9, (20, 50, 32)),
        ("backward_mask", 0.9, (20, 50, 32)),
        ("decoder_mask", 0.9, (20, 50, 32)),
        ("input_mask", 0.7, (20, 50, 21)),
        ("output_mask", 0.3, (20, 50, 32)),
    ],
)
def test_masks_keep_values_with_the_given_probability(name, keep_prob, shape):
    mask = getattr(draw(), name).numpy()
    assert mask.shape == shape and mask.dtype == bool
    deviation = np.sqrt(keep_prob * (1 - keep_prob) / mask.size)
    assert abs(mask.mean() - keep_prob) < 4 * deviation
    along_time = (mask[:, 1:] != mask[:, :-1]).mean()
    assert along_time == pytest.approx(2 * keep_prob * (1 - keep_prob), abs=0.02)


def test_the_smallest_keep_probability_drops_almost_everything():
    mask = draw(HParams(recurrent_dropout_prob=1e-9)).decoder_mask.numpy()
    assert mask.mean() < 1e-3


def test_the_masks_are_independent_of_each_other():
    noise = draw()
    agree = (noise.forward_mask.numpy() == noise.backward_mask.numpy()).mean()
    assert agree == pytest.approx(0.9**2 + 0.1**2, abs=0.02)


def test_eps_is_standard_normal():
    eps = np.concatenate([draw(step=step).eps for step in range(50)])
    assert eps.shape == (1000, 16)
    assert abs(eps.mean()) < 0.03 and abs(eps.std() - 1) < 0.03


def test_validation_draws_only_eps():
    noise = draw(training=False)
    assert noise.eps is not None and all(mask is None for mask in noise[1:])


def test_noise_that_is_turned_off_is_not_drawn():
    noise = draw(HParams(conditional=False, use_recurrent_dropout=False))
    assert all(part is None for part in noise)


@pytest.mark.parametrize("first", [0, 5, 15])
def test_a_shard_gets_the_same_noise_as_in_the_whole_batch(first):
    shard = draw(shard=Shard(tf.constant(first), 5, 20))
    for part, whole in zip(shard, draw(), strict=True):
        np.testing.assert_array_equal(part, whole[first : first + 5])
