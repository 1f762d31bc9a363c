"""Everything random inside the model, drawn as a stateless function of (seed, step).

Legend: B batch, T time, R rows of the encoder's layout, U units, Z latent.
"""

from typing import NamedTuple

import tensorflow as tf

from sketch_rnn.hparams import HParams

_STREAMS = ("eps", "forward_kept", "backward_kept", "decoder_kept", "input_kept", "output_kept")
_LEVELS = 2**16


class Noise(NamedTuple):
    """The noise of one forward pass; None where there is none."""

    eps: tf.Tensor | None = None  # [B, Z], standard normal; None is zero
    forward_kept: tf.Tensor | None = None  # bool [T, R, U], recurrent dropout of the encoder
    backward_kept: tf.Tensor | None = None  # bool [T, R, U]
    decoder_kept: tf.Tensor | None = None  # bool [T, B, U], recurrent dropout of the decoder
    input_kept: tf.Tensor | None = None  # bool [T, B, 5 + Z], input dropout of the decoder
    output_kept: tf.Tensor | None = None  # bool [T, B, U], output dropout of the decoder


def draw_noise(
    hparams: HParams, key: tf.Tensor, batch: int, rows: int, steps: int, training: bool = True
) -> Noise:
    """Draws what one step needs.

    Args:
      hparams: say which dropouts are on, and the sizes.
      key: int32 `[2]`, from `noise_key`.
      batch: B.
      rows: R.
      steps: T.
      training: False leaves all dropouts off.
    """
    keys = {name: tf.random.fold_in(key, i) for i, name in enumerate(_STREAMS)}
    drawn = {}

    def keep(name, shape, keep_prob):
        drawn[name] = _kept(shape, keys[name], keep_prob)

    if hparams.conditional:
        drawn["eps"] = tf.random.stateless_normal([batch, hparams.z_size], keys["eps"])
    if training and hparams.use_recurrent_dropout:
        keep_prob = hparams.recurrent_dropout_prob
        if hparams.conditional:
            for name in ("forward_kept", "backward_kept"):
                keep(name, [steps, rows, hparams.enc_rnn_size], keep_prob)
        keep("decoder_kept", [steps, batch, hparams.dec_rnn_size], keep_prob)
    if training and hparams.use_input_dropout:
        width = 5 + (hparams.z_size if hparams.conditional else 0)
        keep("input_kept", [steps, batch, width], hparams.input_dropout_prob)
    if training and hparams.use_output_dropout:
        keep("output_kept", [steps, batch, hparams.dec_rnn_size], hparams.output_dropout_prob)
    return Noise(**drawn)


def noise_key(seed: int, stream: int, step: tf.Tensor) -> tf.Tensor:
    """The key, int32 `[2]`, of one step of one stream (training, validation ...) of a run."""
    return tf.random.fold_in(tf.random.fold_in(tf.constant([seed, 0]), stream), step)


def _kept(shape: list[int], key: tf.Tensor, keep_prob: float) -> tf.Tensor:
    """True with probability `keep_prob`, to within 2^-17: two draws from each 32 random bits."""
    pairs = [*shape[:-1], -(-shape[-1] // 2)]
    bits = tf.random.stateless_uniform(pairs, key, None, None, tf.uint32)
    halves = tf.reshape(tf.bitcast(bits, tf.uint16), [*shape[:-1], 2 * pairs[-1]])
    threshold = round(keep_prob * _LEVELS) - 1
    return halves[..., : shape[-1]] <= tf.constant(threshold, tf.uint16)
