"""The random numbers inside the model, as a stateless function of (seed, step).

The numbers for a sketch depend on its place in the whole batch, so several machines that share a
batch draw the same numbers as one machine would.

Legend: B batch, T time, U units, Z latent.
"""

from typing import NamedTuple

import tensorflow as tf

from sketch_rnn.hparams import HParams

SPLIT_STREAMS = {"train": 0, "valid": 1, "test": 2}  # the `stream` argument of `noise_key`
_STREAMS = ("eps", "forward_mask", "backward_mask", "decoder_mask", "input_mask", "output_mask")
_LEVELS = 2**16
_PHILOX = 1  # TensorFlow's number for the generator Philox (Salmon et al. 2011)
_BLOCK = 8  # the number of draws from one block of the generator


class Noise(NamedTuple):
    """The noise of one forward pass; None means no noise."""

    eps: tf.Tensor | None = None  # [B, Z], standard normal; None means zero
    forward_mask: tf.Tensor | None = None  # bool [B, T, U], recurrent dropout of the encoder
    backward_mask: tf.Tensor | None = None  # bool [B, T, U]
    decoder_mask: tf.Tensor | None = None  # bool [B, T, U], recurrent dropout of the decoder
    input_mask: tf.Tensor | None = None  # bool [B, T, 5 + Z], input dropout of the decoder
    output_mask: tf.Tensor | None = None  # bool [B, T, U], output dropout of the decoder


class Shard(NamedTuple):
    """The sketches `first` to `first + size` in a batch of `total` sketches."""

    first: tf.Tensor | int
    size: int
    total: int


def draw_noise(
    hparams: HParams, key: tf.Tensor, shard: Shard, steps: int, training: bool = True
) -> Noise:
    """Draw the noise that one step needs.

    Args:
      hparams: the hyperparameters, which say what kinds of dropout are on and how large the model
        is.
      key: int32 `[2]`, from `noise_key`.
      shard: the part of the batch, B sketches, to draw noise for.
      steps: T.
      training: False turns all dropout off.
    """
    keys = {name: tf.random.fold_in(key, i) for i, name in enumerate(_STREAMS)}
    drawn = {}

    def keep(name: str, width: int, keep_prob: float) -> None:
        drawn[name] = _dropout_mask(shard, steps, width, keys[name], keep_prob)

    if hparams.conditional:
        eps = tf.random.stateless_normal([shard.total, hparams.z_size], keys["eps"])
        drawn["eps"] = tf.slice(eps, [shard.first, 0], [shard.size, hparams.z_size])
    if training and hparams.use_recurrent_dropout:
        keep_prob = hparams.recurrent_dropout_prob
        if hparams.conditional:
            for name in ("forward_mask", "backward_mask"):
                keep(name, hparams.enc_rnn_size, keep_prob)
        keep("decoder_mask", hparams.dec_rnn_size, keep_prob)
    if training and hparams.use_input_dropout:
        width = 5 + (hparams.z_size if hparams.conditional else 0)
        keep("input_mask", width, hparams.input_dropout_prob)
    if training and hparams.use_output_dropout:
        keep("output_mask", hparams.dec_rnn_size, hparams.output_dropout_prob)
    return Noise(**drawn)


def noise_key(seed: int, stream: int, step: tf.Tensor) -> tf.Tensor:
    """Return the random key, int32 `[2]`, for a step in one of a run's streams.

    `SPLIT_STREAMS` lists the values of `stream`.
    """
    return tf.random.fold_in(tf.random.fold_in(tf.constant([seed, 0]), stream), step)


def _dropout_mask(
    shard: Shard, steps: int, width: int, key: tf.Tensor, keep_prob: float
) -> tf.Tensor:
    """Return a mask `[size, steps, width]` that is True with probability `keep_prob`.

    Each 32 random bits give two draws, so the probability is exact to within 2^-17.
    """
    blocks = -(-width // _BLOCK)  # of the generator, per step of a sketch
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=key)
    begin = tf.cast(shard.first * (steps * blocks), tf.uint64)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[shard.size, steps, blocks * _BLOCK // 2],
        key=key,
        counter=counter + tf.stack([begin, tf.zeros([], tf.uint64)]),
        alg=_PHILOX,
        dtype=tf.uint32,
    )
    halves = tf.reshape(tf.bitcast(bits, tf.uint16), [shard.size, steps, blocks * _BLOCK])
    threshold = max(round(keep_prob * _LEVELS), 1) - 1
    return halves[..., :width] <= tf.constant(threshold, tf.uint16)
