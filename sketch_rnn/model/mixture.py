"""The mixture of two-dimensional Gaussians that the decoder's output describes.

Graves 2013, equations 16-25; Ha & Eck 2017, section 3.2.

Legend: N points, M mixtures.
"""

import math
from typing import NamedTuple

import tensorflow as tf

PEN_STATES = 3
PER_MIXTURE = 6

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
    """Split the decoder's output `[N, 3 + 6 M]` in the original's order."""
    output = tf.clip_by_value(output, -_LARGEST_OUTPUT, _LARGEST_OUTPUT)
    num_mixture = (output.shape[-1] - PEN_STATES) // PER_MIXTURE
    return Mixture(*tf.split(output, [PEN_STATES] + [num_mixture] * PER_MIXTURE, axis=-1))


def log_likelihood(mixture: Mixture, dx: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
    """Return the log density of offsets (Graves 2013, equations 23-25).

    All arithmetic is in log space. With rho = tanh(r), 1 / sqrt(1 - rho^2) is cosh(r), and the
    exponent of a component is -(u^2 + v^2) / 2, where u = zx cosh(r) - zy sinh(r) and v = zy. As u
    is the difference of two large numbers, it is computed in float64. Every value and gradient is
    finite for any finite input.

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


def _deviation(offset: tf.Tensor, mu: tf.Tensor, log_sigma: tf.Tensor) -> tf.Tensor:
    """Return (offset - mu) / sigma, float64 `[N, M]`."""
    offset, mu, log_sigma = (tf.cast(x, tf.float64) for x in (offset[:, None], mu, log_sigma))
    return _bounded((offset - mu) * tf.exp(-log_sigma), _LARGEST_DEVIATION)


def _bounded(x: tf.Tensor, largest: float) -> tf.Tensor:
    return tf.clip_by_value(x, -largest, largest)
