"""The LSTM with layer normalization (Ba et al. 2016, section 3.1; epsilon inside the root).

    i, j, f, o = LN([h, x] W),
    c' = sigmoid(f + 1) * c + sigmoid(i) * dropout(tanh(j)),
    h' = sigmoid(o) * tanh(LN(c')).

Each of the four gates is normalized separately.

Legend: B rows, I inputs, U units, G = 4 gates.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from sketch_rnn.model.execution import Affine, Inputs, Products, tensors
from sketch_rnn.model.recurrent.base import Recurrent
from sketch_rnn.model.recurrent.cell import GATES, CellWeights, Factor, ReadByProducts
from sketch_rnn.model.recurrent.lstm import activate, gate_gradients

EPSILON = 1e-3


class LayerNormState(NamedTuple):
    """The state that each step passes to the next; the fields are `[B, U]`."""

    h: tf.Tensor
    c: tf.Tensor


class Norms(NamedTuple):
    """The parameters of layer normalization: gains (gamma) and biases (beta).

    `gamma` and `beta` are for the gates, `[4U]` each; `c_gamma` and `c_beta` are for c, `[U]` each.
    """

    gamma: tf.Tensor
    beta: tf.Tensor
    c_gamma: tf.Tensor
    c_beta: tf.Tensor

    @classmethod
    def add_to(cls, layer: keras.layers.Layer, units: int, prefix: str = "") -> "Norms":
        """Add the gains (initially 1) and biases (initially 0) to the layer as weights."""

        def add(name: str, width: int, initializer: str) -> keras.Variable:
            return layer.add_weight(name=prefix + name, shape=(width,), initializer=initializer)

        return cls(
            add("ln_all_gamma", GATES * units, "ones"),
            add("ln_all_beta", GATES * units, "zeros"),
            add("ln_c_gamma", units, "ones"),
            add("ln_c_beta", units, "zeros"),
        )

    def rows(self) -> "Norms":
        """Return the weights' values as rows, `[1, 4U]` and `[1, U]`."""
        return Norms(*[value[None] for value in tensors(*self)])


@keras.saving.register_keras_serializable("sketch_rnn")
class LayerNormLSTM(Recurrent):
    """A layer that runs the original trainer's `layer_norm` cell over whole sequences."""

    State = LayerNormState

    def state_widths(self) -> tuple[int, ...]:
        return LayerNormState(self.units, self.units)

    def saved_widths(self) -> tuple[int, ...]:
        return saved_widths(self.units)

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        self.norms = Norms.add_to(self, self.units)

    def cell_weights(self, inputs: Inputs) -> CellWeights:
        kernel, bias = inputs.kernel_and_constant(
            self.w_xh, tf.zeros([GATES * self.units], self.w_xh.dtype)
        )
        affine = Affine(tf.concat([*tensors(self.w_hh), kernel], axis=0), bias)
        return CellWeights((affine,), self.norms.rows())

    def step_forward(
        self,
        products: Products,
        scales: Norms,
        x: tf.Tensor,
        previous: LayerNormState,
        dropout: Factor,
    ) -> tuple[LayerNormState, tuple[tf.Tensor, ...]]:
        gates = products(0, previous.h, x)
        c, h, saved = normalized_step(gates, previous.c, scales, dropout)
        return LayerNormState(h, c), saved

    def step_back(
        self,
        products: Products,
        scales: Norms,
        x: tf.Tensor,
        previous: LayerNormState,
        state: LayerNormState,
        saved: Sequence[tf.Tensor],
        d_state: LayerNormState,
        dropout: Factor,
    ) -> tuple[LayerNormState, tuple[tf.Tensor, ...], Norms]:
        d_products, d_c, d_norms = normalized_step_back(
            d_state.h,
            d_state.c,
            saved=saved,
            previous_c=previous.c,
            norms=scales,
            dropout=dropout,
        )
        return LayerNormState(products.back(0, d_products), d_c), (d_products,), d_norms

    def inputs(
        self, x: tf.Tensor, previous: LayerNormState, state: LayerNormState
    ) -> ReadByProducts:
        return ((previous.h, x),)


def normalize(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Normalize over the last axis, without gain and bias.

    Returns:
      (x - mean) / sigma, in the shape of x; and 1 / sigma, whose last axis has length 1.
    """
    centered = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(centered * centered, axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(variance + EPSILON)
    return centered * inverse, inverse


def normalize_gradient(d_normal: tf.Tensor, normal: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
    """Return the gradient of the input x of `normalize`.

    Args:
      d_normal: the gradient of the normalized x.
      normal: the normalized x that `normalize` returned.
      inverse: the 1 / sigma that `normalize` returned.
    """
    mean = tf.reduce_mean(d_normal, axis=-1, keepdims=True)
    along = tf.reduce_mean(d_normal * normal, axis=-1, keepdims=True)
    return inverse * (d_normal - mean - normal * along)


def saved_widths(units: int) -> tuple[int, ...]:
    """Return the widths of the tensors that `normalized_step` saves for its gradient."""
    return GATES * units, GATES, units, 1


def normalized_step(
    products: tf.Tensor, c: tf.Tensor, norms: Norms, dropout: Factor
) -> tuple[tf.Tensor, tf.Tensor, tuple[tf.Tensor, ...]]:
    """Do the part of a step that comes after the matrix products.

    Args:
      products: `[B, 4U]`.
      c: `[B, U]`.
      norms: the parameters of layer normalization.
      dropout: the factor that the candidate is multiplied by.

    Returns:
      The new c; the new h; and a tuple of four tensors for the gradient. These are the normalized
      products of all gates, the 1 / sigma of each gate, the normalized c, and the 1 / sigma of c.
    """
    normal, inverse = normalize(_by_gate(products))
    normal = _joined(normal)
    i, j, f, o = activate(normal * norms.gamma + norms.beta)
    c = c * f + i * j * dropout
    c_normal, c_inverse = normalize(c)
    h = tf.tanh(c_normal * norms.c_gamma + norms.c_beta) * o
    return c, h, (normal, inverse[..., 0], c_normal, c_inverse)


def normalized_step_back(
    d_h: tf.Tensor,
    d_c: tf.Tensor,
    *,
    saved: Sequence[tf.Tensor],
    previous_c: tf.Tensor,
    norms: Norms,
    dropout: Factor,
) -> tuple[tf.Tensor, tf.Tensor, Norms]:
    """Return the gradients of the inputs of `normalized_step`.

    Returns:
      The gradients with respect to the matrix products, to the previous c, and to the norms. The
      gradients of the norms are given separately for each row.
    """
    normal, inverse, c_normal, c_inverse = saved
    gates = activate(normal * norms.gamma + norms.beta)
    f, o = gates[2:]
    tanh_c = tf.tanh(c_normal * norms.c_gamma + norms.c_beta)
    d_c_scaled = d_h * o * (1 - tanh_c * tanh_c)
    d_c = d_c + normalize_gradient(d_c_scaled * norms.c_gamma, c_normal, c_inverse)
    d_gates = gate_gradients(
        gates, previous_c=previous_c, tanh_c=tanh_c, d_h=d_h, d_c=d_c, dropout=dropout
    )
    d_products = normalize_gradient(
        _by_gate(d_gates * norms.gamma), _by_gate(normal), inverse[..., None]
    )
    d_norms = Norms(
        gamma=d_gates * normal,
        beta=d_gates,
        c_gamma=d_c_scaled * c_normal,
        c_beta=d_c_scaled,
    )
    return _joined(d_products), d_c * f, d_norms


def _by_gate(x: tf.Tensor) -> tf.Tensor:
    """Split the columns by gate: `[B, 4U]` -> `[B, G, U]`."""
    return tf.reshape(x, [*_leading(x), GATES, x.shape[-1] // GATES])


def _joined(x: tf.Tensor) -> tf.Tensor:
    """Put the gates side by side: `[B, G, U]` -> `[B, 4U]`."""
    return tf.reshape(x, [*_leading(x)[:-1], GATES * x.shape[-1]])


def _leading(x: tf.Tensor) -> list:
    """Return the sizes of all axes but the last; -1 for a size known only when the program runs."""
    return [-1 if size is None else size for size in x.shape[:-1]]
