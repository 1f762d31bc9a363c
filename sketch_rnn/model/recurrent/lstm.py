"""The LSTM with recurrent dropout without memory loss (Semeniuta et al. 2016, section 3.2).

    i, j, f, o = [x, h] W + b
    c' = sigmoid(f + 1) * c + sigmoid(i) * dropout(tanh(j))
    h' = sigmoid(o) * tanh(c')

Legend: T time, B batch, I inputs a step, C constant inputs, U units.
"""

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

    def run(self, x, context, state, rows, kept):
        c, h = tf.split(state, 2, axis=-1)
        bias = tf.convert_to_tensor(self.bias)
        x, w_xh, constant = project_context(x, context, rows, self.w_xh, bias)
        hs, c, h = self._sequence(rows, kept)(
            *tensors(x, constant, tf.concat([self.w_hh, w_xh], axis=0), c, h)
        )
        return hs, tf.concat([c, h], axis=-1)

    def _sequence(self, rows, kept):
        """The loop and its gradient, for these rows and this dropout."""

        @tf.custom_gradient
        def sequence(x, constant, weights, c_first, h_first):
            steps, units, firsts = x.shape[0], self.units, (c_first, h_first)
            operands = self.operand(weights)

            def step(t, state):
                c, h = rows.found(t, firsts, state)
                products = self.product(tf.concat([h, x[t]], axis=-1), operands) + constant
                c, h, gates = _cell(products, c, self.dropout_scale(kept, t))
                return (c, h), (c, h, gates)

            (c_last, h_last), (cs, hs, gates) = scan(
                step,
                rows.carried(firsts),
                steps,
                self.outputs(x, units, units, GATES * units),
            )

            def gradient(d_hs, d_c_last, d_h_last):
                of_h, of_x = tf.split(tf.transpose(operands), [units, x.shape[-1]], axis=1)

                def step(t, state):
                    d_c, d_h, d_constant = state
                    d_products, d_c = _cell_gradient(
                        d_h + d_hs[t], d_c, gates[t], cs[t], rows.found_at(t, c_first, cs),
                        self.dropout_scale(kept, t),
                    )  # fmt: skip
                    d_constant += d_products
                    d_products = self.operand(d_products)
                    d_found = d_c, self.product(d_products, of_h)
                    state = (*rows.passed_back(t, d_found), d_constant)
                    return state, (d_products, *rows.entering(d_found))

                def collect(totals, begin, outputs):
                    return self.collect_weights(totals, begin, outputs, rows, x, of_x, h_first, hs)

                (d_c, d_h, d_constant), (d_weights, d_x, *d_firsts) = scan_back(
                    step,
                    (
                        d_c_last,
                        d_h_last,
                        tf.zeros([x.shape[1], GATES * units], x.dtype),
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
                    *(d_firsts or (d_c, d_h)),
                )  # fmt: skip

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
