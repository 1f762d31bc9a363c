"""The base of the three recurrent layers.

Legend: T time, B rows, I inputs per step, C constant inputs, U units, S width of the state.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf

from sketch_rnn.model.execution import Execution, Inputs, Products
from sketch_rnn.model.packing import Segments, length_of
from sketch_rnn.model.recurrent import sequence
from sketch_rnn.model.recurrent.cell import GATES, CellWeights
from sketch_rnn.model.recurrent.sequence import CellRunner

Shape = tuple[Any, ...]  # None where a size is not known
_LEFT_OUT = ContextVar("without_initialization", default=False)


@contextmanager
def without_initialization() -> Iterator[None]:
    """Leave out the slow initialization of recurrent kernels in this block; they start as zeros.

    Use this context when weights are about to be read from a file: making orthogonal matrices would
    take longer than reading the file.
    """
    token = _LEFT_OUT.set(True)
    try:
        yield
    finally:
        _LEFT_OUT.reset(token)


class Orthogonal(keras.initializers.Initializer):
    """An initializer that puts four orthogonal matrices, one per gate, side by side."""

    def __init__(self, seed: keras.random.SeedGenerator):
        self._one_gate = keras.initializers.Orthogonal(seed=seed)

    def __call__(self, shape: tuple[int, int], dtype: str | None = None) -> tf.Tensor:
        """Return the initial weights, `[U, 4U]`."""
        if _LEFT_OUT.get():
            return tf.zeros(shape, dtype or tf.float32)
        rows, columns = shape
        return tf.concat(
            [self._one_gate((rows, columns // GATES), dtype) for _ in range(GATES)], axis=1
        )


class Recurrent(keras.layers.Layer):
    """A recurrent layer over whole sequences, whose first axis is time.

    Each subclass is a cell (`cell.Cell`): it adds its weights in `add_cell_weights`, returns them
    from `cell_weights`, and implements one step forward and one step back.

    A layer reads `[x_t, context]` at each step; `context` is the same at every step.
    """

    State: type
    """The named tuple type of the state. To make one tensor `[B, S]`, join its fields in order."""

    def __init__(
        self,
        units: int,
        keep_prob: float = 1.0,
        seed: int | None = None,
        execution: Execution | None = None,
        **kwargs: Any,
    ):
        """Initialize the layer.

        Args:
          units: U, the size of h and of c.
          keep_prob: the probability that recurrent dropout keeps a candidate.
          seed: the seed of the initial weights.
          execution: how the layer is computed; None selects the execution for this device.
        """
        super().__init__(**kwargs)
        self.units = units
        self.keep_prob = keep_prob
        self.seed = seed
        self.execution = execution or Execution.for_device()

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("units", "keep_prob", "seed")}
        return super().get_config() | own

    def state_widths(self) -> tuple[int, ...]:
        """The widths of the state's fields."""
        raise NotImplementedError

    @property
    def state_size(self) -> int:
        """S, the width of the state as one tensor."""
        return sum(self.state_widths())

    def build(self, x_shape: Shape, context_shape: Shape | None = None) -> None:
        width = x_shape[-1] + (context_shape[-1] if context_shape is not None else 0)
        seeds = keras.random.SeedGenerator(self.seed)
        self.w_xh = self.add_weight(
            name="W_xh",
            shape=(width, GATES * self.units),
            initializer=keras.initializers.GlorotUniform(seed=seeds),
        )
        self.w_hh = self.add_weight(
            name="W_hh",
            shape=(self.units, GATES * self.units),
            initializer=Orthogonal(seeds),
        )
        self.add_cell_weights(width, seeds)

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        """Add the weights of this kind of cell to the layer; `width` is I + C."""
        raise NotImplementedError

    def cell_weights(self, inputs: Inputs) -> CellWeights:
        """Return the weights in the form that the cell's steps read."""
        raise NotImplementedError

    def call(
        self,
        x: tf.Tensor,
        context: tf.Tensor | None = None,
        state: tf.Tensor | None = None,
        segments: Segments = Segments(),  # noqa: B008
        dropout_mask: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Run over all steps.

        Args:
          x: `[T, B, I]`.
          context: `[B, C]`, appended to x at every step, or None.
          state: `[B, S]`, the state before the first step; None means zero.
          segments: where sequences start within the rows. If `segments.sketch` is not None,
            `context` and `state` have an entry per sketch instead of per row.
          dropout_mask: bool `[T, B, U]`, True where recurrent dropout keeps a candidate; None
            keeps all.

        Returns:
          h at every step, `[T, B, U]`, and the final state, `[B, S]`.
        """
        if state is None:
            state = tf.zeros([length_of(x, 1), self.state_size], x.dtype)
        inputs = Inputs(x, context, segments.sketch)
        h, final = sequence.run(
            CellRunner(self, self.execution, segments, dropout_mask, self.keep_prob),
            self.cell_weights(inputs),
            inputs.x,
            self.named_state(state),
        )
        return h, tf.concat(final, axis=-1)

    def stepper(
        self, x: tf.Tensor, context: tf.Tensor | None = None
    ) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """Return a function for one step without dropout.

        The function maps x `[B, I]` and the state `[B, S]` to h `[B, U]` and the new state.

        Args:
          x: `[B, I]`; only its shape is read.
          context: `[B, C]`, the same at every step, or None.
        """
        weights = self.cell_weights(Inputs(x[None], context))
        products = Products(Execution(), weights.affines)

        def step(x: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            named, _ = self.step_forward(products, weights.scales, x, self.named_state(state), 1.0)
            return named.h, tf.concat(named, axis=-1)

        return step

    def step(self, x: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Do one step without dropout: x `[B, I + C]`, state `[B, S]` -> h `[B, U]`, new state."""
        return self.stepper(x)(x, state)

    def named_state(self, state: tf.Tensor) -> Sequence[tf.Tensor]:
        """Split a state `[B, S]` into its named fields."""
        return self.State(*tf.split(state, list(self.state_widths()), axis=-1))


def run_side_by_side(
    layers: Sequence[Recurrent],
    x: tf.Tensor,
    starts: tf.Tensor,
    dropout_mask: tf.Tensor | None,
) -> tf.Tensor:
    """Run layers of one kind in a single loop, from the zero state.

    Args:
      layers: D layers.
      x: `[T, D, B, I]`.
      starts: bool `[T, D, B]`, True where a sequence starts.
      dropout_mask: bool `[T, D, B, U]`, or None.

    Returns:
      h, `[T, D, B, U]`.
    """
    cell = layers[0]
    weights = [layer.cell_weights(Inputs(x[:, 0])) for layer in layers]
    zero = cell.State(*[tf.zeros([*x.shape[1:3], width], x.dtype) for width in cell.state_widths()])
    h, _ = sequence.run(
        CellRunner(cell, cell.execution, Segments(starts), dropout_mask, cell.keep_prob),
        tf.nest.map_structure(lambda *parts: tf.stack(parts), *weights),
        x,
        zero,
    )
    return h
