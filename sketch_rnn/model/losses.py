"""What training minimises (Ha & Eck 2017, section 3.2), and how its weights change over steps.

Legend: B batch, T time, N = T B points, M mixtures, Z latent.
"""

import math

import tensorflow as tf

from sketch_rnn.hparams import HParams
from sketch_rnn.model.mixture import log_likelihood, split_output

# The original adds this to the density before the logarithm: it is part of the loss.
DENSITY_FLOOR = 1e-6


def reconstruction_cost(
    output: tf.Tensor,
    target: tf.Tensor,
    taken: tf.Tensor | None = None,
    count: int | None = None,
) -> tf.Tensor:
    """The sum of offset and pen losses, averaged over every step of every sketch, padding too.

    The offset loss is zero where the target is the end of the sketch; the pen loss counts at
    every step (equation 9).

    Args:
      output: the decoder's, `[T, B, 3 + 6 M]`.
      target: the stroke-5 points that followed, `[T, B, 5]`.
      taken: bool `[T, B]`, the steps that count; None is all.
      count: what the sum is divided by; None is T B.

    Returns:
      A scalar.
    """
    steps, batch, _ = output.shape
    losses = _losses(
        tf.reshape(output, [-1, output.shape[-1]]),  # [N, 3 + 6 M]
        tf.reshape(target, [-1, 5]),
    )
    if taken is not None:
        losses *= tf.cast(tf.reshape(taken, [-1]), tf.float32)
    return tf.reduce_sum(losses / (count or steps * batch))


def _losses(output, target):
    mixture = split_output(output)
    density = log_likelihood(mixture, target[:, 0], target[:, 1])
    offset_losses = -_log_add(density, math.log(DENSITY_FLOOR)) * (1 - target[:, 4])
    pen_losses = tf.nn.softmax_cross_entropy_with_logits(target[:, 2:], mixture.pen_logits)
    return offset_losses + pen_losses


def kl_cost(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """The mean over batch and latent dimensions, before the floor (equation 10).

    Args:
      mu: `[B, Z]`.
      logvar: `[B, Z]`.

    Returns:
      A scalar.
    """
    return tf.reduce_mean(kl_per_dimension(mu, logvar))


def kl_per_dimension(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """KL divergence from the prior of each latent dimension, averaged over the batch, `[Z]`."""
    return -0.5 * tf.reduce_mean(1 + logvar - tf.square(mu) - tf.exp(logvar), axis=0)


def learning_rate(hparams: HParams, step: int) -> float:
    """(lr - min) * decay^step + min."""
    span = hparams.learning_rate - hparams.min_learning_rate
    return span * hparams.decay_rate**step + hparams.min_learning_rate


def kl_weight(hparams: HParams, step: int) -> float:
    """w - (w - w_start) * kl_decay^step: the annealed weight of the KL cost (section 3.3)."""
    span = hparams.kl_weight - hparams.kl_weight_start
    return hparams.kl_weight - span * hparams.kl_decay_rate**step


def _log_add(x: tf.Tensor, constant: float) -> tf.Tensor:
    """log(exp(x) + exp(constant)), with a finite gradient for any x."""
    return constant + tf.nn.softplus(x - constant)
