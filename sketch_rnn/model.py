"""The model: a bidirectional encoder, a latent vector, and a decoder (Ha & Eck 2017, figure 2).

Legend: B batch, T time (N_max), R rows of the encoder's layout, U units, Z latent, M mixtures,
S width of the decoder's state.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn import losses, sampling, strokes
from sketch_rnn.hparams import HParams
from sketch_rnn.layout import Layout, one_sketch_a_row
from sketch_rnn.mixture import output_size
from sketch_rnn.noise import Noise, draw_noise
from sketch_rnn.programs import program
from sketch_rnn.recurrent import LAYERS

POINT = 5  # the width of a stroke-5 row
PARTS = 2  # of a batch, which the decoder reads at the same time


@keras.saving.register_keras_serializable("sketch_rnn")
class Encoder(keras.layers.Layer):
    """Reads each sketch in both directions; gives the final h of both, forward first.

    Only a sketch's own points are read, from the zero state (equation 1).
    """

    def __init__(self, cell: str, units: int, keep_prob: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.cell, self.units, self.keep_prob, self.seed = cell, units, keep_prob, seed
        seeds = _seeds(seed, 2)
        self.forward = LAYERS[cell](units, keep_prob, seeds[0], name="forward")
        self.backward = LAYERS[cell](units, keep_prob, seeds[1], name="backward")

    def get_config(self) -> dict:
        own = {"cell": self.cell, "units": self.units, "keep_prob": self.keep_prob}
        return super().get_config() | own | {"seed": self.seed}

    def build(self, points_shape) -> None:
        for direction in (self.forward, self.backward):
            direction.build((None, None, points_shape[-1]))

    def call(
        self,
        points: tf.Tensor,
        layout: Layout,
        forward_kept: tf.Tensor | None = None,
        backward_kept: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Encodes.

        Args:
          points: stroke-5 rows without the start token, `[B, T, 5]`.
          layout: where the points stand in the rows.
          forward_kept: bool `[T, R, U]`, recurrent dropout of the forward direction.
          backward_kept: bool `[T, R, U]`, of the backward direction, in its own order of time.

        Returns:
          `[B, 2 U]`.
        """
        x = tf.gather(tf.reshape(points, [-1, POINT]), layout.source)  # [T, R, 5]
        return tf.concat(
            [
                self._read_forward(x, layout, forward_kept),
                self._read_backward(x, layout, backward_kept),
            ],
            axis=-1,
        )

    @program
    def _read_forward(self, x, layout, kept):
        h, _ = self.forward(x, starts=layout.starts, kept=kept)
        return tf.gather(tf.reshape(h, [-1, self.units]), layout.last)

    @program
    def _read_backward(self, x, layout, kept):
        h, _ = self.backward(tf.reverse(x, [0]), starts=tf.reverse(layout.ends, [0]), kept=kept)
        return tf.gather(tf.reshape(tf.reverse(h, [0]), [-1, self.units]), layout.first)


@keras.saving.register_keras_serializable("sketch_rnn")
class Latent(keras.layers.Layer):
    """The distribution of z given a sketch, and a sample of it (equations 2 and 3)."""

    def __init__(self, z_size: int, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.z_size, self.seed = z_size, seed
        seeds = _seeds(seed, 2)
        self.mu = _small_dense(z_size, seeds[0], "mu")
        self.logvar = _small_dense(z_size, seeds[1], "logvar")

    def get_config(self) -> dict:
        return super().get_config() | {"z_size": self.z_size, "seed": self.seed}

    def build(self, h_shape) -> None:
        self.mu.build(h_shape)
        self.logvar.build(h_shape)

    def call(
        self, h: tf.Tensor, eps: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """h `[B, 2 U]`, eps `[B, Z]` (None is zero) -> mu, logvar and z, each `[B, Z]`."""
        mu, logvar = self.mu(h), self.logvar(h)
        return mu, logvar, mu if eps is None else mu + tf.exp(logvar / 2) * eps


@keras.saving.register_keras_serializable("sketch_rnn")
class Decoder(keras.layers.Layer):
    """Gives the distribution of each next point (equations 4 to 8).

    With `z_size` 0 it is the unconditional model: no z in its input, and the zero state first.
    """

    def __init__(
        self,
        cell: str,
        units: int,
        z_size: int,
        num_mixture: int,
        keep_prob: float = 1.0,
        input_keep_prob: float = 1.0,
        output_keep_prob: float = 1.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cell, self.units, self.z_size, self.num_mixture = cell, units, z_size, num_mixture
        self.keep_prob, self.input_keep_prob = keep_prob, input_keep_prob
        self.output_keep_prob, self.seed = output_keep_prob, seed
        seeds = _seeds(seed, 4)
        self.recurrent = LAYERS[cell](units, keep_prob, seeds[0], name="recurrent")
        if z_size:
            self.first_state = _small_dense(self.recurrent.state_size, seeds[1], "first_state")
        self.output_layer = keras.layers.Dense(
            output_size(num_mixture),
            kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[2]),
            bias_initializer=keras.initializers.GlorotUniform(seed=seeds[3]),
            name="output",
        )

    def get_config(self) -> dict:
        names = ("cell", "units", "z_size", "num_mixture", "keep_prob", "input_keep_prob")
        names += ("output_keep_prob", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def build(self, points_shape) -> None:
        z_shape = (None, self.z_size) if self.z_size else None
        self.recurrent.build((None, None, points_shape[-1]), z_shape)
        if self.z_size:
            self.first_state.build(z_shape)
        self.output_layer.build((None, self.units))

    def initial_state(self, z: tf.Tensor | None, batch: int | tf.Tensor) -> tf.Tensor:
        """tanh(W z + b), `[B, S]`; zero without z."""
        if z is None:
            return tf.zeros([batch, self.recurrent.state_size])
        return tf.tanh(self.first_state(z))

    def call(
        self,
        points: tf.Tensor,
        z: tf.Tensor | None = None,
        kept: tf.Tensor | None = None,
        input_kept: tf.Tensor | None = None,
        output_kept: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Decodes with the true previous points as input.

        Args:
          points: stroke-5 rows that begin with the start token, `[T, B, 5]`.
          z: `[B, Z]`, or None for the unconditional model.
          kept: bool `[T, B, U]`, recurrent dropout.
          input_kept: bool `[T, B, 5 + Z]`, input dropout, fresh at each step.
          output_kept: bool `[T, B, U]`, dropout of what the output layer reads.

        Returns:
          The output `[T, B, 3 + 6 M]`, and the final state `[B, S]`.
        """
        state = self.initial_state(z, points.shape[1])
        context = z
        if input_kept is not None:
            points, context = self._join(points, z), None
            points = _dropout(points, input_kept, self.input_keep_prob)
        h, state = self.recurrent(points, context=context, state=state, kept=kept)
        if output_kept is not None:
            h = _dropout(h, output_kept, self.output_keep_prob)
        return self.output_layer(h), state

    def step(
        self, point: tf.Tensor, z: tf.Tensor | None, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One step: `[B, 5]`, `[B, Z]`, `[B, S]` -> output `[B, 3 + 6 M]`, state."""
        x = point if z is None else tf.concat([point, z], axis=-1)
        h, state = self.recurrent.step(x, state)
        return self.output_layer(h), state

    def _join(self, points: tf.Tensor, z: tf.Tensor | None) -> tf.Tensor:
        """`[points, z]` at every step, `[T, B, 5 + Z]`."""
        if z is None:
            return points
        return tf.concat([points, tf.tile(z[None], [points.shape[0], 1, 1])], axis=-1)


@keras.saving.register_keras_serializable("sketch_rnn")
class SketchRNN(keras.Model):
    """Encoder, latent vector and decoder; the decoder alone where `conditional` is off.

    Attributes:
      hparams: its hyperparameters; `max_seq_len` is N_max.
      scale_factor: data units in a model unit; None where it is not known, and then the sketches
        that it reads and draws are in model units.
    """

    def __init__(
        self, hparams: HParams, scale_factor: float | None = None, seed: int | None = None, **kwargs
    ):
        super().__init__(**kwargs)
        if isinstance(hparams, dict):
            hparams = HParams.from_dict(hparams)
        self.hparams, self.scale_factor, self.seed = hparams, scale_factor, seed
        seeds = _seeds(seed, 3)
        keep_prob = hparams.recurrent_dropout_prob
        self.encoder = self.latent = None
        if hparams.conditional:
            self.encoder = Encoder(hparams.enc_model, hparams.enc_rnn_size, keep_prob, seeds[0])
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
        )
        self.decoder.build((None, None, POINT))
        self.built = True

    def get_config(self) -> dict:
        own = {"hparams": self.hparams.to_dict(), "scale_factor": self.scale_factor}
        return super().get_config() | own | {"seed": self.seed}

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
        output, _ = self.decoder(points, z, noise.decoder_kept, noise.input_kept, noise.output_kept)
        return output, mu, logvar

    def raw_costs(
        self, strokes5: tf.Tensor, layout: Layout, noise: Noise
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The reconstruction cost, and the KL cost before its floor (0 without an encoder)."""
        kl, z = tf.constant(0.0), None
        if self.encoder is not None:
            h = self.encoder(strokes5[:, 1:], layout, noise.forward_kept, noise.backward_kept)
            mu, logvar, z = self.latent(h, noise.eps)
            kl = losses.kl_cost(mu, logvar)
        inputs = (
            _parts(tf.transpose(strokes5, [1, 0, 2]), 1),  # [T + 1, B, 5]
            _parts(z, 0),
            _parts(noise.decoder_kept, 1),
            _parts(noise.input_kept, 1),
            _parts(noise.output_kept, 1),
        )
        batch = strokes5.shape[0]
        return tf.add_n(
            [
                self._reconstruction(points, *others) * (points.shape[1] / batch)
                for points, *others in zip(*inputs, strict=False)
            ]
        ), kl

    @program
    def _reconstruction(self, strokes5, z, *dropouts):
        """The reconstruction cost of `[T + 1, B, 5]`."""
        output, _ = self.decoder(strokes5[:-1], z, *dropouts)
        return losses.reconstruction_cost(output, strokes5[1:])

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
            drawn = draw_noise(self.hparams, key, batch, batch, steps)
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


def _parts(value: tf.Tensor | None, axis: int) -> list[tf.Tensor | None]:
    """The value split along the axis of the batch into `PARTS`, or into single sketches."""
    if value is None:
        return [None] * PARTS
    size = value.shape[axis]
    count = min(PARTS, size)
    return tf.split(value, [(size + part) // count for part in range(count)], axis)


def _seeds(seed: int | None, count: int) -> list[int | None]:
    """Independent seeds for the parts of a model."""
    if seed is None:
        return [None] * count
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(count)]


def _small_dense(units: int, seed: int | None, name: str) -> keras.layers.Dense:
    initializer = keras.initializers.RandomNormal(stddev=0.001, seed=seed)
    return keras.layers.Dense(units, kernel_initializer=initializer, name=name)


def _dropout(x: tf.Tensor, kept: tf.Tensor, keep_prob: float) -> tf.Tensor:
    """Inverted dropout with a given mask."""
    return tf.where(kept, x / keep_prob, 0.0)
