"""The HyperLSTM (Ha et al. 2016, appendix A.2.2): a small LSTM sets the scale of a large one's
weights at every step.

    h^  = LayerNormLSTM([x, h])                         the small one, 256 units
    i, j, f, o = LN(alpha_x * x W_xh + alpha_h * h W_hh + beta(h^) + b)
    c', h' as in the layer-normalised LSTM

with alpha(h^) = W_alpha (W_zw h^ + b_zw) and beta(h^) = W_beta (W_zb h^), each through 32 numbers.

Legend: T time, B batch, I inputs a step, C constant inputs, U units, H hyper units,
E embedding, G = 4 gates, K = 3 G modulations: alpha of x, alpha of h, beta of h.
"""

import keras
import tensorflow as tf

from sketch_rnn.model.recurrent.base import (
    GATES,
    Orthogonal,
    Recurrent,
    project_context,
    sum_to,
    tensors,
)
from sketch_rnn.model.recurrent.layer_norm import Norms, norm_cell, norm_cell_gradient, saved_widths
from sketch_rnn.model.recurrent.rows import window
from sketch_rnn.model.recurrent.sequence import scan, scan_back

HYPER_UNITS = 256
EMBEDDING = 32
ALPHAS = 2 * GATES  # ix, jx, fx, ox, ih, jh, fh, oh
BETAS = GATES  # ih, jh, fh, oh
MODULATIONS = ALPHAS + BETAS
NORMS = len(Norms._fields)


@keras.saving.register_keras_serializable("sketch_rnn")
class HyperLSTM(Recurrent):
    """The original's `hyper` cell over whole sequences.

    Its state is h, hyper h, c, hyper c.
    """

    @property
    def state_size(self) -> int:
        return 2 * (self.units + HYPER_UNITS)

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        glorot = keras.initializers.GlorotUniform(seed=seeds)
        gaussian = keras.initializers.RandomNormal(stddev=0.01, seed=seeds)
        alpha = keras.initializers.Constant(0.1 / EMBEDDING)

        def add(name, shape, initializer):
            return self.add_weight(name=name, shape=shape, initializer=initializer)

        self.bias = add("bias", (GATES * self.units,), "zeros")
        self.norms = Norms.add_to(self, self.units)
        self.hyper_w_xh = add("hyper_W_xh", (width + self.units, GATES * HYPER_UNITS), glorot)
        self.hyper_w_hh = add("hyper_W_hh", (HYPER_UNITS, GATES * HYPER_UNITS), Orthogonal(seeds))
        self.hyper_norms = Norms.add_to(self, HYPER_UNITS, prefix="hyper_")
        self.zw_kernel = add("zw_kernel", (HYPER_UNITS, ALPHAS * EMBEDDING), "zeros")
        self.zw_bias = add("zw_bias", (ALPHAS * EMBEDDING,), "ones")
        self.alpha_kernel = add("alpha_kernel", (ALPHAS, EMBEDDING, self.units), alpha)
        self.zb_kernel = add("zb_kernel", (HYPER_UNITS, BETAS * EMBEDDING), gaussian)
        self.beta_kernel = add("beta_kernel", (BETAS, EMBEDDING, self.units), "zeros")

    def step(self, x, state):
        h, hyper_h, c, hyper_c = self._split(state)
        inputs = x.shape[-1]
        hyper_products = (
            tf.matmul(x, self.hyper_w_xh[:inputs])
            + tf.matmul(h, self.hyper_w_xh[inputs:])
            + tf.matmul(hyper_h, self.hyper_w_hh)
        )
        hyper_c, hyper_h, _ = norm_cell(hyper_products, hyper_c, self.hyper_norms.tensors(), 1.0)
        z_kernel, z_bias, scale_kernel = self._embeddings()
        scales = tf.matmul(_by_modulation(tf.matmul(hyper_h, z_kernel) + z_bias), scale_kernel)
        products = _modulate(tf.matmul(x, self.w_xh), tf.matmul(h, self.w_hh), scales) + self.bias
        c, h, _ = norm_cell(products, c, self.norms.tensors(), 1.0)
        return h, tf.concat([h, hyper_h, c, hyper_c], axis=-1)

    def run(self, x, context, state, rows, kept):
        no_bias = tf.zeros([GATES * HYPER_UNITS], x.dtype)
        width = self.w_xh.shape[0]
        hyper_w_x, hyper_w_h = tf.split(self.hyper_w_xh, [width, self.units])
        _, hyper_w_x, hyper_constant = project_context(x, context, rows, hyper_w_x, no_bias)
        no_bias = tf.zeros([GATES * self.units], x.dtype)
        x, w_xh, constant = project_context(x, context, rows, self.w_xh, no_bias)
        hyper_weights = tf.concat([hyper_w_h, self.hyper_w_hh, hyper_w_x], axis=0)
        hs, *last = self._sequence(rows, kept)(
            *tensors(x, constant, w_xh, self.w_hh, self.bias, hyper_constant, hyper_weights),
            *self._embeddings(),
            *tensors(*self._split(state), *self.norms, *self.hyper_norms),
        )
        return hs, tf.concat(last, axis=-1)

    def _split(self, state):
        """The state as h, hyper h, c, hyper c."""
        return tf.split(state, [self.units, HYPER_UNITS] * 2, axis=-1)

    def _embeddings(self):
        """All zw and zb as one product `[H, K E]` with bias; all alpha and beta, `[K, E, U]`."""
        no_bias = tf.zeros([BETAS * EMBEDDING], self.zw_bias.dtype)
        return (
            tf.concat([self.zw_kernel, self.zb_kernel], axis=1),
            tf.concat([self.zw_bias, no_bias], axis=0),
            tf.concat([self.alpha_kernel, self.beta_kernel], axis=0),
        )

    def _sequence(self, rows, kept):
        """The loop and its gradient, for these rows and this dropout."""

        @tf.custom_gradient
        def sequence(
            x, constant, w_xh, w_hh, bias, hyper_constant, hyper_weights,
            z_kernel, z_bias, scale_kernel, h_first, hyper_h_first, c_first, hyper_c_first, *norms
        ):  # fmt: skip
            steps, units, inputs = x.shape[0], self.units, x.shape[-1]
            norms, hyper_norms = Norms(*norms[:NORMS]), Norms(*norms[NORMS:])
            firsts = (h_first, hyper_h_first, c_first, hyper_c_first)
            of_x, of_h, of_hyper = map(self.operand, (w_xh, w_hh, hyper_weights))
            of_z, of_scales = self.operand(z_kernel), self.operand(scale_kernel)

            def modulations(hyper_h):
                """The embeddings z `[K, B, E]` and the modulations `[K, B, U]` of one step."""
                z = _by_modulation(self.product(hyper_h, of_z) + z_bias)
                return z, self.product(z, of_scales)

            def step(t, state):
                h, hyper_h, c, hyper_c = rows.found(t, firsts, state)
                read = tf.concat([h, hyper_h, x[t]], axis=-1)
                hyper_products = self.product(read, of_hyper) + hyper_constant
                hyper_c, hyper_h, hyper_saved = norm_cell(hyper_products, hyper_c, hyper_norms, 1.0)
                _, scales = modulations(hyper_h)
                x_products = self.product(x[t], of_x) + constant
                h_products = self.product(h, of_h)
                products = _modulate(x_products, h_products, scales) + bias
                c, h, saved = norm_cell(products, c, norms, self.dropout_scale(kept, t))
                state = (h, hyper_h, c, hyper_c)
                return state, (*state, h_products, *saved, *hyper_saved)

            widths = (units, HYPER_UNITS) * 2
            saved_count = len(saved_widths(units))
            last, outputs = scan(
                step,
                rows.carried(firsts),
                steps,
                self.outputs(
                    x, *widths, GATES * units, *saved_widths(units), *saved_widths(HYPER_UNITS)
                ),
            )
            hs, hyper_hs, cs, hyper_cs, h_products = outputs[:5]
            saved, hyper_saved = outputs[5 : 5 + saved_count], outputs[5 + saved_count :]

            def gradient(d_hs, *d_last):
                back_x, back_h, back_z = map(tf.transpose, (of_x, of_h, of_z))
                back_hyper, back_hyper_x = tf.split(
                    tf.transpose(of_hyper), [units + HYPER_UNITS, inputs], axis=1
                )

                def step(t, state):
                    d_h, d_hyper_h, d_c, d_hyper_c, d_constant, d_scale_kernel, *d_norms = state
                    d_products, d_c, d_own_norms = norm_cell_gradient(
                        d_h + d_hs[t], d_c, [s[t] for s in saved],
                        rows.found_at(t, c_first, cs), norms, self.dropout_scale(kept, t),
                    )  # fmt: skip
                    z, scales = modulations(hyper_hs[t])
                    x_products = self.product(x[t], of_x) + constant
                    d_x_products, d_h_products, d_scales = _modulate_gradient(
                        d_products, x_products, h_products[t], scales
                    )
                    d_scales = self.operand(d_scales)
                    d_scale_kernel += self.product(z, d_scales, transpose_x=True)
                    d_z = _join(self.product(d_scales, of_scales, transpose_y=True))
                    d_hyper_products, d_hyper_c, d_hyper_norms = norm_cell_gradient(
                        d_hyper_h + self.product(d_z, back_z),
                        d_hyper_c, [s[t] for s in hyper_saved],
                        rows.found_at(t, hyper_c_first, hyper_cs), hyper_norms, 1.0,
                    )  # fmt: skip
                    d_h, d_hyper_h = tf.split(
                        self.product(d_hyper_products, back_hyper), [units, HYPER_UNITS], axis=-1
                    )
                    d_h += self.product(d_h_products, back_h)
                    new = (*d_own_norms, *d_hyper_norms)
                    d_norms = [old + more for old, more in zip(d_norms, new, strict=True)]
                    d_found = (d_h, d_hyper_h, d_c, d_hyper_c)
                    state = (
                        *rows.passed_back(t, d_found), d_constant + d_x_products,
                        d_scale_kernel, *d_norms,
                    )  # fmt: skip
                    read = (d_x_products, d_h_products, d_z, d_hyper_products)
                    return state, (
                        d_products, *map(self.operand, read), *rows.entering(d_found)
                    )  # fmt: skip

                def total(gradient, axes):
                    return tf.reduce_sum(tf.cast(gradient, x.dtype), axis=axes)

                def collect(totals, begin, outputs):
                    d_x, d_w_xh, d_w_hh, d_bias, d_hyper_constant, *totals = totals
                    d_hyper_weights, d_z_kernel, d_z_bias, *d_firsts = totals
                    d_products, d_x_products, d_h_products, d_z, d_hyper_products = outputs[:5]
                    count = d_products.shape[0]
                    read = window(x, begin, count)
                    h_found = rows.found_in(begin, count, h_first, hs)
                    hyper_h_found = rows.found_in(begin, count, hyper_h_first, hyper_hs)
                    hyper_read = [h_found, hyper_h_found, read]
                    hyper_h = window(hyper_hs, begin, count)
                    return (
                        self.add_input_gradient(
                            d_x, begin, (d_x_products, back_x), (d_hyper_products, back_hyper_x)
                        ),
                        d_w_xh + self.weight_gradient([read], d_x_products),
                        d_w_hh + self.weight_gradient([h_found], d_h_products),
                        d_bias + tf.reduce_sum(d_products, axis=[0, 1]),
                        d_hyper_constant + total(d_hyper_products, 0),
                        d_hyper_weights + self.weight_gradient(hyper_read, d_hyper_products),
                        d_z_kernel + self.weight_gradient([hyper_h], d_z),
                        d_z_bias + total(d_z, [0, 1]),
                        *rows.add_entering(d_firsts, begin, outputs[5:]),
                    )

                batch = x.shape[1]
                state, totals = scan_back(
                    step,
                    (
                        *d_last,
                        tf.zeros([batch, GATES * units], x.dtype),
                        *map(tf.zeros_like, (scale_kernel, *norms, *hyper_norms)),
                    ),
                    steps,
                    [
                        *self.outputs(x, GATES * units),
                        *self.operands(
                            x, GATES * units, GATES * units, MODULATIONS * EMBEDDING,
                            GATES * HYPER_UNITS,
                        ),
                        *rows.entering(self.outputs(x, *widths)),
                    ],
                    collect,
                    (
                        *map(tf.zeros_like, (x, w_xh, w_hh, bias)),
                        tf.zeros([batch, GATES * HYPER_UNITS], x.dtype),
                        *map(tf.zeros_like, (hyper_weights, z_kernel, z_bias)),
                        *rows.entering(map(tf.zeros_like, firsts)),
                    ),
                )  # fmt: skip
                d_carried, (d_constant, d_scale_kernel, *d_norms) = state[:4], state[4:]
                d_x, d_w_xh, d_w_hh, d_bias, d_hyper_constant, *totals = totals
                d_hyper_weights, d_z_kernel, d_z_bias, *d_firsts = totals
                return (
                    d_x, sum_to(d_constant, constant), d_w_xh, d_w_hh, d_bias,
                    sum_to(d_hyper_constant, hyper_constant), d_hyper_weights,
                    d_z_kernel, d_z_bias, d_scale_kernel, *(d_firsts or d_carried), *d_norms,
                )  # fmt: skip

            return (hs, *last), gradient

        return sequence


def _by_modulation(z):
    """`[B, K E]` -> `[K, B, E]`."""
    return tf.transpose(tf.reshape(z, [-1, MODULATIONS, EMBEDDING]), [1, 0, 2])


def _join(gates):
    """`[K, B, O]` -> `[B, K O]`."""
    return tf.concat(tf.unstack(gates), axis=-1)


def _modulate(x_products, h_products, scales):
    """alpha_x * x W + alpha_h * h W + beta, `[B, 4U]`."""
    alpha_x, alpha_h, beta = (_join(part) for part in tf.split(scales, 3))
    return alpha_x * x_products + alpha_h * h_products + beta


def _modulate_gradient(d_products, x_products, h_products, scales):
    """The gradients of x's products, of h's products, and of the modulations `[K, B, U]`."""
    alpha_x, alpha_h, _ = (_join(part) for part in tf.split(scales, 3))
    d_scales = [d_products * x_products, d_products * h_products, d_products]
    d_scales = [gate for part in d_scales for gate in tf.split(part, GATES, axis=-1)]
    return d_products * alpha_x, d_products * alpha_h, tf.stack(d_scales)
