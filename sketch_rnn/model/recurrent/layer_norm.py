"""The LSTM with layer normalisation (Ba et al. 2016, section 3.1; epsilon inside the root).

    i, j, f, o = LN(x W_xh + h W_hh), each gate by itself
    c' = sigmoid(f + 1) * c + sigmoid(i) * dropout(tanh(j))
    h' = sigmoid(o) * tanh(LN(c'))

Legend: T time, B batch, I inputs a step, C constant inputs, U units, G = 4 gates.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from sketch_rnn.model.recurrent.base import (
    FORGET_BIAS,
    GATES,
    Recurrent,
    project_context,
    sum_to,
    tensors,
)
from sketch_rnn.model.recurrent.sequence import scan, scan_back

EPSILON = 1e-3


class Norms(NamedTuple):
    """Gains and offsets: gamma and beta of the gates `[4U]`, and of c `[U]`."""

    gamma: tf.Tensor
    beta: tf.Tensor
    c_gamma: tf.Tensor
    c_beta: tf.Tensor

    @classmethod
    def add_to(cls, layer: keras.layers.Layer, units: int, prefix: str = "") -> "Norms":
        """Adds them to the layer as weights: gammas 1, betas 0."""

        def add(name, width, initializer):
            return layer.add_weight(name=prefix + name, shape=(width,), initializer=initializer)

        return cls(
            add("ln_all_gamma", GATES * units, "ones"),
            add("ln_all_beta", GATES * units, "zeros"),
            add("ln_c_gamma", units, "ones"),
            add("ln_c_beta", units, "zeros"),
        )

    def tensors(self) -> "Norms":
        """The weights' values."""
        return Norms(*tensors(*self))


@keras.saving.register_keras_serializable("sketch_rnn")
class LayerNormLSTM(Recurrent):
    """The original's `layer_norm` cell over whole sequences; its state is h, then c."""

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        self.norms = Norms.add_to(self, self.units)

    def step(self, x, state):
        h, c = tf.split(state, 2, axis=-1)
        products = tf.matmul(x, self.w_xh) + tf.matmul(h, self.w_hh)
        c, h, _ = norm_cell(products, c, self.norms.tensors(), 1.0)
        return h, tf.concat([h, c], axis=-1)

    def run(self, x, context, state, rows, kept):
        h, c = tf.split(state, 2, axis=-1)
        no_bias = tf.zeros([GATES * self.units], x.dtype)
        x, w_xh, constant = project_context(x, context, rows, self.w_xh, no_bias)
        hs, c, h = self._sequence(rows, kept)(
            *tensors(x, constant, tf.concat([self.w_hh, w_xh], axis=0), c, h, *self.norms)
        )
        return hs, tf.concat([h, c], axis=-1)

    def _sequence(self, rows, kept):
        """The loop and its gradient, for these rows and this dropout."""

        @tf.custom_gradient
        def sequence(x, constant, weights, c_first, h_first, *norms):
            norms, firsts = Norms(*norms), (c_first, h_first)
            steps, units = x.shape[0], self.units
            operands = self.operand(weights)

            def step(t, state):
                c, h = rows.found(t, firsts, state)
                products = self.product(tf.concat([h, x[t]], axis=-1), operands) + constant
                c, h, saved = norm_cell(products, c, norms, self.dropout_scale(kept, t))
                return (c, h), (c, h, *saved)

            (c_last, h_last), (cs, hs, *saved) = scan(
                step,
                rows.carried(firsts),
                steps,
                self.outputs(x, units, units, *saved_widths(units)),
            )

            def gradient(d_hs, d_c_last, d_h_last):
                of_h, of_x = tf.split(tf.transpose(operands), [units, x.shape[-1]], axis=1)

                def step(t, state):
                    d_c, d_h, d_constant, *d_norms = state
                    d_products, d_c, new = norm_cell_gradient(
                        d_h + d_hs[t], d_c, [s[t] for s in saved],
                        rows.found_at(t, c_first, cs), norms, self.dropout_scale(kept, t),
                    )  # fmt: skip
                    d_norms = [old + more for old, more in zip(d_norms, new, strict=True)]
                    d_constant += d_products
                    d_products = self.operand(d_products)
                    d_found = d_c, self.product(d_products, of_h)
                    state = (*rows.passed_back(t, d_found), d_constant, *d_norms)
                    return state, (d_products, *rows.entering(d_found))

                def collect(totals, begin, outputs):
                    return self.collect_weights(totals, begin, outputs, rows, x, of_x, h_first, hs)

                (d_c, d_h, d_constant, *d_norms), (d_weights, d_x, *d_firsts) = scan_back(
                    step,
                    (
                        d_c_last,
                        d_h_last,
                        tf.zeros([x.shape[1], GATES * units], x.dtype),
                        *map(tf.zeros_like, norms),
                    ),
                    steps,
                    [
                        *self.operands(x, GATES * units),
                        *rows.entering(self.outputs(x, units, units)),
                    ],
                    collect,
                    (*map(tf.zeros_like, (weights, x)), *rows.entering(map(tf.zeros_like, firsts))),
                )
                return (
                    d_x, sum_to(d_constant, constant), d_weights,
                    *(d_firsts or (d_c, d_h)), *d_norms,
                )  # fmt: skip

            return (hs, c_last, h_last), gradient

        return sequence


def normalise(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Layer norm over the last axis without gain and offset.

    Returns:
      (x - mean) / sigma, and 1 / sigma with a last axis of 1.
    """
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(variance + EPSILON)
    return centred * inverse, inverse


def normalise_gradient(d_normal: tf.Tensor, normal: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
    """The gradient of x, from that of `normalise(x)` and what it returned."""
    mean = tf.reduce_mean(d_normal, axis=-1, keepdims=True)
    along = tf.reduce_mean(d_normal * normal, axis=-1, keepdims=True)
    return inverse * (d_normal - mean - normal * along)


def saved_widths(units: int) -> tuple[int, ...]:
    """The widths of what `norm_cell` saves for its gradient."""
    return GATES * units, GATES, units, 1


def norm_cell(products, c, norms, dropout_scale):
    """One step after the products.

    Args:
      products: `[B, 4U]`.
      c: `[B, U]`.
      norms: gains and offsets.
      dropout_scale: of the candidate.

    Returns:
      c, h, and what the gradient needs (the normalised products and 1 / sigma of each gate, the
      normalised c and its 1 / sigma).
    """
    units = c.shape[-1]
    normal, inverse = normalise(tf.reshape(products, [-1, GATES, units]))
    normal = tf.reshape(normal, [-1, GATES * units])
    i, j, f, o = _gates(normal, norms)
    c = c * f + i * j * dropout_scale
    c_normal, c_inverse = normalise(c)
    h = tf.tanh(c_normal * norms.c_gamma + norms.c_beta) * o
    return c, h, (normal, inverse[:, :, 0], c_normal, c_inverse)


def norm_cell_gradient(d_h, d_c, saved, c_found, norms, dropout_scale):
    """The gradients of `norm_cell`: of the products, of the c it found, and of the norms."""
    normal, inverse, c_normal, c_inverse = saved
    units = c_found.shape[-1]
    i, j, f, o = _gates(normal, norms)
    tanh_c = tf.tanh(c_normal * norms.c_gamma + norms.c_beta)
    d_c_scaled = d_h * o * (1 - tanh_c * tanh_c)
    d_c = d_c + normalise_gradient(d_c_scaled * norms.c_gamma, c_normal, c_inverse)
    d_candidate = d_c * dropout_scale
    d_gates = tf.concat(
        [
            d_candidate * j * i * (1 - i),
            d_candidate * i * (1 - j * j),
            d_c * c_found * f * (1 - f),
            d_h * tanh_c * o * (1 - o),
        ],
        axis=-1,
    )
    by_gate = [-1, GATES, units]
    d_products = normalise_gradient(
        tf.reshape(d_gates * norms.gamma, by_gate),
        tf.reshape(normal, by_gate),
        inverse[:, :, None],
    )
    d_norms = Norms(
        gamma=tf.reduce_sum(d_gates * normal, axis=0),
        beta=tf.reduce_sum(d_gates, axis=0),
        c_gamma=tf.reduce_sum(d_c_scaled * c_normal, axis=0),
        c_beta=tf.reduce_sum(d_c_scaled, axis=0),
    )
    return tf.reshape(d_products, [-1, GATES * units]), d_c * f, d_norms


def _gates(normal, norms):
    """The gates after their functions, from the normalised products `[B, 4U]`."""
    i, j, f, o = tf.split(normal * norms.gamma + norms.beta, GATES, axis=-1)
    return tf.sigmoid(i), tf.tanh(j), tf.sigmoid(f + FORGET_BIAS), tf.sigmoid(o)
