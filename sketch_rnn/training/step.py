"""The compiled train step (Ha & Eck 2017, section 3.3).

Legend: B batch, T time (N_max), Z latent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn.model import losses
from sketch_rnn.model.compiling import compiled
from sketch_rnn.model.layers import Direction, Encoder
from sketch_rnn.model.network import Batch
from sketch_rnn.model.noise import SPLIT_STREAMS, Noise, Shard, draw_noise, noise_key
from sketch_rnn.model.packing import decoder_splits, encoder_packing, in_rows, whole_splits
from sketch_rnn.model.recurrent.base import tensors
from sketch_rnn.model.recurrent.segments import Segments
from sketch_rnn.training.metrics import Costs
from sketch_rnn.training.state import TrainState


class StepResult(NamedTuple):
    """What a step found, still on the device."""

    figures: tf.Tensor  # [3]: cost, reconstruction and KL, before the update
    is_finite: tf.Tensor  # bool: they and every gradient; else nothing was updated

    def costs(self) -> Costs | None:
        """Waits for the step; None where it updated nothing."""
        return Costs(*self.figures.numpy().tolist()) if self.is_finite else None


class TrainStep:
    """The compiled update of one model.

    Where the execution wants one program, and one device does the work, a step is one XLA program.
    Elsewhere parts of it are programs that run at the same time. Under a strategy every replica
    takes its shard of a batch; the update is that of the whole.
    """

    def __init__(
        self, state: TrainState, seed: int, strategy: tf.distribute.Strategy | None = None
    ):
        self.state, self.seed = state, seed
        self.strategy = strategy or tf.distribute.get_strategy()
        self.model, self.hparams = state.model, state.model.hparams
        self._replicas = self.strategy.num_replicas_in_sync
        is_one_program = self.model.execution.programs == 1 and self._replicas == 1
        step_of = self._step_of_one_program if is_one_program else self._step
        self.compiled = tf.function(step_of, autograph=False, reduce_retracing=False)
        self._compiled_update = tf.function(self.update, autograph=False, jit_compile=True)

    def __call__(self, *shards: Batch, step: int) -> StepResult:
        """Begins one update.

        Args:
          *shards: of the batch, for each replica of this process, as `laid_out` returns them.
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

    def laid_out(self, strokes5: np.ndarray, lengths: np.ndarray) -> Batch:
        """Sketches `[B, T + 1, 5]` and their lengths `[B]` as the execution reads them, on the
        device."""
        steps, execution = strokes5.shape[1] - 1, self.model.execution
        batch = Batch(
            strokes5,
            lengths,
            encoder_packing(lengths, steps, execution),
            decoder_splits(lengths, steps, self.hparams.pad_steps, execution),
        )
        return tf.nest.map_structure(
            lambda value: None if value is None else tf.convert_to_tensor(value), batch
        )

    def _distributed(self, shards: Sequence[Batch]) -> Batch:
        if len(shards) == 1:
            return shards[0]
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: shards[context.replica_id_in_sync_group % len(shards)]
        )

    def _step(self, batch, step, learning_rate, kl_weight):
        results, gradients = self.strategy.run(self._replica_step, (batch, step, kl_weight))
        figures, is_finite = [self.strategy.experimental_local_results(r)[0] for r in results]
        tf.cond(is_finite, lambda: self._update(gradients, learning_rate), lambda: None)
        return figures, is_finite

    def _step_of_one_program(self, batch, step, learning_rate, kl_weight):
        return self.given_noise(batch, self._noise(batch, step), learning_rate, kl_weight)

    @compiled
    def given_noise(self, batch, noise, learning_rate, kl_weight):
        """The step but for its noise, which XLA would draw differently."""
        figures, gradients = self.figures_and_gradients(batch, noise, kl_weight)
        is_finite = _all_finite([figures, *gradients])
        tf.cond(is_finite, lambda: self.update(gradients, learning_rate), lambda: None)
        return figures, is_finite

    def _replica_step(self, batch: Batch, step, kl_weight):
        """From a shard: the figures of the whole batch, whether they and all gradients are finite,
        and the gradients."""
        figures, gradients = self.figures_and_gradients(batch, self._noise(batch, step), kl_weight)
        return (figures, _all_finite([figures, *gradients])), gradients

    def _noise(self, batch: Batch, step) -> Noise:
        """The noise of a shard."""
        size, steps = batch.strokes5.shape[0], batch.strokes5.shape[1] - 1
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        shard = Shard(replica * size, size, self._replicas * size)
        return draw_noise(
            self.hparams, noise_key(self.seed, SPLIT_STREAMS["train"], step), shard, steps
        )

    def figures_and_gradients(
        self, batch: Batch, noise: Noise, kl_weight: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Cost, reconstruction and KL `[3]` of the whole batch, from a shard; the gradients."""
        replica = tf.distribute.get_replica_context()
        with tf.GradientTape() as tape:
            reconstruction, kl = (cost / self._replicas for cost in self.raw_costs(batch, noise))
            whole_kl = replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.stop_gradient(kl))
            floored = self.model.floored(whole_kl)
            counts = tf.cast(whole_kl >= floored, tf.float32)  # no gradient below the floor
            cost = reconstruction + kl_weight * counts * kl
        weights = [variable.value for variable in self.model.trainable_variables]
        reconstruction, *gradients = replica.all_reduce(
            tf.distribute.ReduceOp.SUM, [reconstruction, *tape.gradient(cost, weights)]
        )
        figures = tf.stack([reconstruction + kl_weight * floored, reconstruction, floored])
        return figures, gradients

    def raw_costs(self, batch: Batch, noise: Noise) -> tuple[tf.Tensor, tf.Tensor]:
        """The reconstruction cost of a batch, and the KL cost before its floor."""
        kl, z = tf.constant(0.0), None
        encoder, latent = self.model.encoder, self.model.latent
        if encoder is not None and latent is not None:
            mu, logvar, z = latent(self._encode(encoder, batch, noise), noise.eps)
            kl = losses.kl_cost(mu, logvar)
        size, steps = batch.strokes5.shape[0], batch.strokes5.shape[1] - 1
        splits = batch.splits or whole_splits(size, steps, self.model.execution.programs)
        masks = (noise.decoder_mask, noise.input_mask, noise.output_mask)
        costs = [
            self._split_cost(
                None if z is None else tf.gather(z, split.members),
                in_rows(batch.strokes5[:, :-1], split.source),
                in_rows(batch.strokes5[:, 1:], split.source),
                split.loss_mask,
                Segments(split.starts, split.sketch),
                [in_rows(mask, split.source) for mask in masks],
                size * steps,
            )
            for split in splits
        ]
        return tf.add_n(costs), kl

    def _encode(self, encoder: Encoder, batch: Batch, noise: Noise) -> tf.Tensor:
        """The encoder's h `[B, 2 U]`; each direction is a program of its own, or both are one."""
        read = batch.strokes5[:, 1:], batch.encoder_packing, noise.forward_mask, noise.backward_mask
        if encoder.execution.joint_directions:
            return self._encode_program(tensors(*encoder.weights), *read)
        return tf.concat([self._read(*direction) for direction in encoder.directions(*read)], -1)

    @compiled
    def _encode_program(self, weights, *inputs):
        """Both directions, by these weights."""
        encoder = self.model.encoder
        with keras.StatelessScope(zip(encoder.weights, weights, strict=True)):
            return encoder(*inputs)

    def _read(self, layer, *inputs) -> tf.Tensor:
        return self._read_program(tensors(*layer.weights), *inputs)

    @compiled
    def _read_program(self, weights, *inputs):
        """One direction by these weights: both directions are one program, compiled once."""
        encoder = self.model.encoder
        with keras.StatelessScope(zip(encoder.forward.weights, weights, strict=True)):
            return encoder.read(Direction(encoder.forward, *inputs))

    def _split_cost(self, z, *inputs):
        """A split's part of the reconstruction cost; see `_split_program`."""
        sources = tensors(*self.model.decoder.weights)
        if z is not None:
            sources.append(z)

        @tf.custom_gradient
        def cost(*sources):
            unwatched = [tf.stop_gradient(source) for source in sources]  # by the tape outside
            value, gradients = self._split_program(unwatched, *inputs)
            return value, lambda d_value: [d_value * gradient for gradient in gradients]

        return cost(*sources)

    @compiled
    def _split_program(self, sources, points, targets, loss_mask, segments, masks, count):
        """A split's part of the reconstruction cost and its gradients by `sources`.

        They are one program, so that what the backward pass reads is nowhere kept twice.

        Args:
          sources: the decoder's weights, and z `[S, Z]` of the conditional model.
          points, targets: `[T, R, 5]`.
          loss_mask, segments: see `packing.DecoderSplit`.
          masks: recurrent, input and output dropout of the decoder.
          count: what the sum over the steps is divided by.
        """
        decoder = self.model.decoder
        weights, z = (sources, None) if self.model.encoder is None else (sources[:-1], sources[-1])
        with tf.GradientTape() as tape:
            tape.watch(sources)
            with keras.StatelessScope(zip(decoder.weights, weights, strict=True)):
                output, _ = decoder(points, z, segments, *masks)
            cost = losses.reconstruction_cost(output, targets, loss_mask, count)
        return cost, tape.gradient(cost, sources)

    def _update(self, gradients, learning_rate) -> None:
        if self._replicas == 1:
            self._compiled_update(gradients, learning_rate)
        else:
            self.strategy.run(self.update, (gradients, learning_rate))

    def update(self, gradients, learning_rate) -> None:
        """Keras adds up what the replicas give: each gives its part of the clipped gradients."""
        clip = self.hparams.grad_clip
        parts = [tf.clip_by_value(gradient, -clip, clip) / self._replicas for gradient in gradients]
        self.state.optimizer.learning_rate.assign(learning_rate)
        self.state.optimizer.apply(parts, self.model.trainable_variables)


def _all_finite(values: list[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(value)) for value in values])
