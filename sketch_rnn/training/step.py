"""The compiled train step (Ha & Eck 2017, section 3.3): noise, gradients, update.

Legend: B batch, T time (N_max), Z latent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from sketch_rnn.model import losses
from sketch_rnn.model.execution import compiled
from sketch_rnn.model.fitting import Costs
from sketch_rnn.model.forward import SPLIT_STREAMS, Noise, Shard, draw_noise, noise_key
from sketch_rnn.model.packing import Batch
from sketch_rnn.training.state import TrainState

SUM = tf.distribute.ReduceOp.SUM


class StepResult(NamedTuple):
    """The results of a step, still on the device."""

    figures: tf.Tensor  # [3]: cost, reconstruction and KL, before the update
    is_finite: tf.Tensor  # bool: costs and gradients are all finite; else nothing was updated

    def costs(self) -> Costs | None:
        """Wait for the step and return its costs; None if it updated nothing."""
        return Costs(*self.figures.numpy().tolist()) if self.is_finite else None


class TrainStep:
    """The compiled training step of a model.

    A step first draws random numbers (noise). If `Execution.programs` is 1 and there is one device,
    the rest of the step is compiled into a single XLA program. Otherwise parts of the step are
    compiled separately and run at the same time. Under a strategy, each replica computes a shard of
    the batch; the update is the same as for the whole batch.
    """

    def __init__(
        self, state: TrainState, seed: int, strategy: tf.distribute.Strategy | None = None
    ):
        self.state, self.seed = state, seed
        self.strategy = strategy or tf.distribute.get_strategy()
        self.model, self.hparams = state.model, state.model.hparams
        self._replicas = self.strategy.num_replicas_in_sync
        self.compiled = tf.function(self._step, autograph=False, reduce_retracing=False)

    def __call__(self, *shards: Batch, step: int) -> StepResult:
        """Start one update, without waiting for it.

        Args:
          *shards: one shard of the batch for each replica in this process, laid out by a `Layout`.
          step: the step, which determines the noise, the learning rate and the KL weight.
        """
        with self.strategy.scope():
            return StepResult(
                *self.compiled(
                    self._distributed(shards),
                    tf.constant(step, tf.int64),
                    tf.constant(losses.learning_rate(self.hparams, step), tf.float32),
                    tf.constant(losses.kl_weight(self.hparams, step), tf.float32),
                )
            )

    def _distributed(self, shards: Sequence[Batch]) -> Batch:
        if len(shards) == 1:
            return shards[0]
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: shards[context.replica_id_in_sync_group % len(shards)]
        )

    def _step(
        self, batch: Batch, step: tf.Tensor, learning_rate: tf.Tensor, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        noise = self.strategy.run(self._noise, (batch, step))
        if self.model.execution.programs == 1 and self._replicas == 1:
            return self.one_program(batch, noise, learning_rate, kl_weight)
        return self._given_noise(batch, noise, learning_rate, kl_weight)

    def _noise(self, batch: Batch, step: tf.Tensor) -> Noise:
        """Return the noise for this replica's shard."""
        size, steps = batch.strokes5.shape[0], batch.strokes5.shape[1] - 1
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        shard = Shard(replica * size, size, self._replicas * size)
        key = noise_key(self.seed, SPLIT_STREAMS["train"], step)
        return draw_noise(self.hparams, key, shard, steps)

    @compiled
    def one_program(
        self, batch: Batch, noise: Noise, learning_rate: tf.Tensor, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Do the step as one compiled program.

        The noise is an argument, because XLA would draw different random numbers.
        """
        return self._given_noise(batch, noise, learning_rate, kl_weight)

    def _given_noise(
        self, batch: Batch, noise: Noise, learning_rate: tf.Tensor, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Do the step with this noise; update only if the costs and all gradients are finite.

        Returns:
          The costs of the whole batch, and whether everything was finite.
        """
        found, gradients = self.strategy.run(self._checked_gradients, (batch, noise, kl_weight))
        figures, is_finite = [self.strategy.experimental_local_results(r)[0] for r in found]
        tf.cond(is_finite, lambda: self._update(gradients, learning_rate), lambda: None)
        return figures, is_finite

    def _checked_gradients(
        self, batch: Batch, noise: Noise, kl_weight: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], list[tf.Tensor]]:
        figures, gradients = self.costs_and_gradients(batch, noise, kl_weight)
        return (figures, _all_finite([figures, *gradients])), gradients

    def costs_and_gradients(
        self, batch: Batch, noise: Noise, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Compute the costs and gradients of the whole batch; each replica contributes a shard.

        Returns:
          The cost, reconstruction cost and KL of the whole batch, `[3]`; and the gradients of the
          cost with respect to the weights.
        """
        replica = tf.distribute.get_replica_context()
        with tf.GradientTape() as tape:
            shard_costs = self.model.forward.costs(batch, noise)
            reconstruction, kl = (cost / self._replicas for cost in shard_costs)
            whole_kl = replica.all_reduce(SUM, tf.stop_gradient(kl))
            floored = losses.floored(whole_kl, self.hparams)
            counts = tf.cast(whole_kl >= floored, tf.float32)  # no gradient below the floor
            cost = reconstruction + kl_weight * counts * kl
        weights = [variable.value for variable in self.model.trainable_variables]
        reconstruction, *gradients = replica.all_reduce(
            SUM, [reconstruction, *tape.gradient(cost, weights)]
        )
        figures = tf.stack([reconstruction + kl_weight * floored, reconstruction, floored])
        return figures, gradients

    def _update(self, gradients: list[tf.Tensor], learning_rate: tf.Tensor) -> None:
        if self._replicas == 1:
            self._compiled_update(gradients, learning_rate)
        else:
            self.strategy.run(self.update, (gradients, learning_rate))

    @compiled
    def _compiled_update(self, gradients: list[tf.Tensor], learning_rate: tf.Tensor) -> None:
        self.update(gradients, learning_rate)

    def update(self, gradients: list[tf.Tensor], learning_rate: tf.Tensor) -> None:
        """Clip the gradients and apply their mean over the replicas (Keras applies their sum)."""
        clip = self.hparams.grad_clip
        parts = [tf.clip_by_value(gradient, -clip, clip) / self._replicas for gradient in gradients]
        self.state.optimizer.learning_rate.assign(learning_rate)
        self.state.optimizer.apply(parts, self.model.trainable_variables)


def _all_finite(values: list[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(value)) for value in values])
