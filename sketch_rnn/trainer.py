"""The compiled train step and evaluation (Ha & Eck 2017, section 3.3).

Legend: B batch, T time (N_max), Z latent.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sketch_rnn import losses
from sketch_rnn.checkpoint import TrainState
from sketch_rnn.dataset import Split, eval_batches
from sketch_rnn.layout import Layout, one_sketch_a_row, packed
from sketch_rnn.noise import draw_noise, noise_key

TRAIN_STREAM, VALID_STREAM, TEST_STREAM = range(3)  # of noise


class Costs(NamedTuple):
    """The costs of a batch or of a split."""

    cost: float
    reconstruction: float
    kl: float

    def tagged(self, prefix: str) -> dict[str, float]:
        """With the original's tags."""
        return {
            f"{prefix}_Cost": self.cost,
            f"{prefix}_Reconstr_Cost": self.reconstruction,
            f"{prefix}_KL_Cost": self.kl,
        }


class Evaluation(NamedTuple):
    """The costs of a split, and the KL divergence of each latent dimension `[Z]`."""

    costs: Costs
    kl_per_dimension: np.ndarray


class Trainer:
    """The compiled train step and evaluation of one model."""

    def __init__(self, state: TrainState, seed: int):
        self.state, self.seed = state, seed
        self.model, self.hparams = state.model, state.model.hparams

    def train_step(self, strokes5: np.ndarray, lengths: np.ndarray, step: int) -> Costs | None:
        """One update.

        Args:
          strokes5: `[B, T + 1, 5]`.
          lengths: `[B]`.
          step: says the noise, the learning rate and the KL weight.

        Returns:
          The costs before the update; None if they or a gradient were not finite, and then
          nothing is updated.
        """
        *costs, finite = self._train_step(
            tf.constant(strokes5),
            Layout(*map(tf.constant, packed(lengths, strokes5.shape[1] - 1))),
            tf.constant(step, tf.int64),
            tf.constant(losses.learning_rate(self.hparams, step), tf.float32),
            tf.constant(losses.kl_weight(self.hparams, step), tf.float32),
        )
        return Costs(*map(float, costs)) if finite else None

    @tf.function(reduce_retracing=False)
    def _train_step(self, strokes5, layout, step, learning_rate, kl_weight):
        batch, steps = strokes5.shape[0], strokes5.shape[1] - 1
        key = noise_key(self.seed, TRAIN_STREAM, step)
        noise = draw_noise(self.hparams, key, batch, layout.starts.shape[1], steps)
        costs, gradients = self._costs_and_gradients(strokes5, layout, noise, kl_weight)
        finite = _all_finite([*costs, *gradients])
        if finite:
            self._update(gradients, learning_rate)
        return *costs, finite

    def _costs_and_gradients(self, strokes5, layout, noise, kl_weight):
        weights = [variable.value for variable in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            reconstruction, kl = self.model.raw_costs(strokes5, layout, noise)
            kl = self.model.floored(kl)
            cost = reconstruction + kl_weight * kl
        return (cost, reconstruction, kl), tape.gradient(cost, weights)

    @tf.function(jit_compile=True)
    def _update(self, gradients, learning_rate):
        self.state.optimizer.learning_rate.assign(learning_rate)
        self.state.optimizer.apply(gradients, self.model.trainable_variables)

    def evaluate(self, split: Split, stream: int, scale_factor: float) -> Evaluation:
        """The costs of a split: z sampled, no dropout, KL weighted with `kl_weight_start`.

        The KL floor is applied batch by batch, and batches are weighted by their sketches.
        """
        batches = eval_batches(
            split, self.hparams.batch_size, scale_factor, self.hparams.max_seq_len
        )
        totals, count = np.zeros(2 + self.hparams.z_size), 0
        for index, (strokes5, lengths) in enumerate(batches):
            key = noise_key(self.seed, stream, tf.constant(index, tf.int64))
            costs = self._evaluation_step(tf.constant(strokes5), tf.constant(lengths), key)
            totals += len(lengths) * costs.numpy()
            count += len(lengths)
        reconstruction, kl, *kl_per_dimension = totals / count
        cost = reconstruction + self.hparams.kl_weight_start * kl
        return Evaluation(Costs(cost, reconstruction, kl), np.array(kl_per_dimension))

    @tf.function(reduce_retracing=False)
    def _evaluation_step(self, strokes5, lengths, key):
        batch, steps = strokes5.shape[0], strokes5.shape[1] - 1
        noise = draw_noise(self.hparams, key, batch, batch, steps, training=False)
        return self._evaluation_costs(strokes5, lengths, noise)

    @tf.function(jit_compile=True)
    def _evaluation_costs(self, strokes5, lengths, noise):
        """Reconstruction, KL with its floor, and KL of each latent dimension, `[2 + Z]`."""
        layout = one_sketch_a_row(lengths, strokes5.shape[1] - 1)
        output, mu, logvar = self.model(strokes5, layout, noise)
        reconstruction = losses.reconstruction_cost(
            output, tf.transpose(strokes5[:, 1:], [1, 0, 2])
        )
        if mu is None:
            return tf.concat([[reconstruction], tf.zeros([1 + self.hparams.z_size])], axis=0)
        kl_per_dimension = losses.kl_per_dimension(mu, logvar)
        kl = self.model.floored(tf.reduce_mean(kl_per_dimension))
        return tf.concat([[reconstruction, kl], kl_per_dimension], axis=0)


def _all_finite(tensors: list[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors])
