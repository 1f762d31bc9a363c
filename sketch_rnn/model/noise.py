"""Everything random inside the model, drawn as a stateless function of (seed, step).

What a sketch gets depends on its place in the whole batch, so that several machines draw the
shards of a batch as one machine draws it whole.

Legend: B batch, T time, U units, Z latent.
"""

from typing import NamedTuple

import tensorflow as tf

from sketch_rnn.hparams import HParams

SPLIT_STREAMS = {"train": 0, "valid": 1, "test": 2}  # of a run, for `noise_key`
_STREAMS = ("eps", "forward_mask", "backward_mask", "decoder_mask", "input_mask", "output_mask")
_LEVELS = 2**16
_PHILOX = 1  # TensorFlow's number of the generator (Salmon et al. 2011)
_BLOCK = 8  # draws from one block of the generator


class Noise(NamedTuple):
    """The noise of one forward pass; None where there is none."""

    eps: tf.Tensor | None = None  # [B, Z], standard normal; None is zero
    forward_mask: tf.Tensor | None = None  # bool [B, T, U], recurrent dropout of the encoder
    backward_mask: tf.Tensor | None = None  # bool [B, T, U]
    decoder_mask: tf.Tensor | None = None  # bool [B, T, U], recurrent dropout of the decoder
    input_mask: tf.Tensor | None = None  # bool [B, T, 5 + Z], input dropout of the decoder
    output_mask: tf.Tensor | None = None  # bool [B, T, U], output dropout of the decoder


class Shard(NamedTuple):
    """The sketches `first` to `first + size` of a batch of `total`."""

    first: tf.Tensor | int
    size: int
    total: int


def draw_noise(
    hparams: HParams, key: tf.Tensor, shard: Shard, steps: int, training: bool = True
) -> Noise:
    """Draws what one step needs.

    Args:
      hparams: say which dropouts are on, and the sizes.
      key: int32 `[2]`, from `noise_key`.
      shard: of the batch; its B sketches are those drawn for.
      steps: T.
      training: False leaves all dropouts off.
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
    """The key, int32 `[2]`, of one step of one stream (training, validation ...) of a run."""
    return tf.random.fold_in(tf.random.fold_in(tf.constant([seed, 0]), stream), step)


def _dropout_mask(
    shard: Shard, steps: int, width: int, key: tf.Tensor, keep_prob: float
) -> tf.Tensor:
    """True with probability `keep_prob`, to within 2^-17: two draws from each 32 random bits."""
    blocks = -(-width // _BLOCK)  # of a step
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
