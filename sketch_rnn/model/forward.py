"""One forward pass over whole sketches: encoder, z, decoder (Ha & Eck 2017, figure 2).

Training, evaluation, `SketchRNN.call` and served models all use this module. In a graph that is
not compiled as a whole, parts of a pass are separately compiled programs that run at the same time,
each on a different core: the encoder's directions, and the decoder's micro-batches with their
gradients.

Legend: B batch, T time (N_max), R rows, S sketches of a micro-batch, U units, Z latent, M mixtures.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import keras
import tensorflow as tf

from sketch_rnn.model import losses
from sketch_rnn.model.compiling import compiled
from sketch_rnn.model.layers import Decoder, Direction, Encoder, Latent
from sketch_rnn.model.noise import Noise
from sketch_rnn.model.packing import Batch, MicroBatch, Packing, in_rows, whole_micro_batches
from sketch_rnn.model.recurrent.base import Recurrent, tensors
from sketch_rnn.model.recurrent.segments import Segments


class Latents(NamedTuple):
    """The posterior of each sketch and a sample from it, `[B, Z]`; all None without an encoder."""

    mu: tf.Tensor | None
    logvar: tf.Tensor | None
    z: tf.Tensor | None


class SketchCosts(NamedTuple):
    """The costs of each sketch."""

    offset: tf.Tensor  # [B]: the offset loss, summed over its points and divided by T
    pen: tf.Tensor  # [B]: the pen loss, summed over all steps and divided by T
    kl: tf.Tensor  # [B, Z]: KL divergence from the prior; Z is 0 without an encoder
    mu: tf.Tensor  # [B, Z]


class DecoderInput(NamedTuple):
    """The input of the decoder for one micro-batch."""

    points: tf.Tensor  # [T, R, 5], the point before each target
    segments: Segments
    masks: list[tf.Tensor | None]  # bool [T, R, ...]: recurrent, input and output dropout


class Forward:
    """The forward pass through a model; without an encoder it begins at the decoder."""

    def __init__(self, encoder: Encoder | None, latent: Latent | None, decoder: Decoder):
        self.encoder, self.latent, self.decoder = encoder, latent, decoder

    def encode(self, batch: Batch, noise: Noise) -> Latents:
        """Return mu, logvar and a sampled z of each sketch."""
        if self.encoder is None or self.latent is None:
            return Latents(None, None, None)
        read = batch.strokes5[:, 1:], batch.encoder_packing, noise.forward_mask, noise.backward_mask
        if self.encoder.execution.joint_directions:
            h = self._both_directions(tensors(*self.encoder.weights), *read)
        else:
            directions = self.encoder.direction_inputs(*read)
            h = tf.concat([self._run_direction(*direction) for direction in directions], axis=-1)
        return Latents(*self.latent(h, noise.eps))

    def decode(self, batch: Batch, z: tf.Tensor | None, noise: Noise) -> tf.Tensor:
        """Return the decoder's output at every step of every sketch, `[T, B, 3 + 6 M]`."""
        (whole,) = _all_steps(batch, programs=1)
        read = _decoder_input(batch, whole, noise)
        output, _ = self.decoder(read.points, z, read.segments, *read.masks)
        return output

    def sketch_costs(self, batch: Batch, noise: Noise) -> SketchCosts:
        """Return the costs of each sketch, decoded to the last step."""
        mu, logvar, z = self.encode(batch, noise)
        output = self.decode(batch, z, noise)
        target = tf.transpose(batch.strokes5[:, 1:], [1, 0, 2])  # [T, B, 5]
        offset = tf.reduce_mean(losses.offset_losses(output, target), axis=0)
        pen = tf.reduce_mean(losses.pen_losses(output, target), axis=0)
        if mu is None or logvar is None:
            nothing = tf.zeros([batch.strokes5.shape[0], 0])
            return SketchCosts(offset, pen, nothing, nothing)
        return SketchCosts(offset, pen, losses.kl_divergence(mu, logvar), mu)

    def costs(self, batch: Batch, noise: Noise) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the reconstruction cost of a batch, and its KL cost before the floor.

        The steps that count toward the reconstruction cost depend on the batch's layout.
        """
        mu, logvar, z = self.encode(batch, noise)
        kl = tf.constant(0.0) if mu is None else losses.kl_cost(mu, logvar)
        micro_batches = batch.micro_batches or _all_steps(batch, self.decoder.execution.programs)
        parts = [self._reconstruction(batch, one, z, noise) for one in micro_batches]
        return tf.add_n(parts), kl

    @compiled
    def _both_directions(
        self,
        weights: list[tf.Tensor],
        points: tf.Tensor,
        packing: Packing,
        forward_mask: tf.Tensor | None,
        backward_mask: tf.Tensor | None,
    ) -> tf.Tensor:
        """Return the encoder's h `[B, 2 U]`.

        Args:
          weights: the encoder's weights.
          points, packing, forward_mask, backward_mask: see `Encoder.call`.
        """
        encoder = cast(Encoder, self.encoder)
        with keras.StatelessScope(zip(encoder.weights, weights, strict=True)):
            return encoder(points, packing, forward_mask, backward_mask)

    def _run_direction(self, layer: Recurrent, *read: tf.Tensor | None) -> tf.Tensor:
        """Return the h `[B, U]` of one direction; the arguments are the fields of a `Direction`."""
        return self._direction_by(tensors(*layer.weights), *read)

    @compiled
    def _direction_by(self, weights: list[tf.Tensor], *read: tf.Tensor | None) -> tf.Tensor:
        """Return the h `[B, U]` of one direction, computed with the weights given as arguments.

        Since the weights are arguments, one compiled program serves both directions.
        """
        encoder = cast(Encoder, self.encoder)
        with keras.StatelessScope(zip(encoder.forward.weights, weights, strict=True)):
            return encoder.last_h(Direction(encoder.forward, *read))

    def _reconstruction(
        self, batch: Batch, micro_batch: MicroBatch, z: tf.Tensor | None, noise: Noise
    ) -> tf.Tensor:
        """Return a micro-batch's part of the reconstruction cost, with a custom gradient."""
        read = _decoder_input(batch, micro_batch, noise)
        targets = in_rows(batch.strokes5[:, 1:], micro_batch.source)
        steps = batch.strokes5.shape[0] * (batch.strokes5.shape[1] - 1)
        sources = tensors(*self.decoder.weights)
        if z is not None:
            sources.append(tf.gather(z, micro_batch.members))

        @tf.custom_gradient
        def cost(*sources: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            # The tape outside must not record what happens in here.
            unwatched = [tf.stop_gradient(source) for source in sources]
            value, gradients = self._cost_and_gradients(
                unwatched, read, targets, micro_batch.loss_mask, steps
            )
            return value, lambda d_value: [d_value * gradient for gradient in gradients]

        return cost(*sources)

    @compiled
    def _cost_and_gradients(
        self,
        sources: list[tf.Tensor],
        read: DecoderInput,
        targets: tf.Tensor,
        loss_mask: tf.Tensor | None,
        count: int,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return a micro-batch's part of the reconstruction cost, and the gradients of this part.

        One compiled program computes both, so that the values that the backward pass needs are
        stored only once.

        Args:
          sources: the tensors whose gradients to compute: the decoder's weights and, for a
            conditional model, z `[S, Z]`.
          read: the decoder's input for the micro-batch.
          targets: the points to predict, `[T, R, 5]`.
          loss_mask: see `MicroBatch`.
          count: the number that the sum over the steps is divided by.
        """
        weights, z = (sources, None) if self.encoder is None else (sources[:-1], sources[-1])
        with tf.GradientTape() as tape:
            tape.watch(sources)
            with keras.StatelessScope(zip(self.decoder.weights, weights, strict=True)):
                output, _ = self.decoder(read.points, z, read.segments, *read.masks)
            cost = losses.reconstruction_cost(output, targets, loss_mask, count)
        return cost, tape.gradient(cost, sources)


def _all_steps(batch: Batch, programs: int) -> tuple[MicroBatch, ...]:
    size, rows, _ = batch.strokes5.shape
    return whole_micro_batches(size, rows - 1, programs)


def _decoder_input(batch: Batch, micro_batch: MicroBatch, noise: Noise) -> DecoderInput:
    masks = noise.decoder_mask, noise.input_mask, noise.output_mask
    return DecoderInput(
        in_rows(batch.strokes5[:, :-1], micro_batch.source),
        Segments(micro_batch.starts, micro_batch.sketch),
        [in_rows(mask, micro_batch.source) for mask in masks],
    )
