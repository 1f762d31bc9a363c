"""The LSTM with recurrent dropout without memory loss (Semeniuta et al. 2016, section 3.2).

    i, j, f, o = [x, h] W + b
    c' = sigmoid(f + 1) * c + sigmoid(i) * dropout(tanh(j))
    h' = sigmoid(o) * tanh(c')

Legend: T time, B batch, I inputs a step, C constant inputs, U units.
"""

import keras
import tensorflow as tf

from sketch_rnn.recurrent.base import (
    FORGET_BIAS,
    GATES,
    Recurrent,
    previous_states,
    project_context,
    reset,
    state_found,
    sum_to,
    tensors,
)
from sketch_rnn.recurrent.loop import input_gradient, scan, weight_gradient


@keras.saving.register_keras_serializable("sketch_rnn")
class LSTM(Recurrent):
    """The original's `lstm` cell over whole sequences; its state is c, then h."""

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        self.bias = self.add_weight(name="bias", shape=(GATES * self.units,), initializer="zeros")

    def step(self, x, state):
        c, h = tf.split(state, 2, axis=-1)
        products = tf.matmul(x, self.w_xh) + tf.matmul(h, self.w_hh) + self.bias
        c, h, _ = _cell(products, c, 1.0)
        return h, tf.concat([c, h], axis=-1)

    def run(self, x, context, state, starts, kept):
        c, h = tf.split(state, 2, axis=-1)
        weights, constant = project_context(context, self.w_xh, x.shape[-1], self.bias)
        hs, c, h = self._sequence(starts, kept)(*tensors(x, constant, weights, self.w_hh, c, h))
        return hs, tf.concat([c, h], axis=-1)

    def _sequence(self, starts, kept):
        """The loop and its gradient, for these sequence starts and this dropout."""

        @tf.custom_gradient
        def sequence(x, constant, w_xh, w_hh, c_first, h_first):
            steps, units = x.shape[0], self.units

            def step(t, state):
                c, h = reset(starts, t, *state)
                products = tf.matmul(h, w_hh) + tf.matmul(x[t], w_xh) + constant
                c, h, gates = _cell(products, c, self.dropout_scale(kept, t))
                return (c, h), (c, h, gates)

            (c_last, h_last), (cs, hs, gates) = scan(
                step, (c_first, h_first), steps, (units, units, GATES * units)
            )

            def gradient(d_hs, d_c_last, d_h_last):
                w_hh_transposed = tf.transpose(w_hh)
                h_found = previous_states(starts, h_first, hs)

                def step(t, state):
                    d_c, d_h, d_constant = state
                    c_found = state_found(starts, t, c_first, cs)
                    d_products, d_c = _cell_gradient(
                        d_h + d_hs[t], d_c, gates[t], cs[t], c_found,
                        self.dropout_scale(kept, t),
                    )  # fmt: skip
                    d_h = tf.matmul(d_products, w_hh_transposed)
                    return (*reset(starts, t, d_c, d_h), d_constant + d_products), (d_products,)

                (d_c, d_h, d_constant), (d_products,) = scan(
                    step,
                    (d_c_last, d_h_last, tf.zeros([x.shape[1], GATES * units], x.dtype)),
                    steps,
                    (GATES * units,),
                    reverse=True,
                )
                d_w_hh, d_w_xh = tf.split(
                    weight_gradient(tf.concat([h_found, x], -1), d_products), [units, x.shape[-1]]
                )
                return (
                    input_gradient(d_products, w_xh),
                    sum_to(d_constant, constant),
                    d_w_xh,
                    d_w_hh,
                    d_c,
                    d_h,
                )

            return (hs, c_last, h_last), gradient

        return sequence


def _cell(products, c, dropout_scale):
    """`[B, 4U]`, `[B, U]` -> c `[B, U]`, h `[B, U]`, and the gates after their functions."""
    i, j, f, o = tf.split(products, GATES, axis=-1)
    i, j, f, o = tf.sigmoid(i), tf.tanh(j), tf.sigmoid(f + FORGET_BIAS), tf.sigmoid(o)
    c = c * f + i * j * dropout_scale
    return c, tf.tanh(c) * o, tf.concat([i, j, f, o], axis=-1)


def _cell_gradient(d_h, d_c, gates, c, c_found, dropout_scale):
    """The gradients of `products` and of the c that the step found, from those of h and c."""
    i, j, f, o = tf.split(gates, GATES, axis=-1)
    tanh_c = tf.tanh(c)
    d_c = d_c + d_h * o * (1 - tanh_c * tanh_c)
    d_candidate = d_c * dropout_scale
    d_products = tf.concat(
        [
            d_candidate * j * i * (1 - i),
            d_candidate * i * (1 - j * j),
            d_c * c_found * f * (1 - f),
            d_h * tanh_c * o * (1 - o),
        ],
        axis=-1,
    )
    return d_products, d_c * f
