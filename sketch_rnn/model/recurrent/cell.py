"""Define the interface of a cell, which the loop over time runs on the rows of a batch.

Legend: T time, B rows, I inputs, O outputs of a matrix product, U units, S sketches; D directions:
an axis before B, present only where two directions run side by side.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import tensorflow as tf

from sketch_rnn.model.execution import Affine, Products

GATES = 4  # input i, candidate j, forget f, output o, in this order

CellState: TypeAlias = Any  # a NamedTuple of tensors [B, U]; each cell defines one
Factor: TypeAlias = tf.Tensor | float  # [B, U] or a number
ReadByProducts: TypeAlias = tuple[tuple[tf.Tensor, ...], ...]  # each matrix product's inputs


class CellWeights(NamedTuple):
    """All trainable weights of a cell, as tensors."""

    affines: tuple[Affine, ...]
    scales: Any = ()  # element-wise weights, `[1, O]` each, in a structure that the cell defines


class Cell(Protocol):
    """One step of a recurrent network, and its gradient."""

    State: type  # the named tuple that holds the state

    def saved_widths(self) -> Sequence[int]:
        """Return the widths of the tensors that `step_forward` saves for `step_back`."""

    def step_forward(
        self,
        products: Products,
        scales: Any,
        x: tf.Tensor,
        previous: CellState,
        dropout: Factor,
    ) -> tuple[CellState, Sequence[tf.Tensor]]:
        """Return the state after one step, and the tensors that `step_back` needs.

        Args:
          products: the cell's matrix products.
          scales: the cell's element-wise weights.
          x: `[B, I]`.
          previous: the state before the step.
          dropout: the factor that the candidate is multiplied by.
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
        """Return the gradients of one step, given `d_state`, the gradient of the state after it.

        Returns:
          The gradient with respect to the previous state, to each product, and to each of the
          scales. The gradient of a scale `[1, O]` is given separately for each row, `[B, O]`.
        """

    def inputs(self, x: tf.Tensor, previous: CellState, state: CellState) -> ReadByProducts:
        """Return the inputs of each matrix product; if x is one of them, it comes last."""
