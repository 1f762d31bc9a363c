"""The costs that training minimizes (Ha & Eck 2017, section 3.2), and the schedules of the learning
rate and the KL weight.

Legend: B batch, T time, M mixtures, Z latent.
"""

import math

import tensorflow as tf

from sketch_rnn.hparams import HParams
from sketch_rnn.model.mixture import log_likelihood, split_output

# The original adds this to the density before the logarithm: it is part of the loss.
DENSITY_FLOOR = 1e-6


def offset_losses(output: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Return the negative log likelihood of each offset (equation 9, L_s).

    It is zero where the target is the end of the sketch.

    Args:
      output: the decoder's output, `[T, B, 3 + 6 M]`.
      target: the stroke-5 points that followed, `[T, B, 5]`.

    Returns:
      `[T, B]`, in nats.
    """
    points = tf.reshape(target, [-1, 5])  # [N, 5]
    density = log_likelihood(split_output(_points(output)), points[:, 0], points[:, 1])
    losses = -_log_add(density, math.log(DENSITY_FLOOR)) * (1 - points[:, 4])
    return tf.reshape(losses, tf.shape(target)[:2])


def pen_losses(output: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Return the cross entropy of each pen state, which counts at every step (equation 9, L_p).

    Args:
      output: the decoder's output, `[T, B, 3 + 6 M]`.
      target: the stroke-5 points that followed, `[T, B, 5]`.

    Returns:
      `[T, B]`, in nats.
    """
    logits = split_output(_points(output)).pen_logits
    losses = tf.nn.softmax_cross_entropy_with_logits(tf.reshape(target[..., 2:], [-1, 3]), logits)
    return tf.reshape(losses, tf.shape(target)[:2])


def reconstruction_cost(
    output: tf.Tensor,
    target: tf.Tensor,
    loss_mask: tf.Tensor | None = None,
    count: int | None = None,
) -> tf.Tensor:
    """Return offset loss plus pen loss, averaged over all steps of all sketches, padding included.

    Args:
      output: the decoder's output, `[T, B, 3 + 6 M]`.
      target: the stroke-5 points that followed, `[T, B, 5]`.
      loss_mask: bool `[T, B]`, the steps that count; None means all.
      count: the number that the sum is divided by; None means T B.

    Returns:
      A scalar.
    """
    steps, batch, _ = output.shape
    losses = offset_losses(output, target) + pen_losses(output, target)
    if loss_mask is not None:
        losses *= tf.cast(loss_mask, tf.float32)
    return tf.reduce_sum(losses / (count or steps * batch))


def kl_divergence(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """Return each latent dimension's KL divergence from the prior (equation 10), `[B, Z]` nats."""
    return -0.5 * (1 + logvar - tf.square(mu) - tf.exp(logvar))


def kl_cost(mu: tf.Tensor, logvar: tf.Tensor) -> tf.Tensor:
    """Return the mean of `kl_divergence` over batch and latent dimensions, before the floor."""
    return tf.reduce_mean(kl_divergence(mu, logvar))


def floored(kl: tf.Tensor, hparams: HParams) -> tf.Tensor:
    """Return max(KL, kl_tolerance) (section 3.2); 0 without an encoder."""
    return tf.maximum(kl, hparams.kl_tolerance) if hparams.conditional else kl


def learning_rate(hparams: HParams, step: int) -> float:
    """Return the learning rate at a step: (lr - min) * decay^step + min."""
    span = hparams.learning_rate - hparams.min_learning_rate
    return span * hparams.decay_rate**step + hparams.min_learning_rate


def kl_weight(hparams: HParams, step: int) -> float:
    """Return the annealed weight of KL: w - (w - w_start) * kl_decay^step (section 3.3)."""
    span = hparams.kl_weight - hparams.kl_weight_start
    return hparams.kl_weight - span * hparams.kl_decay_rate**step


def _log_add(x: tf.Tensor, constant: float) -> tf.Tensor:
    """Return log(exp(x) + exp(constant)), with a finite gradient for any x."""
    return constant + tf.nn.softplus(x - constant)


def _points(output: tf.Tensor) -> tf.Tensor:
    """Merge time and batch: `[T, B, 3 + 6 M]` -> `[N, 3 + 6 M]`."""
    return tf.reshape(output, [-1, output.shape[-1]])
