"""The LSTM with recurrent dropout without memory loss (Semeniuta et al. 2016, section 3.2).

    i, j, f, o = [h, x] W + b,
    c' = sigmoid(f + 1) * c + sigmoid(i) * dropout(tanh(j)),
    h' = sigmoid(o) * tanh(c').

Legend: B rows, I inputs, U units.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from sketch_rnn.model.execution import Affine, Inputs, Products, tensors
from sketch_rnn.model.recurrent.base import Recurrent
from sketch_rnn.model.recurrent.cell import GATES, CellWeights, Factor, ReadByProducts

FORGET_BIAS = 1.0


class LSTMState(NamedTuple):
    """The state that each step passes to the next; the fields are `[B, U]`."""

    c: tf.Tensor
    h: tf.Tensor


@keras.saving.register_keras_serializable("sketch_rnn")
class LSTM(Recurrent):
    """A layer that runs the original trainer's `lstm` cell over whole sequences."""

    State = LSTMState

    def state_widths(self) -> tuple[int, ...]:
        return LSTMState(self.units, self.units)

    def saved_widths(self) -> tuple[int, ...]:
        return (GATES * self.units,)

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        self.bias = self.add_weight(name="bias", shape=(GATES * self.units,), initializer="zeros")

    def cell_weights(self, inputs: Inputs) -> CellWeights:
        kernel, bias = inputs.kernel_and_constant(self.w_xh, self.bias)
        return CellWeights((Affine(tf.concat([*tensors(self.w_hh), kernel], axis=0), bias),))

    def step_forward(
        self,
        products: Products,
        scales: tuple[()],
        x: tf.Tensor,
        previous: LSTMState,
        dropout: Factor,
    ) -> tuple[LSTMState, tuple[tf.Tensor, ...]]:
        i, j, f, o = activate(products(0, previous.h, x))
        c = previous.c * f + i * j * dropout
        return LSTMState(c, tf.tanh(c) * o), (tf.concat([i, j, f, o], axis=-1),)

    def step_back(
        self,
        products: Products,
        scales: tuple[()],
        x: tf.Tensor,
        previous: LSTMState,
        state: LSTMState,
        saved: Sequence[tf.Tensor],
        d_state: LSTMState,
        dropout: Factor,
    ) -> tuple[LSTMState, tuple[tf.Tensor, ...], tuple[()]]:
        i, j, f, o = tf.split(saved[0], GATES, axis=-1)
        tanh_c = tf.tanh(state.c)
        d_c = d_state.c + d_state.h * o * (1 - tanh_c * tanh_c)
        d_gates = gate_gradients(
            (i, j, f, o),
            previous_c=previous.c,
            tanh_c=tanh_c,
            d_h=d_state.h,
            d_c=d_c,
            dropout=dropout,
        )
        return LSTMState(d_c * f, products.back(0, d_gates)), (d_gates,), ()

    def inputs(self, x: tf.Tensor, previous: LSTMState, state: LSTMState) -> ReadByProducts:
        return ((previous.h, x),)


def activate(products: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Apply the activation functions: `[B, 4U]` -> the gates i, j, f, o, `[B, U]` each."""
    i, j, f, o = tf.split(products, GATES, axis=-1)
    return tf.sigmoid(i), tf.tanh(j), tf.sigmoid(f + FORGET_BIAS), tf.sigmoid(o)


def gate_gradients(
    gates: Sequence[tf.Tensor],
    *,
    previous_c: tf.Tensor,
    tanh_c: tf.Tensor,
    d_h: tf.Tensor,
    d_c: tf.Tensor,
    dropout: Factor,
) -> tf.Tensor:
    """Return the gradient of the input of `activate`, `[B, 4U]`.

    Args:
      gates: the gates that `activate` returned.
      previous_c: c before the step.
      tanh_c: the values that the output gate scales.
      d_h: the gradient of h.
      d_c: the gradient of the new c, including what reaches it through h.
      dropout: the factor that the candidate was multiplied by.
    """
    i, j, f, o = gates
    d_candidate = d_c * dropout
    return tf.concat(
        [
            d_candidate * j * i * (1 - i),
            d_candidate * i * (1 - j * j),
            d_c * previous_c * f * (1 - f),
            d_h * tanh_c * o * (1 - o),
        ],
        axis=-1,
    )
