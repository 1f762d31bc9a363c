"""One forward pass over whole sketches: encoder, z, decoder (Ha & Eck 2017, figure 2), and the
random numbers in it.

Training, evaluation, `SketchRNN.call` and served models all use this module. In a graph that is
not compiled as a whole, some parts of a pass are separately compiled programs: the encoder's
directions (`Encoder.call`), and the decoder's micro-batches with their gradients. These programs
run at the same time, each on a different core.

The random numbers are a stateless function of (seed, step). The numbers for a sketch depend on its
place in the whole batch, so several machines that share a batch draw the same numbers as one
machine would.

Legend: B batch, T time (N_max), R rows, S sketches of a micro-batch, U units, Z latent, M mixtures.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses
from sketch_rnn.model.execution import compiled, tensors
from sketch_rnn.model.layers import Decoder, Encoder, Latent
from sketch_rnn.model.packing import Batch, MicroBatch, Segments, in_rows, whole_micro_batches

SPLIT_STREAMS = {"train": 0, "valid": 1, "test": 2}  # the `stream` argument of `noise_key`
_STREAMS = ("eps", "forward_mask", "backward_mask", "decoder_mask", "input_mask", "output_mask")
_LEVELS = 2**16
_PHILOX = 1  # TensorFlow's number for the generator Philox (Salmon et al. 2011)
_BLOCK = 8  # the number of draws from one block of the generator


class Noise(NamedTuple):
    """The noise of one forward pass; None means no noise."""

    eps: tf.Tensor | None = None  # [B, Z], standard normal; None means zero
    forward_mask: tf.Tensor | None = None  # bool [B, T, U], recurrent dropout of the encoder
    backward_mask: tf.Tensor | None = None  # bool [B, T, U]
    decoder_mask: tf.Tensor | None = None  # bool [B, T, U], recurrent dropout of the decoder
    input_mask: tf.Tensor | None = None  # bool [B, T, 5 + Z], input dropout of the decoder
    output_mask: tf.Tensor | None = None  # bool [B, T, U], output dropout of the decoder


class Shard(NamedTuple):
    """The sketches `first` to `first + size` in a batch of `total` sketches."""

    first: tf.Tensor | int
    size: int
    total: int


class Latents(NamedTuple):
    """The posterior of each sketch and a sample from it, `[B, Z]`; all None without an encoder."""

    mu: tf.Tensor | None
    logvar: tf.Tensor | None
    z: tf.Tensor | None


class Outputs(NamedTuple):
    """The results of a forward pass."""

    output: tf.Tensor  # [T, B, 3 + 6 M], the decoder's output
    mu: tf.Tensor | None  # [B, Z]; None without an encoder
    logvar: tf.Tensor | None  # [B, Z]; None without an encoder


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
        masks = noise.forward_mask, noise.backward_mask
        h = self.encoder(batch.strokes5[:, 1:], batch.encoder_packing, *masks)
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

        One compiled program computes the cost and the gradients, so that the values that the
        backward pass needs are stored only once.

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


def draw_noise(
    hparams: HParams, key: tf.Tensor, shard: Shard, steps: int, training: bool = True
) -> Noise:
    """Draw the noise that one step needs.

    Args:
      hparams: the hyperparameters, which say what kinds of dropout are on and how large the model
        is.
      key: int32 `[2]`, from `noise_key`.
      shard: the part of the batch, B sketches, to draw noise for.
      steps: T.
      training: False turns all dropout off.
    """
    keys = {name: tf.random.fold_in(key, i) for i, name in enumerate(_STREAMS)}
    drawn = {}

    def keep(name: str, width: int, keep_prob: float) -> None:
        drawn[name] = _dropout_mask(shard, steps, width, keys[name], keep_prob)

    if hparams.conditional:
        eps = tf.random.stateless_normal([shard.total, hparams.z_size], keys["eps"])
        drawn["eps"] = tf.slice(eps, [shard.first, 0], [shard.size, hparams.z_size])
    if training and hparams.use_recurrent_dropout:
        keep_prob = hparams.recurrent_dropout_prob
        if hparams.conditional:
            for name in ("forward_mask", "backward_mask"):
                keep(name, hparams.enc_rnn_size, keep_prob)
        keep("decoder_mask", hparams.dec_rnn_size, keep_prob)
    if training and hparams.use_input_dropout:
        width = 5 + (hparams.z_size if hparams.conditional else 0)
        keep("input_mask", width, hparams.input_dropout_prob)
    if training and hparams.use_output_dropout:
        keep("output_mask", hparams.dec_rnn_size, hparams.output_dropout_prob)
    return Noise(**drawn)


def noise_key(seed: int, stream: int, step: tf.Tensor) -> tf.Tensor:
    """Return the random key, int32 `[2]`, for a step in one of a run's streams.

    `SPLIT_STREAMS` lists the values of `stream`.
    """
    return tf.random.fold_in(tf.random.fold_in(tf.constant([seed, 0]), stream), step)


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


def _dropout_mask(
    shard: Shard, steps: int, width: int, key: tf.Tensor, keep_prob: float
) -> tf.Tensor:
    """Return a mask `[size, steps, width]` that is True with probability `keep_prob`.

    Each 32 random bits give two draws, so the probability is exact to within 2^-17.
    """
    blocks = -(-width // _BLOCK)  # of the generator, per step of a sketch
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=key)
    begin = tf.cast(shard.first * (steps * blocks), tf.uint64)
    bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[shard.size, steps, blocks * _BLOCK // 2],
        key=key,
        counter=counter + tf.stack([begin, tf.zeros([], tf.uint64)]),
        alg=_PHILOX,
        dtype=tf.uint32,
    )
    halves = tf.reshape(tf.bitcast(bits, tf.uint16), [shard.size, steps, blocks * _BLOCK])
    threshold = max(round(keep_prob * _LEVELS), 1) - 1
    return halves[..., :width] <= tf.constant(threshold, tf.uint16)
