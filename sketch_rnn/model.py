"""The model: a bidirectional encoder, a latent vector, and a decoder (Ha & Eck 2017, figure 2).

Legend: B batch, T time (N_max), R rows of a layout, U units, Z latent, M mixtures, S width of the
decoder's state.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn import losses, sampling, strokes
from sketch_rnn.hparams import HParams
from sketch_rnn.layout import Layout, Part, one_sketch_a_row, whole_parts
from sketch_rnn.mixture import output_size
from sketch_rnn.noise import Noise, Share, draw_noise
from sketch_rnn.programs import program
from sketch_rnn.recurrent import LAYERS
from sketch_rnn.recurrent.products import affine
from sketch_rnn.recurrent.rows import Rows

POINT = 5  # the width of a stroke-5 row


@keras.saving.register_keras_serializable("sketch_rnn")
class Encoder(keras.layers.Layer):
    """Reads each sketch in both directions; gives the final h of both, forward first.

    Only a sketch's own points are read, from the zero state (equation 1).
    """

    def __init__(
        self,
        cell: str,
        units: int,
        keep_prob: float,
        seed: int | None = None,
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cell, self.units, self.keep_prob = cell, units, keep_prob
        self.seed, self.precision = seed, precision
        seeds = _seeds(seed, 2)
        self.forward = LAYERS[cell](units, keep_prob, seeds[0], precision, name="forward")
        self.backward = LAYERS[cell](units, keep_prob, seeds[1], precision, name="backward")

    def get_config(self) -> dict:
        names = ("cell", "units", "keep_prob", "seed", "precision")
        return super().get_config() | {name: getattr(self, name) for name in names}

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
          forward_kept: bool `[B, T, U]`, recurrent dropout of the forward direction.
          backward_kept: bool `[B, T, U]`, of the backward direction.

        Returns:
          `[B, 2 U]`.
        """
        x = _laid_out(points, layout.source)
        backward_kept = _laid_out(backward_kept, layout.source)
        if backward_kept is not None:
            backward_kept = tf.reverse(backward_kept, [0])
        steps, rows = layout.source.shape
        last_read = (steps - 1 - layout.first // rows) * rows + layout.first % rows
        return tf.concat(
            [
                self._read(
                    self.forward, x, layout.starts, layout.last,
                    _laid_out(forward_kept, layout.source),
                ),
                self._read(
                    self.backward, tf.reverse(x, [0]), tf.reverse(layout.ends, [0]), last_read,
                    backward_kept,
                ),
            ],
            axis=-1,
        )  # fmt: skip

    def _read(self, direction, x, starts, last, kept):
        """The h `[B, U]` of one direction after its last steps, indices into `[T R]`."""
        weights = [tf.convert_to_tensor(weight) for weight in direction.weights]
        return self._program(weights, x, starts, last, kept)

    @program
    def _program(self, weights, x, starts, last, kept):
        """`_read` by these weights: both directions are one program, compiled once."""
        with keras.StatelessScope(zip(self.forward.weights, weights, strict=True)):
            h, _ = self.forward(x, rows=Rows(starts), kept=kept)
        return tf.gather(tf.reshape(h, [-1, self.units]), last)


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
        precision: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cell, self.units, self.z_size, self.num_mixture = cell, units, z_size, num_mixture
        self.keep_prob, self.input_keep_prob = keep_prob, input_keep_prob
        self.output_keep_prob, self.seed, self.precision = output_keep_prob, seed, precision
        seeds = _seeds(seed, 4)
        self.recurrent = LAYERS[cell](units, keep_prob, seeds[0], precision, name="recurrent")
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
        names += ("output_keep_prob", "seed", "precision")
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
        rows: Rows = Rows(),  # noqa: B008
        kept: tf.Tensor | None = None,
        input_kept: tf.Tensor | None = None,
        output_kept: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Decodes with the true previous points as input.

        Args:
          points: stroke-5 rows, those of each sketch after the start token, `[T, R, 5]`.
          z: of each sketch, `[B, Z]`, or None for the unconditional model.
          rows: where the sketches stand; by default each row is one sketch, R = B.
          kept: bool `[T, R, U]`, recurrent dropout.
          input_kept: bool `[T, R, 5 + Z]`, input dropout, fresh at each step.
          output_kept: bool `[T, R, U]`, dropout of what the output layer reads.

        Returns:
          The output `[T, R, 3 + 6 M]`, and the final state `[R, S]`.
        """
        context = z
        if z is None:
            rows = Rows(rows.starts)
        state = self.initial_state(z, points.shape[1] if z is None else z.shape[0])
        if input_kept is not None:
            points, context = self._join(points, z, rows), None
            points = _dropout(points, input_kept, self.input_keep_prob)
        h, state = self.recurrent(points, context, state, rows, kept)
        if output_kept is not None:
            h = _dropout(h, output_kept, self.output_keep_prob)
        return self._output(h), state

    def _output(self, h: tf.Tensor) -> tf.Tensor:
        """`output_layer` in the layer's precision, `[T, R, U]` -> `[T, R, 3 + 6 M]`."""
        kernel, bias = map(tf.convert_to_tensor, (self.output_layer.kernel, self.output_layer.bias))
        output = affine(tf.reshape(h, [-1, self.units]), kernel, bias, self.precision)
        return tf.reshape(output, [*h.shape[:2], kernel.shape[1]])

    def step(
        self, point: tf.Tensor, z: tf.Tensor | None, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One step: `[B, 5]`, `[B, Z]`, `[B, S]` -> output `[B, 3 + 6 M]`, state."""
        x = point if z is None else tf.concat([point, z], axis=-1)
        h, state = self.recurrent.step(x, state)
        return self.output_layer(h), state

    def _join(self, points: tf.Tensor, z: tf.Tensor | None, rows: Rows) -> tf.Tensor:
        """`[points, z]` at every step, `[T, R, 5 + Z]`."""
        if z is None:
            return points
        if rows.sketch is not None:
            return tf.concat([points, tf.gather(z, rows.sketch)], axis=-1)
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
        seeds = _seeds(seed, 3)
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
                _laid_out(strokes5[:, :-1], part.source),
                _laid_out(strokes5[:, 1:], part.source),
                part.taken,
                Rows(part.starts, part.sketch),
                [_laid_out(kept, part.source) for kept in dropouts],
                batch * steps,
            )
            for part in parts or whole_parts(batch, steps)
        ]
        return tf.add_n(costs), kl

    def _reconstruction(self, z, *inputs):
        """A part's share of the reconstruction cost; see `_cost_and_gradients`."""
        sources = [tf.convert_to_tensor(weight) for weight in self.decoder.weights]
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


def _laid_out(value: tf.Tensor | None, source: tf.Tensor) -> tf.Tensor | None:
    """The steps of `[B, T, ...]` at their places in rows, `[T, R, ...]`."""
    if value is None:
        return None
    return tf.gather(tf.reshape(value, [-1, value.shape[-1]]), source)


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
