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

from sketch_rnn.recurrent.base import (
    GATES,
    Orthogonal,
    Recurrent,
    previous_states,
    project_context,
    reset,
    sum_to,
    tensors,
)
from sketch_rnn.recurrent.layer_norm import Norms, norm_cell, norm_cell_gradient, saved_widths
from sketch_rnn.recurrent.loop import input_gradient, scan, weight_gradient

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
        _, scales = _modulations(hyper_h, *self._embeddings())
        products = _modulate(tf.matmul(x, self.w_xh), tf.matmul(h, self.w_hh), scales) + self.bias
        c, h, _ = norm_cell(products, c, self.norms.tensors(), 1.0)
        return h, tf.concat([h, hyper_h, c, hyper_c], axis=-1)

    def run(self, x, context, state, starts, kept):
        h, hyper_h, c, hyper_c = self._split(state)
        inputs, width = x.shape[-1], self.w_xh.shape[0]
        no_bias = tf.zeros([GATES * self.units], x.dtype)
        no_hyper_bias = tf.zeros([GATES * HYPER_UNITS], x.dtype)
        hyper_w_xh = tf.convert_to_tensor(self.hyper_w_xh)
        weights, constant = project_context(context, self.w_xh, inputs, no_bias)
        hyper_weights, hyper_constant = project_context(
            context, hyper_w_xh[:width], inputs, no_hyper_bias
        )
        recurrent = tf.concat([hyper_w_xh[width:], self.hyper_w_hh], axis=0)
        arguments = tensors(
            x, constant, weights, self.w_hh, self.bias,
            hyper_constant, hyper_weights, recurrent, *self._embeddings(),
            h, hyper_h, c, hyper_c, *self.norms, *self.hyper_norms,
        )  # fmt: skip
        hs, h, hyper_h, c, hyper_c = self._sequence(starts, kept)(*arguments)
        return hs, tf.concat([h, hyper_h, c, hyper_c], axis=-1)

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

    def _sequence(self, starts, kept):
        """The loop and its gradient, for these sequence starts and this dropout."""

        @tf.custom_gradient
        def sequence(
            x, constant, w_xh, w_hh, bias, hyper_constant, hyper_w_xh, hyper_w_hh,
            z_kernel, z_bias, scale_kernel, h_first, hyper_h_first, c_first, hyper_c_first, *norms
        ):  # fmt: skip
            steps, units = x.shape[0], self.units
            norms, hyper_norms = Norms(*norms[:NORMS]), Norms(*norms[NORMS:])
            first = (h_first, hyper_h_first, c_first, hyper_c_first)

            def step(t, state):
                h, hyper_h, c, hyper_c = reset(starts, t, *state)
                hyper_products = (
                    tf.matmul(tf.concat([h, hyper_h], axis=-1), hyper_w_hh)
                    + tf.matmul(x[t], hyper_w_xh)
                    + hyper_constant
                )
                hyper_c, hyper_h, hyper_saved = norm_cell(hyper_products, hyper_c, hyper_norms, 1.0)
                _, scales = _modulations(hyper_h, z_kernel, z_bias, scale_kernel)
                x_products = tf.matmul(x[t], w_xh) + constant
                h_products = tf.matmul(h, w_hh)
                products = _modulate(x_products, h_products, scales) + bias
                c, h, saved = norm_cell(products, c, norms, self.dropout_scale(kept, t))
                state = (h, hyper_h, c, hyper_c)
                return state, (*state, h_products, *saved, *hyper_saved)

            widths = saved_widths(units)
            hyper_widths = saved_widths(HYPER_UNITS)
            last, outputs = scan(
                step,
                first,
                steps,
                (units, HYPER_UNITS) * 2 + (GATES * units,) + widths + hyper_widths,
            )
            hs, hyper_hs, cs, hyper_cs, h_products = outputs[:5]
            saved, hyper_saved = outputs[5 : 5 + len(widths)], outputs[5 + len(widths) :]

            def gradient(d_hs, *d_last):
                w_hh_transposed = tf.transpose(w_hh)
                hyper_w_hh_transposed = tf.transpose(hyper_w_hh)
                z_kernel_transposed = tf.transpose(z_kernel)
                h_found = previous_states(starts, h_first, hs)
                hyper_h_found = previous_states(starts, hyper_h_first, hyper_hs)
                c_found = previous_states(starts, c_first, cs)
                hyper_c_found = previous_states(starts, hyper_c_first, hyper_cs)

                def step(t, state):
                    d_h, d_hyper_h, d_c, d_hyper_c, d_scale_kernel, *d_norms = state
                    d_products, d_c, d_own_norms = norm_cell_gradient(
                        d_h + d_hs[t], d_c, [s[t] for s in saved], c_found[t], norms,
                        self.dropout_scale(kept, t),
                    )  # fmt: skip
                    z, scales = _modulations(hyper_hs[t], z_kernel, z_bias, scale_kernel)
                    x_products = tf.matmul(x[t], w_xh) + constant
                    d_x_products, d_h_products, d_scales = _modulate_gradient(
                        d_products, x_products, h_products[t], scales
                    )
                    d_scale_kernel += tf.matmul(z, d_scales, transpose_a=True)
                    d_z = _join(tf.matmul(d_scales, scale_kernel, transpose_b=True))
                    d_hyper_products, d_hyper_c, d_hyper_norms = norm_cell_gradient(
                        d_hyper_h + tf.matmul(d_z, z_kernel_transposed),
                        d_hyper_c, [s[t] for s in hyper_saved], hyper_c_found[t], hyper_norms, 1.0,
                    )  # fmt: skip
                    d_h, d_hyper_h = tf.split(
                        tf.matmul(d_hyper_products, hyper_w_hh_transposed),
                        [units, HYPER_UNITS],
                        axis=-1,
                    )
                    d_h += tf.matmul(d_h_products, w_hh_transposed)
                    new = (*d_own_norms, *d_hyper_norms)
                    d_norms = [old + more for old, more in zip(d_norms, new, strict=True)]
                    d_state = reset(starts, t, d_h, d_hyper_h, d_c, d_hyper_c)
                    return (*d_state, d_scale_kernel, *d_norms), (
                        d_products, d_x_products, d_h_products, d_z, d_hyper_products,
                    )  # fmt: skip

                carried = (scale_kernel, *norms, *hyper_norms)
                state, d_outputs = scan(
                    step,
                    (*d_last, *(tf.zeros_like(weight) for weight in carried)),
                    steps,
                    (GATES * units,) * 3 + (MODULATIONS * EMBEDDING, GATES * HYPER_UNITS),
                    reverse=True,
                )
                d_first, (d_scale_kernel, *d_norms) = state[:4], state[4:]
                d_products, d_x_products, d_h_products, d_z, d_hyper_products = d_outputs
                d_x = input_gradient(d_x_products, w_xh)
                d_x += input_gradient(d_hyper_products, hyper_w_xh)
                return (
                    d_x,
                    sum_to(tf.reduce_sum(d_x_products, axis=0), constant),
                    weight_gradient(x, d_x_products),
                    weight_gradient(h_found, d_h_products),
                    tf.reduce_sum(d_products, axis=[0, 1]),
                    sum_to(tf.reduce_sum(d_hyper_products, axis=0), hyper_constant),
                    weight_gradient(x, d_hyper_products),
                    weight_gradient(tf.concat([h_found, hyper_h_found], -1), d_hyper_products),
                    weight_gradient(hyper_hs, d_z),
                    tf.reduce_sum(d_z, axis=[0, 1]),
                    d_scale_kernel,
                    *d_first,
                    *d_norms,
                )

            return (hs, *last), gradient

        return sequence


def _modulations(hyper_h, z_kernel, z_bias, scale_kernel):
    """The embeddings z `[K, B, E]` and the modulations `[K, B, U]` of one step."""
    z = tf.matmul(hyper_h, z_kernel) + z_bias  # [B, K E]
    z = tf.transpose(tf.reshape(z, [-1, MODULATIONS, EMBEDDING]), [1, 0, 2])
    return z, tf.matmul(z, scale_kernel)


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
