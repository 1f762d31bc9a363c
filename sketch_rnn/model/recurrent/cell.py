"""The part of a recurrent network that the loop over time calls: one step forward, one step back.

Legend: T time, B rows, I inputs, O outputs of a product, U units; D directions that run side by
side, an axis before B that is there only where they do.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import tensorflow as tf

from sketch_rnn.model.execution import Affine, Products

CellState: TypeAlias = Any  # a NamedTuple of tensors [B, U], the cell's own
Factor: TypeAlias = tf.Tensor | float  # [B, U] or a number
ReadByProducts: TypeAlias = tuple[
    tuple[tf.Tensor, ...], ...
]  # the inputs of each product, joined there


class CellWeights(NamedTuple):
    """All that a cell learns, as tensors."""

    affines: tuple[Affine, ...]
    scales: Any = ()  # what is read element by element, `[1, O]` each, in the cell's own structure


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
