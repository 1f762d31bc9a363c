"""The model's parts as Keras layers (Ha & Eck 2017, figure 2).

Legend: B batch, T time (N_max), R rows of a packing, U units, Z latent, M mixtures, S width of the
decoder's state.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn.model.execution import Execution, compiled, tensors
from sketch_rnn.model.losses import output_size
from sketch_rnn.model.packing import Packing, Segments, in_rows, length_of
from sketch_rnn.model.recurrent import LAYERS
from sketch_rnn.model.recurrent.base import Recurrent, Shape, run_side_by_side


class Direction(NamedTuple):
    """The input of one direction of the encoder."""

    layer: Recurrent
    x: tf.Tensor  # [T, R, 5]
    starts: tf.Tensor  # bool [T, R]
    last: tf.Tensor  # int32 [B]: index into [T R] of each sketch's last step
    dropout_mask: tf.Tensor | None  # bool [T, R, U]


@keras.saving.register_keras_serializable("sketch_rnn")
class Encoder(keras.layers.Layer):
    """A layer that reads each sketch in both directions and returns both final hidden states h.

    The forward direction's h comes first. Both directions start from the zero state and read no
    padding (equation 1).
    """

    def __init__(
        self,
        cell: str,
        units: int,
        keep_prob: float = 1.0,
        seed: int | None = None,
        execution: Execution | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.cell, self.units, self.keep_prob, self.seed = cell, units, keep_prob, seed
        self.execution = execution or Execution.for_device()
        seeds = independent_seeds(seed, 2)
        make = LAYERS[cell]
        self.forward = make(units, keep_prob, seeds[0], self.execution, name="forward")
        self.backward = make(units, keep_prob, seeds[1], self.execution, name="backward")

    def get_config(self) -> dict:
        names = ("cell", "units", "keep_prob", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def build(self, points_shape: Shape) -> None:
        for direction in (self.forward, self.backward):
            direction.build((None, None, points_shape[-1]))

    def compute_output_shape(self, points_shape: Shape) -> Shape:
        """Return the shape of h, for Keras's `summary`."""
        return (points_shape[0], 2 * self.units)

    def call(
        self,
        points: tf.Tensor,
        packing: Packing,
        forward_mask: tf.Tensor | None = None,
        backward_mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Encode sketches.

        In a graph, the two directions are compiled together as one program, or as one program each.

        Args:
          points: stroke-5 rows without the start token, `[B, T, 5]`.
          packing: the place of each point in the rows.
          forward_mask: bool `[B, T, U]`, recurrent dropout of the forward direction.
          backward_mask: bool `[B, T, U]`, recurrent dropout of the backward direction.

        Returns:
          The final h of both directions, `[B, 2 U]`.
        """
        read = points, packing, forward_mask, backward_mask
        if self.execution.joint_directions:
            return self._last_h_of_both(tensors(*self.weights), *read)
        directions = self._direction_inputs(*read)
        h = [self._last_h(tensors(*layer.weights), *read) for layer, *read in directions]
        return tf.concat(h, axis=-1)

    def _direction_inputs(
        self,
        points: tf.Tensor,
        packing: Packing,
        forward_mask: tf.Tensor | None = None,
        backward_mask: tf.Tensor | None = None,
    ) -> tuple[Direction, Direction]:
        """Return the inputs of the encoder's two RNNs, which read the points in opposite order.

        The arguments are the same as those of `call`.
        """
        x = in_rows(points, packing.source)
        forward_mask = in_rows(forward_mask, packing.source)
        backward_mask = in_rows(backward_mask, packing.source)
        if backward_mask is not None:
            backward_mask = tf.reverse(backward_mask, [0])
        steps, rows = length_of(packing.source, 0), length_of(packing.source, 1)
        last = (steps - 1 - packing.first // rows) * rows + packing.first % rows
        starts = tf.reverse(packing.ends, [0])
        return (
            Direction(self.forward, x, packing.starts, packing.last, forward_mask),
            Direction(self.backward, tf.reverse(x, [0]), starts, last, backward_mask),
        )

    @compiled
    def _last_h(
        self,
        weights: list[tf.Tensor],
        x: tf.Tensor,
        starts: tf.Tensor,
        last: tf.Tensor,
        dropout_mask: tf.Tensor | None,
    ) -> tf.Tensor:
        """Return the h `[B, U]` of a direction with these weights, after each sketch's last step.

        Since the weights are arguments, one compiled program serves both directions.
        """
        with keras.StatelessScope(zip(self.forward.weights, weights, strict=True)):
            h, _ = self.forward(x, segments=Segments(starts), dropout_mask=dropout_mask)
        return tf.gather(tf.reshape(h, [-1, self.units]), last)

    @compiled
    def _last_h_of_both(self, weights: list[tf.Tensor], *read: Any) -> tf.Tensor:
        """Return the h of both directions, `[B, 2 U]`, computed with these weights of the encoder.

        `read` holds the arguments of `call`.
        """
        with keras.StatelessScope(zip(self.weights, weights, strict=True)):
            return self._in_one_loop(*self._direction_inputs(*read))

    def _in_one_loop(self, forward: Direction, backward: Direction) -> tf.Tensor:
        """Return the h of both directions, `[B, 2 U]`."""
        x, starts = (
            tf.stack([one, other], axis=1)  # [T, 2, R, ...]
            for one, other in ((forward.x, backward.x), (forward.starts, backward.starts))
        )
        mask = None
        if forward.dropout_mask is not None:
            mask = tf.stack([forward.dropout_mask, backward.dropout_mask], axis=1)
        h = run_side_by_side((self.forward, self.backward), x, starts, mask)
        found = [
            tf.gather(tf.reshape(h[:, number], [-1, self.units]), direction.last)
            for number, direction in enumerate((forward, backward))
        ]
        return tf.concat(found, axis=-1)


@keras.saving.register_keras_serializable("sketch_rnn")
class Latent(keras.layers.Layer):
    """The distribution of z given a sketch, and a sample from it (equations 2 and 3)."""

    def __init__(self, z_size: int, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.z_size, self.seed = z_size, seed
        seeds = independent_seeds(seed, 2)
        self.mu = _small_dense(z_size, seeds[0], "mu")
        self.logvar = _small_dense(z_size, seeds[1], "logvar")

    def get_config(self) -> dict:
        return super().get_config() | {"z_size": self.z_size, "seed": self.seed}

    def build(self, h_shape: Shape) -> None:
        self.mu.build(h_shape)
        self.logvar.build(h_shape)

    def compute_output_shape(self, h_shape: Shape) -> Shape:
        """Return the shape of z, for Keras's `summary`."""
        return (h_shape[0], self.z_size)

    def call(
        self, h: tf.Tensor, eps: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Map h `[B, 2 U]` and eps `[B, Z]` (None means 0) to mu, logvar and z, each `[B, Z]`."""
        mu, logvar = self.mu(h), self.logvar(h)
        return mu, logvar, mu if eps is None else mu + tf.exp(logvar / 2) * eps


@keras.saving.register_keras_serializable("sketch_rnn")
class Decoder(keras.layers.Layer):
    """A layer that returns the distribution of each next point (equations 4 to 8).

    With `z_size` 0 it is the unconditional model: its input has no z, and it starts from the zero
    state or from a fixed state.
    """

    def __init__(
        self,
        cell: str,
        units: int,
        z_size: int,
        num_mixture: int,
        *,
        keep_prob: float = 1.0,
        input_keep_prob: float = 1.0,
        output_keep_prob: float = 1.0,
        seed: int | None = None,
        execution: Execution | None = None,
        fixed_state: np.ndarray | None = None,
        squashes_z: bool = False,
        **kwargs: Any,
    ):
        """Initialize the layer.

        Args:
          cell, units, num_mixture: see `HParams`.
          z_size: Z; 0 for the unconditional model.
          keep_prob: the fraction of candidates that recurrent dropout keeps.
          input_keep_prob: the fraction of inputs that input dropout keeps.
          output_keep_prob: the fraction of outputs that output dropout keeps.
          seed: the seed of the initial weights.
          execution: how the layer is computed; None selects the execution for this device.
          fixed_state: `[S]`, the initial state of an unconditional model; None means zero.
          squashes_z: compute the initial state of a conditional model from tanh(z) instead of z.
        """
        super().__init__(**kwargs)
        self.cell, self.units, self.z_size, self.num_mixture = cell, units, z_size, num_mixture
        self.keep_prob, self.input_keep_prob = keep_prob, input_keep_prob
        self.output_keep_prob, self.seed = output_keep_prob, seed
        self.execution = execution or Execution.for_device()
        self.squashes_z = squashes_z
        self.fixed_state = None if fixed_state is None else np.asarray(fixed_state, np.float32)
        self._add_layers()

    def _add_layers(self) -> None:
        seeds = independent_seeds(self.seed, 4)
        self.recurrent = LAYERS[self.cell](
            self.units, self.keep_prob, seeds[0], self.execution, name="recurrent"
        )
        if self.z_size:
            self.first_state = _small_dense(self.recurrent.state_size, seeds[1], "first_state")
        self.output_layer = keras.layers.Dense(
            output_size(self.num_mixture),
            kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[2]),
            bias_initializer=keras.initializers.GlorotUniform(seed=seeds[3]),
            name="output",
        )

    def get_config(self) -> dict:
        names = ["cell", "units", "z_size", "num_mixture", "keep_prob", "input_keep_prob"]
        names += ["output_keep_prob", "seed", "squashes_z"]
        fixed = None if self.fixed_state is None else self.fixed_state.tolist()
        own = {name: getattr(self, name) for name in names} | {"fixed_state": fixed}
        return super().get_config() | own

    def build(self, points_shape: Shape) -> None:
        z_shape = (None, self.z_size) if self.z_size else None
        self.recurrent.build((None, None, points_shape[-1]), z_shape)
        if self.z_size:
            self.first_state.build(z_shape)
        self.output_layer.build((None, self.units))

    def compute_output_shape(self, points_shape: Shape) -> Shape:
        """Return the shape of the output, for Keras's `summary`."""
        return (*points_shape[:2], output_size(self.num_mixture))

    def initial_state(self, z: tf.Tensor | None, batch: int | tf.Tensor) -> tf.Tensor:
        """Return the initial states: tanh(W z + b), `[B, S]`.

        Without z, return the fixed state, or zero, for each of `batch` rows.
        """
        if z is not None:
            return tf.tanh(self.first_state(tf.tanh(z) if self.squashes_z else z))
        if self.fixed_state is not None:
            return tf.tile(tf.constant(self.fixed_state)[None], [batch, 1])
        return tf.zeros([batch, self.recurrent.state_size])

    def call(
        self,
        points: tf.Tensor,
        z: tf.Tensor | None = None,
        segments: Segments = Segments(),  # noqa: B008
        dropout_mask: tf.Tensor | None = None,
        input_mask: tf.Tensor | None = None,
        output_mask: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Decode sketches with the true previous point as the input of each step (teacher forcing).

        Args:
          points: stroke-5 points, `[T, R, 5]`; each sketch begins with the start token.
          z: the z of each sketch, `[B, Z]`, or None for the unconditional model.
          segments: where sketches start in the rows; by default each row is one sketch, R = B.
          dropout_mask: bool `[T, R, U]`, recurrent dropout.
          input_mask: bool `[T, R, 5 + Z]`, input dropout, fresh at each step.
          output_mask: bool `[T, R, U]`, dropout of the output layer's input.

        Returns:
          The output `[T, R, 3 + 6 M]`, and the final state `[R, S]`.
        """
        context = z
        if z is None:
            segments = Segments(segments.starts)
        state = self.initial_state(z, points.shape[1])
        if input_mask is not None:
            points, context = self._join(points, z, segments), None
            points = _dropout(points, input_mask, self.input_keep_prob)
        h, state = self.recurrent(points, context, state, segments, dropout_mask)
        if output_mask is not None:
            h = _dropout(h, output_mask, self.output_keep_prob)
        return self._output(h), state

    def _output(self, h: tf.Tensor) -> tf.Tensor:
        """Apply `output_layer` in `Execution.precision`: `[T, R, U]` -> `[T, R, 3 + 6 M]`."""
        kernel, bias = tensors(self.output_layer.kernel, self.output_layer.bias)
        output = self.execution.affine(tf.reshape(h, [-1, self.units]), kernel, bias)
        return tf.reshape(output, [*h.shape[:2], kernel.shape[1]])

    def stepper(
        self, point: tf.Tensor, z: tf.Tensor | None
    ) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """Return a function for one step.

        The function maps a point `[B, 5]` and the state `[B, S]` to the output `[B, 3 + 6 M]` and
        the new state. What z adds to every step is computed once, in advance.

        Args:
          point: `[B, 5]`; only its shape is read.
          z: `[B, Z]`, or None for the unconditional model.
        """
        step_h = self.recurrent.stepper(point, z)

        def step(point: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            h, state = step_h(point, state)
            return self.output_layer(h), state

        return step

    def step(
        self, point: tf.Tensor, z: tf.Tensor | None, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Do one step: point `[B, 5]`, z, state `[B, S]` -> output `[B, 3 + 6 M]`, new state."""
        return self.stepper(point, z)(point, state)

    def _join(self, points: tf.Tensor, z: tf.Tensor | None, segments: Segments) -> tf.Tensor:
        """Return `[points, z]` at every step, `[T, R, 5 + Z]`."""
        if z is None:
            return points
        if segments.sketch is not None:
            return tf.concat([points, tf.gather(z, segments.sketch)], axis=-1)
        return tf.concat([points, tf.tile(z[None], [points.shape[0], 1, 1])], axis=-1)


def independent_seeds(seed: int | None, count: int) -> list[int | None]:
    """Return independent seeds for the parts of a model."""
    if seed is None:
        return [None] * count
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(count)]


def _small_dense(units: int, seed: int | None, name: str) -> keras.layers.Dense:
    initializer = keras.initializers.RandomNormal(stddev=0.001, seed=seed)
    return keras.layers.Dense(units, kernel_initializer=initializer, name=name)


def _dropout(x: tf.Tensor, mask: tf.Tensor, keep_prob: float) -> tf.Tensor:
    """Apply inverted dropout with a given mask."""
    return tf.where(mask, x / keep_prob, 0.0)
