"""The model's parts as Keras layers (Ha & Eck 2017, figure 2).

Legend: B batch, T time (N_max), R rows of a layout, U units, Z latent, M mixtures, S width of the
decoder's state.
"""

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn.model.mixture import output_size
from sketch_rnn.model.packing import Layout, in_rows
from sketch_rnn.model.programs import program
from sketch_rnn.model.recurrent import LAYERS
from sketch_rnn.model.recurrent.base import tensors
from sketch_rnn.model.recurrent.products import affine
from sketch_rnn.model.recurrent.rows import Rows


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
        seeds = independent_seeds(seed, 2)
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
        x = in_rows(points, layout.source)
        backward_kept = in_rows(backward_kept, layout.source)
        if backward_kept is not None:
            backward_kept = tf.reverse(backward_kept, [0])
        steps, rows = layout.source.shape
        last_read = (steps - 1 - layout.first // rows) * rows + layout.first % rows
        return tf.concat(
            [
                self._read(
                    self.forward, x, layout.starts, layout.last,
                    in_rows(forward_kept, layout.source),
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
        return self._program(tensors(*direction.weights), x, starts, last, kept)

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
        seeds = independent_seeds(seed, 2)
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
        seeds = independent_seeds(seed, 4)
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
        """tanh(W z + b), `[B, S]`; without z, zero for `batch` rows."""
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
        state = self.initial_state(z, points.shape[1])
        if input_kept is not None:
            points, context = self._join(points, z, rows), None
            points = _dropout(points, input_kept, self.input_keep_prob)
        h, state = self.recurrent(points, context, state, rows, kept)
        if output_kept is not None:
            h = _dropout(h, output_kept, self.output_keep_prob)
        return self._output(h), state

    def _output(self, h: tf.Tensor) -> tf.Tensor:
        """`output_layer` in the layer's precision, `[T, R, U]` -> `[T, R, 3 + 6 M]`."""
        kernel, bias = tensors(self.output_layer.kernel, self.output_layer.bias)
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


def independent_seeds(seed: int | None, count: int) -> list[int | None]:
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
