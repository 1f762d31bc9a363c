"""The distribution that the decoder predicts, a mixture of two-dimensional Gaussians, and the costs
that training minimizes (Graves 2013, equations 16-25; Ha & Eck 2017, section 3.2); the schedules of
the learning rate and the KL weight.

Legend: B batch, T time, N points, M mixtures, Z latent.
"""

import math
from typing import NamedTuple

import tensorflow as tf

from sketch_rnn.hparams import HParams

PEN_STATES = 3
PER_MIXTURE = 6

# The original adds this to the density before the logarithm: it is part of the loss.
DENSITY_FLOOR = 1e-6

# Beyond these limits a component's density or its gradient is 0 in float32; within them all values
# and gradients are finite.
_LARGEST_OUTPUT = 1e30
_LARGEST_LOG_SIGMA = 70.0
_LARGEST_RHO_LOGIT = 15.0
_LARGEST_DEVIATION = 1e12


class Mixture(NamedTuple):
    """The decoder's output at N points, split into its parts, before softmax, exp and tanh."""

    pen_logits: tf.Tensor  # [N, 3]
    pi_logits: tf.Tensor  # [N, M]
    mu_x: tf.Tensor  # [N, M]
    mu_y: tf.Tensor  # [N, M]
    log_sigma_x: tf.Tensor  # [N, M]
    log_sigma_y: tf.Tensor  # [N, M]
    rho_logit: tf.Tensor  # [N, M]


def output_size(num_mixture: int) -> int:
    """Return the width of the decoder's output: 3 + 6 M."""
    return PEN_STATES + PER_MIXTURE * num_mixture


def split_output(output: tf.Tensor) -> Mixture:
    """Split the decoder's output `[N, 3 + 6 M]` in the order of the original trainer."""
    output = tf.clip_by_value(output, -_LARGEST_OUTPUT, _LARGEST_OUTPUT)
    num_mixture = (output.shape[-1] - PEN_STATES) // PER_MIXTURE
    return Mixture(*tf.split(output, [PEN_STATES] + [num_mixture] * PER_MIXTURE, axis=-1))


def log_likelihood(mixture: Mixture, dx: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
    """Return the log density of offsets (Graves 2013, equations 23-25).

    All arithmetic is in log space. `zx` is the distance of dx from its mean, in standard
    deviations; `zy` is the same for dy. The decoder returns r, not rho: the correlation is
    rho = tanh(r), so 1 / sqrt(1 - rho^2) is cosh(r). The exponent of a component is
    -(u^2 + v^2) / 2. Here u = zx cosh(r) - zy sinh(r), and v = zy. Because u is the difference of
    two large numbers, it is computed in float64. Every value and gradient is finite for any finite
    input.

    Args:
      mixture: the mixtures at N points.
      dx: `[N]`.
      dy: `[N]`.

    Returns:
      `[N]`, in nats.
    """
    log_sigma_x = _bounded(mixture.log_sigma_x, _LARGEST_LOG_SIGMA)
    log_sigma_y = _bounded(mixture.log_sigma_y, _LARGEST_LOG_SIGMA)
    r = _bounded(mixture.rho_logit, _LARGEST_RHO_LOGIT)
    zx = _deviation(dx, mixture.mu_x, log_sigma_x)
    zy = _deviation(dy, mixture.mu_y, log_sigma_y)
    exp_r = tf.exp(tf.cast(r, tf.float64))
    u = tf.cast(((zx - zy) * exp_r + (zx + zy) / exp_r) / 2, tf.float32)
    v = tf.cast(zy, tf.float32)
    log_cosh = tf.abs(r) + tf.math.log1p(tf.exp(-2 * tf.abs(r))) - math.log(2)
    log_normal = log_cosh - log_sigma_x - log_sigma_y - math.log(2 * math.pi) - (u * u + v * v) / 2
    return tf.reduce_logsumexp(tf.nn.log_softmax(mixture.pi_logits) + log_normal, axis=-1)


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


def _deviation(offset: tf.Tensor, mu: tf.Tensor, log_sigma: tf.Tensor) -> tf.Tensor:
    """Return (offset - mu) / sigma, float64 `[N, M]`."""
    offset, mu, log_sigma = (tf.cast(x, tf.float64) for x in (offset[:, None], mu, log_sigma))
    return _bounded((offset - mu) * tf.exp(-log_sigma), _LARGEST_DEVIATION)


def _bounded(x: tf.Tensor, largest: float) -> tf.Tensor:
    return tf.clip_by_value(x, -largest, largest)
