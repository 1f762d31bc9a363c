"""What a recurrent network is to the loop over time: one step forward and one step back.

Legend: T time, B rows, I inputs, O outputs of a product, U units; D directions that run side by
side, an axis before B that is there only where they do.
"""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import tensorflow as tf

from sketch_rnn.model.execution import Execution

CellState: TypeAlias = Any  # a NamedTuple of tensors [B, U], the cell's own
Factor: TypeAlias = tf.Tensor | float  # [B, U] or a number
ReadByProducts: TypeAlias = tuple[
    tuple[tf.Tensor, ...], ...
]  # the inputs of each product, joined there


class Affine(NamedTuple):
    """What a product of a cell is made with: inputs @ kernel + bias."""

    kernel: tf.Tensor  # [I, O], or [D, I, O]
    bias: tf.Tensor  # [B or 1, O], or [D, 1, O]


class CellWeights(NamedTuple):
    """All that a cell learns, as tensors."""

    affines: tuple[Affine, ...]
    scales: Any = ()  # what is read element by element, `[1, O]` each, in the cell's own structure


class Products:
    """The products of a cell, each of the concatenation of some inputs."""

    def __init__(self, execution: Execution, affines: Sequence[Affine]):
        self._execution = execution
        self._kernels = [execution.operand(affine.kernel) for affine in affines]
        self._biases = [affine.bias for affine in affines]
        self._of_x: Sequence[tf.Tensor | None] = [None] * len(affines)
        self._back: list[tuple[tf.Tensor, tf.Tensor]] = []

    def __call__(self, number: int, *inputs: tf.Tensor) -> tf.Tensor:
        """Product `number` of the inputs, each `[B, ...]` -> `[B, O]`; x is the last of them."""
        kernel, rest = self._kernels[number], self._biases[number]
        of_x = self._of_x[number]
        if of_x is not None:
            kernel, rest, inputs = kernel[..., : -inputs[-1].shape[-1], :], of_x, inputs[:-1]
        if not inputs:
            return rest
        joined = tf.concat(inputs, axis=-1) if len(inputs) > 1 else inputs[0]
        return self._execution.product(joined, kernel) + rest

    def of_all_x(self, x: tf.Tensor, widths: Sequence[int]) -> list[tf.Tensor | None]:
        """The part of x `[T, B, I]` in each product, bias included, `[T, B, O]`.

        Args:
          x: of all steps.
          widths: how many columns of each product are x; one without any has no such part.
        """
        return [
            self._of_all_x(x, kernel[..., -width:, :]) + bias if width else None
            for kernel, bias, width in zip(self._kernels, self._biases, widths, strict=True)
        ]

    def _of_all_x(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return steps_of(self._execution.product(rows_of(x), kernel), x.shape[0])

    def given_x(self, of_x: Sequence[tf.Tensor | None]) -> "Products":
        """These products, where x's part in each `[B, O]` is already known."""
        products = copy.copy(self)
        products._of_x = of_x
        return products

    def prepare_gradient(self, x_widths: Sequence[int]) -> None:
        """Transposes the kernels, split into what reads states and what reads x."""
        self._back = []
        for kernel, width in zip(self._kernels, x_widths, strict=True):
            back = tf.linalg.matrix_transpose(kernel)
            self._back.append(tf.split(back, [kernel.shape[-2] - width, width], axis=-1))

    def back(self, number: int, d_output: tf.Tensor) -> tf.Tensor:
        """The gradient of all inputs of a product but x, joined: `[B, O]` -> `[B, ...]`."""
        return self._execution.product(d_output, self._back[number][0])

    def back_x(self, number: int, d_output: tf.Tensor) -> tf.Tensor:
        """The gradient of x in a product, `[N, O]` -> `[N, I]`."""
        return self._execution.product(d_output, self._back[number][1])

    def operand(self, x: tf.Tensor) -> tf.Tensor:
        """See `Execution.operand`."""
        return self._execution.operand(x)

    def product(self, x: tf.Tensor, y: tf.Tensor, **transposed: bool) -> tf.Tensor:
        """A product of the cell's own; see `Execution.product`."""
        return self._execution.product(x, y, **transposed)


class Cell(Protocol):
    """One step of a recurrent network, and its gradient."""

    State: type  # of the named state

    def saved_widths(self) -> Sequence[int]:
        """The widths of what `step_forward` saves for `step_back`."""

    def step_forward(
        self,
        products: Products,
        scales: Any,
        x: tf.Tensor,
        previous: CellState,
        dropout: Factor,
    ) -> tuple[CellState, Sequence[tf.Tensor]]:
        """Reads x `[B, I]` and the previous state; returns the state, and what it saves.

        `dropout` is what the candidate is multiplied with.
        """

    def step_back(
        self,
        products: Products,
        scales: Any,
        x: tf.Tensor,
        previous: CellState,
        state: CellState,
        saved: Sequence[tf.Tensor],
        d_state: CellState,
        dropout: Factor,
    ) -> tuple[CellState, Sequence[tf.Tensor], Any]:
        """From the gradient of the state: those of the previous state, of each product, and of
        each of the scales, which is given for each row `[B, O]` where the scale is `[1, O]`."""

    def inputs(self, x: tf.Tensor, previous: CellState, state: CellState) -> ReadByProducts:
        """The inputs of each product; x comes last where it is one."""


def rows_of(sequence: tf.Tensor) -> tf.Tensor:
    """`[c, B, O]` -> `[c B, O]`, or `[c, D, B, O]` -> `[D, c B, O]`."""
    if len(sequence.shape) == 4:
        sequence = tf.transpose(sequence, [1, 0, 2, 3])
        return tf.reshape(sequence, [sequence.shape[0], -1, sequence.shape[-1]])
    return tf.reshape(sequence, [-1, sequence.shape[-1]])


def steps_of(rows: tf.Tensor, size: int) -> tf.Tensor:
    """`rows_of` undone, for `size` steps."""
    *directions, _, width = rows.shape
    steps = tf.reshape(rows, [*directions, size, -1, width])
    return tf.transpose(steps, [1, 0, 2, 3]) if directions else steps
