"""The compiled train step and evaluation (Ha & Eck 2017, section 3.3).

Legend: B batch, T time (N_max), Z latent.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sketch_rnn.data.batches import eval_batches
from sketch_rnn.data.dataset import Split
from sketch_rnn.model import losses
from sketch_rnn.model.noise import Share, draw_noise, noise_key
from sketch_rnn.model.packing import one_sketch_a_row, packed, short_parts, whole_parts
from sketch_rnn.train.state import TrainState

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
    """The compiled train step and evaluation of one model.

    Under a strategy every replica takes its share of a batch; the update is that of the whole.
    """

    def __init__(
        self, state: TrainState, seed: int, strategy: tf.distribute.Strategy | None = None
    ):
        self.state, self.seed = state, seed
        self.strategy = strategy or tf.distribute.get_strategy()
        self.model, self.hparams = state.model, state.model.hparams

    def train_step(self, *shares: tuple[np.ndarray, np.ndarray], step: int) -> Costs | None:
        """One update.

        Args:
          *shares: for each replica of this process `strokes5 [B, T + 1, 5]` and `lengths [B]`.
          step: says the noise, the learning rate and the KL weight.

        Returns:
          The costs before the update; None if they or a gradient were not finite, and then
          nothing is updated.
        """
        with self.strategy.scope():
            *costs, finite = self._train_step(
                self._distributed([self._inputs(*share) for share in shares]),
                tf.constant(step, tf.int64),
                tf.constant(losses.learning_rate(self.hparams, step), tf.float32),
                tf.constant(losses.kl_weight(self.hparams, step), tf.float32),
            )
        return Costs(*map(float, costs)) if finite else None

    def _inputs(self, strokes5: np.ndarray, lengths: np.ndarray) -> tuple:
        """What a replica reads: the share, and how its sketches are laid out."""
        batch, steps = strokes5.shape[0], strokes5.shape[1] - 1
        pad_steps = self.hparams.pad_steps
        parts = (
            whole_parts(batch, steps) if pad_steps == "all"
            else short_parts(lengths, steps, pad_steps)
        )  # fmt: skip
        return tf.nest.map_structure(
            lambda value: None if value is None else tf.constant(value),
            (strokes5, packed(lengths, steps), parts),
        )

    def _distributed(self, shares: list[tuple]) -> tuple:
        if len(shares) == 1:
            return shares[0]
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: shares[context.replica_id_in_sync_group % len(shares)]
        )

    @tf.function(reduce_retracing=False)
    def _train_step(self, inputs, step, learning_rate, kl_weight):
        results, gradients = self.strategy.run(self._replica_step, (inputs, step, kl_weight))
        *costs, finite = [self.strategy.experimental_local_results(r)[0] for r in results]
        if finite:
            self._update(gradients, learning_rate)
        return *costs, finite

    def _replica_step(self, inputs, step, kl_weight):
        """From a share of the batch: the costs of the whole, whether they and all gradients are
        finite, and the gradients."""
        strokes5, layout, parts = inputs
        batch, steps = strokes5.shape[0], strokes5.shape[1] - 1
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        share = Share(replica * batch, batch, self.strategy.num_replicas_in_sync * batch)
        noise = draw_noise(self.hparams, noise_key(self.seed, TRAIN_STREAM, step), share, steps)
        costs, gradients = self._costs_and_gradients(strokes5, layout, noise, kl_weight, parts)
        return (*costs, _all_finite([*costs, *gradients])), gradients

    def _costs_and_gradients(self, strokes5, layout, noise, kl_weight, parts=None):
        """Of the whole batch, from a share of it."""
        replica, replicas = tf.distribute.get_replica_context(), self.strategy.num_replicas_in_sync
        with tf.GradientTape() as tape:
            costs = self.model.raw_costs(strokes5, layout, noise, parts)
            reconstruction, kl = (cost / replicas for cost in costs)
            whole_kl = replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.stop_gradient(kl))
            floored = self.model.floored(whole_kl)
            counts = tf.cast(whole_kl >= floored, tf.float32)  # no gradient below the floor
            cost = reconstruction + kl_weight * counts * kl
        weights = [variable.value for variable in self.model.trainable_variables]
        reconstruction, *gradients = replica.all_reduce(
            tf.distribute.ReduceOp.SUM, [reconstruction, *tape.gradient(cost, weights)]
        )
        return (reconstruction + kl_weight * floored, reconstruction, floored), gradients

    def _update(self, gradients, learning_rate):
        if self.strategy.num_replicas_in_sync == 1:
            self._compiled_apply(gradients, learning_rate)
        else:
            self.strategy.run(self._apply, (gradients, learning_rate))

    def _apply(self, gradients, learning_rate):
        """Keras adds up what the replicas give: each gives its share of the clipped gradients."""
        clip, replicas = self.hparams.grad_clip, self.strategy.num_replicas_in_sync
        shares = [tf.clip_by_value(gradient, -clip, clip) / replicas for gradient in gradients]
        self.state.optimizer.learning_rate.assign(learning_rate)
        self.state.optimizer.apply(shares, self.model.trainable_variables)

    @tf.function(jit_compile=True)
    def _compiled_apply(self, gradients, learning_rate):
        self._apply(gradients, learning_rate)

    def evaluate(self, split: Split, stream: int, scale_factor: float) -> Evaluation:
        """The costs of a split: z sampled, no dropout, KL weighted with `kl_weight_start`.

        The KL floor is applied batch by batch, and batches are weighted by their sketches.
        """
        batches = eval_batches(
            split, self.hparams.batch_size, scale_factor, self.hparams.max_seq_len
        )
        dimensions = self.hparams.z_size if self.hparams.conditional else 0
        totals, count = np.zeros(2 + dimensions), 0
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
        noise = draw_noise(self.hparams, key, Share(0, batch, batch), steps, training=False)
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
            return tf.stack([reconstruction, 0.0])
        kl_per_dimension = losses.kl_per_dimension(mu, logvar)
        kl = self.model.floored(tf.reduce_mean(kl_per_dimension))
        return tf.concat([[reconstruction, kl], kl_per_dimension], axis=0)


def _all_finite(tensors: list[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors])
