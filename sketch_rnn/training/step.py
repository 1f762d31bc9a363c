"""The compiled train step (Ha & Eck 2017, section 3.3): noise, gradients, update.

Legend: B batch, T time (N_max), Z latent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from sketch_rnn.model import losses
from sketch_rnn.model.compiling import compiled
from sketch_rnn.model.noise import SPLIT_STREAMS, Noise, Shard, draw_noise, noise_key
from sketch_rnn.model.packing import Batch
from sketch_rnn.training.metrics import Costs
from sketch_rnn.training.state import TrainState

SUM = tf.distribute.ReduceOp.SUM


class StepResult(NamedTuple):
    """The results of a step, still on the device."""

    figures: tf.Tensor  # [3]: cost, reconstruction and KL, before the update
    is_finite: tf.Tensor  # bool: they and every gradient; else nothing was updated

    def costs(self) -> Costs | None:
        """Wait for the step and return its costs; None where it updated nothing."""
        return Costs(*self.figures.numpy().tolist()) if self.is_finite else None


class TrainStep:
    """The compiled update of one model.

    Where the execution wants one program, and one device does the work, a step but for its noise
    is one XLA program. Elsewhere parts of it are programs that run at the same time. Under a
    strategy every replica takes its shard of a batch; the update is that of the whole.
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
        """Begins one update.

        Args:
          *shards: of the batch, for each replica of this process, as a `Layout` lays them out.
          step: says the noise, the learning rate and the KL weight.
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
        """The noise of a shard."""
        size, steps = batch.strokes5.shape[0], batch.strokes5.shape[1] - 1
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        shard = Shard(replica * size, size, self._replicas * size)
        key = noise_key(self.seed, SPLIT_STREAMS["train"], step)
        return draw_noise(self.hparams, key, shard, steps)

    @compiled
    def one_program(
        self, batch: Batch, noise: Noise, learning_rate: tf.Tensor, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Do the step without drawing its noise, which XLA would draw differently."""
        return self._given_noise(batch, noise, learning_rate, kl_weight)

    def _given_noise(
        self, batch: Batch, noise: Noise, learning_rate: tf.Tensor, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The figures of the whole batch, and whether they and all gradients are finite; only then
        is there an update."""
        found, gradients = self.strategy.run(self._checked_gradients, (batch, noise, kl_weight))
        figures, is_finite = [self.strategy.experimental_local_results(r)[0] for r in found]
        tf.cond(is_finite, lambda: self._update(gradients, learning_rate), lambda: None)
        return figures, is_finite

    def _checked_gradients(
        self, batch: Batch, noise: Noise, kl_weight: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], list[tf.Tensor]]:
        figures, gradients = self.figures_and_gradients(batch, noise, kl_weight)
        return (figures, _all_finite([figures, *gradients])), gradients

    def figures_and_gradients(
        self, batch: Batch, noise: Noise, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Cost, reconstruction and KL `[3]` of the whole batch, from a shard; the gradients."""
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
        """Keras adds up what the replicas give: each gives its part of the clipped gradients."""
        clip = self.hparams.grad_clip
        parts = [tf.clip_by_value(gradient, -clip, clip) / self._replicas for gradient in gradients]
        self.state.optimizer.learning_rate.assign(learning_rate)
        self.state.optimizer.apply(parts, self.model.trainable_variables)


def _all_finite(values: list[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(value)) for value in values])
