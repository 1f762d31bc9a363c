"""The model: a bidirectional encoder, a latent vector, and a decoder (Ha & Eck 2017, figure 2).

Legend: B batch, T time (N_max), R rows of a layout, Z latent, M mixtures, S sketches of a part.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn import strokes
from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses, sampling
from sketch_rnn.model.layers import Decoder, Encoder, Latent, independent_seeds
from sketch_rnn.model.noise import Noise, Share, draw_noise
from sketch_rnn.model.packing import Layout, Part, in_rows, one_sketch_a_row, whole_parts
from sketch_rnn.model.programs import program
from sketch_rnn.model.recurrent.base import tensors
from sketch_rnn.model.recurrent.rows import Rows

POINT = 5  # the width of a stroke-5 row


@keras.saving.register_keras_serializable("sketch_rnn")
class SketchRNN(keras.Model):
    """Encoder, latent vector and decoder; the decoder alone where `conditional` is off.

    Attributes:
      hparams: its hyperparameters; `max_seq_len` is N_max.
      scale_factor: data units in a model unit; None where it is not known, and then the sketches
        that it reads and draws are in model units.
    """

    def __init__(
        self,
        hparams: HParams,
        scale_factor: float | None = None,
        seed: int | None = None,
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(hparams, dict):
            hparams = HParams.from_dict(hparams)
        self.hparams, self.scale_factor, self.seed = hparams, scale_factor, seed
        self.precision = precision
        seeds = independent_seeds(seed, 3)
        keep_prob = hparams.recurrent_dropout_prob
        self.encoder = self.latent = None
        if hparams.conditional:
            self.encoder = Encoder(
                hparams.enc_model, hparams.enc_rnn_size, keep_prob, seeds[0], precision
            )
            self.latent = Latent(hparams.z_size, seeds[1])
            self.encoder.build((None, None, POINT))
            self.latent.build((None, 2 * hparams.enc_rnn_size))
        self.decoder = Decoder(
            hparams.dec_model,
            hparams.dec_rnn_size,
            hparams.z_size if hparams.conditional else 0,
            hparams.num_mixture,
            keep_prob,
            hparams.input_dropout_prob,
            hparams.output_dropout_prob,
            seeds[2],
            precision,
        )
        self.decoder.build((None, None, POINT))
        self.built = True

    def get_config(self) -> dict:
        own = {"hparams": self.hparams.to_dict(), "scale_factor": self.scale_factor}
        return super().get_config() | own | {"seed": self.seed, "precision": self.precision}

    def call(
        self,
        strokes5: tf.Tensor,
        layout: Layout,
        noise: Noise = Noise(),  # noqa: B008
    ) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor | None]:
        """One pass over a batch.

        Args:
          strokes5: `[B, T + 1, 5]`, the start token first.
          layout: of the encoder's points.
          noise: eps and the dropouts.

        Returns:
          The decoder's output `[T, B, 3 + 6 M]`; mu and logvar `[B, Z]`, or None.
        """
        mu = logvar = z = None
        if self.encoder is not None:
            h = self.encoder(strokes5[:, 1:], layout, noise.forward_kept, noise.backward_kept)
            mu, logvar, z = self.latent(h, noise.eps)
        points = tf.transpose(strokes5[:, :-1], [1, 0, 2])  # [T, B, 5]
        dropouts = [
            None if kept is None else tf.transpose(kept, [1, 0, 2])
            for kept in (noise.decoder_kept, noise.input_kept, noise.output_kept)
        ]
        output, _ = self.decoder(points, z, Rows(), *dropouts)
        return output, mu, logvar

    def raw_costs(
        self,
        strokes5: tf.Tensor,
        layout: Layout,
        noise: Noise,
        parts: Sequence[Part] | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The costs of a batch, from programs that run at the same time where a graph is built.

        Args:
          strokes5: `[B, T + 1, 5]`, the start token first.
          layout: of the encoder's points.
          noise: eps and the dropouts.
          parts: what the decoder reads at the same time; None is every step of every sketch.

        Returns:
          The reconstruction cost, and the KL cost before its floor (0 without an encoder).
        """
        kl, z = tf.constant(0.0), None
        if self.encoder is not None:
            h = self.encoder(strokes5[:, 1:], layout, noise.forward_kept, noise.backward_kept)
            mu, logvar, z = self.latent(h, noise.eps)
            kl = losses.kl_cost(mu, logvar)
        batch, steps = strokes5.shape[0], strokes5.shape[1] - 1
        dropouts = (noise.decoder_kept, noise.input_kept, noise.output_kept)
        costs = [
            self._reconstruction(
                None if z is None else tf.gather(z, part.members),
                in_rows(strokes5[:, :-1], part.source),
                in_rows(strokes5[:, 1:], part.source),
                part.taken,
                Rows(part.starts, part.sketch),
                [in_rows(kept, part.source) for kept in dropouts],
                batch * steps,
            )
            for part in parts or whole_parts(batch, steps)
        ]
        return tf.add_n(costs), kl

    def _reconstruction(self, z, *inputs):
        """A part's share of the reconstruction cost; see `_cost_and_gradients`."""
        sources = tensors(*self.decoder.weights)
        if z is not None:
            sources.append(z)

        @tf.custom_gradient
        def cost(*sources):
            value, gradients = self._cost_and_gradients(sources, *inputs)
            return value, lambda d_value: [d_value * gradient for gradient in gradients]

        return cost(*sources)

    @program
    def _cost_and_gradients(self, sources, points, targets, taken, rows, dropouts, count):
        """A part's share of the reconstruction cost and its gradients by `sources`.

        They are one program, so that what the backward pass reads is nowhere kept twice.

        Args:
          sources: the decoder's weights, and z `[S, Z]` of the conditional model.
          points, targets: `[T, R, 5]`.
          taken, rows: see `layout.Part`.
          dropouts: `kept`, `input_kept` and `output_kept` of the decoder.
          count: what the sum over the steps is divided by.
        """
        weights, z = (sources, None) if self.encoder is None else (sources[:-1], sources[-1])
        with tf.GradientTape() as tape:
            tape.watch(sources)
            with keras.StatelessScope(zip(self.decoder.weights, weights, strict=True)):
                output, _ = self.decoder(points, z, rows, *dropouts)
            cost = losses.reconstruction_cost(output, targets, taken, count)
        return cost, tape.gradient(cost, sources)

    def costs(
        self,
        strokes5: np.ndarray | tf.Tensor,
        lengths: np.ndarray | tf.Tensor,
        noise: np.ndarray | tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The costs of a batch as in a run's validation figures.

        Args:
          strokes5: `[B, T + 1, 5]` in model units, the start token first.
          lengths: the number of points of each sketch, `[B]`.
          noise: eps `[B, Z]`; None is zero.
          training: True turns the dropouts on, with masks from TensorFlow's global generator.

        Returns:
          The reconstruction cost, and the KL cost with its floor (0 without an encoder).
        """
        strokes5 = tf.convert_to_tensor(strokes5, tf.float32)
        batch, steps = strokes5.shape[0], strokes5.shape[1] - 1
        layout = one_sketch_a_row(tf.cast(lengths, tf.int32), steps)
        drawn = Noise()
        if training:
            key = tf.random.uniform([2], maxval=2**31 - 1, dtype=tf.int32)
            drawn = draw_noise(self.hparams, key, Share(0, batch, batch), steps)
        eps = None if noise is None else tf.cast(noise, tf.float32)
        reconstruction, kl = self.raw_costs(strokes5, layout, drawn._replace(eps=eps))
        return reconstruction, self.floored(kl)

    def floored(self, kl: tf.Tensor) -> tf.Tensor:
        """max(KL, kl_tolerance) (section 3.2); 0 without an encoder."""
        return tf.maximum(kl, self.hparams.kl_tolerance) if self.hparams.conditional else kl

    def encode(self, sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Encodes drawings.

        Args:
          sketches: stroke-3 arrays `[n, 3]` in data units.

        Returns:
          mu and logvar, each `[B, Z]`.
        """
        starts = range(0, len(sketches), sampling.LARGEST_BATCH)
        parts = [self._encode(sketches[start : start + sampling.LARGEST_BATCH]) for start in starts]
        mu, logvar = (np.concatenate(part) for part in zip(*parts, strict=True))
        return mu, logvar

    def _encode(self, sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """`encode`, all at once."""
        scaled = self.to_model_units(sketches)
        longest = max(len(sketch) for sketch in scaled)
        strokes5 = tf.constant(strokes.to_stroke5(scaled, longest))
        layout = one_sketch_a_row(tf.constant([len(s) for s in scaled]), longest)
        mu, logvar, _ = self.latent(self.encoder(strokes5[:, 1:], layout))
        return mu.numpy(), logvar.numpy()

    def decode(
        self,
        z: np.ndarray | None = None,
        count: int = 1,
        temperature: float | np.ndarray = 1.0,
        greedy: bool = False,
        max_len: int | None = None,
        seed: int | None = None,
    ) -> list[np.ndarray]:
        """Draws sketches.

        Args:
          z: `[Z]` or `[B, Z]`; None draws it from the prior. Always None for an unconditional
            model.
          count: sketches of each z.
          temperature: above 0, one for all or one a sketch; low is sure, 1 is as trained.
          greedy: always the most probable component's mean and the most probable pen state.
          max_len: points of the longest sketch; None is N_max.
          seed: the same one draws the same sketches; None is a new one.

        Returns:
          B * count stroke-3 arrays `[n, 3]` float32 in data units, those of the first z first.

        Raises:
          UserError: z is of another shape, or a value is out of range.
        """
        return sampling.decode(self, z, count, temperature, greedy, max_len, seed)

    def to_model_units(self, sketches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """stroke-3 arrays in data units -> float32 arrays in model units."""
        scale = np.array([1 / (self.scale_factor or 1)] * 2 + [1], np.float32)
        return [np.asarray(sketch, np.float32) * scale for sketch in sketches]

    def to_data_units(self, sketches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """stroke-3 arrays in model units -> float32 arrays in data units."""
        scale = np.array([self.scale_factor or 1] * 2 + [1], np.float32)
        return [np.asarray(sketch, np.float32) * scale for sketch in sketches]
