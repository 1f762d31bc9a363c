"""The distributions that a model predicts: of each next point, and of z.

Legend: B batch, T time, M mixtures, N = B T points, Z latent.
"""

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from sketch_rnn.model.losses import Mixture, log_likelihood, split_output
from sketch_rnn.model.sampling import sample_point


class Posterior(NamedTuple):
    """The posterior q(z | sketch), a diagonal Gaussian (Ha & Eck 2017, equation 2), `[B, Z]`."""

    mu: tf.Tensor
    logvar: tf.Tensor


@dataclass(frozen=True)
class Distribution:
    """The predicted distributions of the next points (Ha & Eck 2017, equations 3 to 7).

    An offset (dx, dy), in model units, follows a mixture of M two-dimensional Gaussians. The pen
    has three states: it stays down, it is lifted after the point, or the sketch has ended.

    Attributes:
      pi: the weight of each Gaussian, `[B, T, M]`; the weights add up to 1.
      mu: the mean (dx, dy) of each Gaussian, `[B, T, M, 2]`.
      sigma: the standard deviations of dx and dy, `[B, T, M, 2]`.
      rho: the correlation of dx and dy, `[B, T, M]`.
      pen_logits: the logits of the pen states, `[B, T, 3]`; a softmax gives their probabilities.
    """

    pi: tf.Tensor
    mu: tf.Tensor
    sigma: tf.Tensor
    rho: tf.Tensor
    pen_logits: tf.Tensor
    _mixture: Mixture  # at N points

    @classmethod
    def of_output(cls, output: tf.Tensor) -> "Distribution":
        """Return the distribution that the decoder's output `[T, B, 3 + 6 M]` describes."""
        steps, batch, width = output.shape
        found = split_output(tf.reshape(tf.transpose(output, [1, 0, 2]), [-1, width]))

        def shaped(*parts: tf.Tensor) -> tf.Tensor:
            whole = parts[0] if len(parts) == 1 else tf.stack(parts, axis=-1)
            return tf.reshape(whole, [batch, steps, *whole.shape[1:]])

        return cls(
            pi=shaped(tf.nn.softmax(found.pi_logits)),
            mu=shaped(found.mu_x, found.mu_y),
            sigma=tf.exp(shaped(found.log_sigma_x, found.log_sigma_y)),
            rho=tf.tanh(shaped(found.rho_logit)),
            pen_logits=shaped(found.pen_logits),
            _mixture=found,
        )

    def log_prob(self, points: tf.Tensor) -> tf.Tensor:
        """Return the log density of the actual next points, in nats.

        As in the loss, only the pen state counts in a row that ends a sketch, not the offset. The
        negative mean over B and T is the reconstruction cost, with one small difference: the
        reconstruction cost adds 1e-6 to the density of each offset.

        Args:
          points: stroke-5 `[B, T, 5]` in model units, such as `strokes5[:, 1:]` of a batch.

        Returns:
          `[B, T]`.
        """
        flat = tf.reshape(tf.cast(points, tf.float32), [-1, 5])
        offset = log_likelihood(self._mixture, flat[:, 0], flat[:, 1]) * (1 - flat[:, 4])
        pen = tf.reduce_sum(tf.nn.log_softmax(self._mixture.pen_logits) * flat[:, 2:], axis=-1)
        return tf.reshape(offset + pen, tf.shape(points)[:2])

    def sample(self, seed: int, temperature: float = 1.0, greedy: bool = False) -> tf.Tensor:
        """Draw a point from each distribution, stroke-5 `[B, T, 5]` in model units.

        Args:
          seed: the seed; the same seed draws the same points.
          temperature: above 0; 1 samples the distribution that the model learned, and lower
            values make the points vary less (equation 8).
          greedy: always take the mean of the most probable Gaussian and the most probable pen
            state.
        """
        count = tf.shape(self._mixture.pi_logits)[0]
        uniform = tf.random.stateless_uniform([count, 2], [seed, 0])
        normal = tf.random.stateless_normal([count, 2], [seed, 1])
        points = sample_point(self._mixture, tf.constant(temperature), uniform, normal, greedy)
        return tf.reshape(points, [*self.pi.shape[:2], 5])
