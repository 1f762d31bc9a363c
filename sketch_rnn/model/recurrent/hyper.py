"""The HyperLSTM (Ha et al. 2016, appendix A.2.2).

At every step, a small LSTM scales the weights of a large LSTM. The output of the small one is h^:

    h^  = LayerNormLSTM([h, h^, x])                     the small LSTM, 256 units
    i, j, f, o = LN(alpha_x * x W_xh + alpha_h * h W_hh + beta(h^) + b)
    c', h' as in the layer-normalized LSTM

The scales alpha and the offset beta are computed from h^:

    alpha(h^) = W_alpha e1    with  e1 = W_zw h^ + b_zw
    beta(h^) = W_beta e2      with  e2 = W_zb h^

The vectors e1 and e2 are embeddings of 32 numbers.

Legend: B rows, I inputs per step, U units, H hyper units, E embedding, G = 4 gates, K = 3 G
modulations: alpha of x, alpha of h, beta of h.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from sketch_rnn.model.execution import Affine, Inputs, Products, tensors
from sketch_rnn.model.recurrent.base import Orthogonal, Recurrent
from sketch_rnn.model.recurrent.cell import GATES, CellWeights, Factor, ReadByProducts
from sketch_rnn.model.recurrent.layer_norm import (
    Norms,
    normalized_step,
    normalized_step_back,
    saved_widths,
)

HYPER_UNITS = 256
EMBEDDING = 32
ALPHAS = 2 * GATES  # ix, jx, fx, ox, ih, jh, fh, oh
BETAS = GATES  # ih, jh, fh, oh
MODULATIONS = ALPHAS + BETAS
OF_HYPER, OF_X, OF_H, OF_Z = range(4)  # indices of the matrix products


class HyperState(NamedTuple):
    """The state that each step passes to the next; the fields are `[B, U]` or `[B, H]`."""

    h: tf.Tensor
    hyper_h: tf.Tensor
    c: tf.Tensor
    hyper_c: tf.Tensor


class Scales(NamedTuple):
    """The element-wise weights, and the kernels of the modulations, `[K, E, U]`."""

    bias: tf.Tensor
    modulation: tf.Tensor
    norms: Norms
    hyper_norms: Norms


@keras.saving.register_keras_serializable("sketch_rnn")
class HyperLSTM(Recurrent):
    """A layer that runs the original trainer's `hyper` cell over whole sequences."""

    State = HyperState

    def state_widths(self) -> tuple[int, ...]:
        return HyperState(self.units, HYPER_UNITS, self.units, HYPER_UNITS)

    def saved_widths(self) -> tuple[int, ...]:
        return (GATES * self.units, *saved_widths(self.units), *saved_widths(HYPER_UNITS))

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        glorot = keras.initializers.GlorotUniform(seed=seeds)
        gaussian = keras.initializers.RandomNormal(stddev=0.01, seed=seeds)
        alpha = keras.initializers.Constant(0.1 / EMBEDDING)

        def add(
            name: str, shape: tuple[int, ...], initializer: str | keras.initializers.Initializer
        ) -> keras.Variable:
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

    def cell_weights(self, inputs: Inputs) -> CellWeights:
        dtype = self.w_xh.dtype
        w_hh, hyper_w_xh, hyper_w_hh, bias = tensors(
            self.w_hh, self.hyper_w_xh, self.hyper_w_hh, self.bias
        )
        hyper_w_x, hyper_w_h = tf.split(hyper_w_xh, [self.w_xh.shape[0], self.units])
        hyper_kernel, hyper_bias = inputs.kernel_and_constant(
            hyper_w_x, tf.zeros([GATES * HYPER_UNITS], dtype)
        )
        no_bias = tf.zeros([GATES * self.units], dtype)
        embedding = Affine(
            tf.concat(tensors(self.zw_kernel, self.zb_kernel), axis=1),
            tf.concat([*tensors(self.zw_bias), tf.zeros([BETAS * EMBEDDING], dtype)], axis=0)[None],
        )
        return CellWeights(
            (
                Affine(tf.concat([hyper_w_h, hyper_w_hh, hyper_kernel], axis=0), hyper_bias),
                Affine(*inputs.kernel_and_constant(self.w_xh, no_bias)),
                Affine(w_hh, no_bias[None]),
                embedding,
            ),
            Scales(
                bias[None],
                tf.concat(tensors(self.alpha_kernel, self.beta_kernel), axis=0),
                self.norms.rows(),
                self.hyper_norms.rows(),
            ),
        )

    def step_forward(
        self,
        products: Products,
        scales: Scales,
        x: tf.Tensor,
        previous: HyperState,
        dropout: Factor,
    ) -> tuple[HyperState, tuple[tf.Tensor, ...]]:
        hyper_products = products(OF_HYPER, previous.h, previous.hyper_h, x)
        hyper_c, hyper_h, hyper_saved = normalized_step(
            hyper_products, previous.hyper_c, scales.hyper_norms, 1.0
        )
        _, modulation = self._modulation(products, scales, hyper_h)
        h_products = products(OF_H, previous.h)
        gates = _modulate(products(OF_X, x), h_products, modulation) + scales.bias
        c, h, saved = normalized_step(gates, previous.c, scales.norms, dropout)
        return HyperState(h, hyper_h, c, hyper_c), (h_products, *saved, *hyper_saved)

    def step_back(
        self,
        products: Products,
        scales: Scales,
        x: tf.Tensor,
        previous: HyperState,
        state: HyperState,
        saved: Sequence[tf.Tensor],
        d_state: HyperState,
        dropout: Factor,
    ) -> tuple[HyperState, tuple[tf.Tensor, ...], Scales]:
        h_products, saved, hyper_saved = saved[0], saved[1:5], saved[5:]
        d_gates, d_c, d_norms = normalized_step_back(
            d_state.h,
            d_state.c,
            saved=saved,
            previous_c=previous.c,
            norms=scales.norms,
            dropout=dropout,
        )
        z, modulation = self._modulation(products, scales, state.hyper_h)
        d_x_products, d_h_products, d_modulation = _modulate_gradient(
            d_gates, products(OF_X, x), h_products, modulation
        )
        d_modulation = products.operand(d_modulation)
        d_kernel = products.product(z, d_modulation, transpose_x=True)
        d_z = _join(products.product(d_modulation, scales.modulation, transpose_y=True))
        d_hyper_h = d_state.hyper_h + products.back(OF_Z, d_z)
        d_hyper_products, d_hyper_c, d_hyper_norms = _hyper_step_back(
            d_hyper_h, d_state.hyper_c, hyper_saved, previous, scales
        )
        d_h, d_hyper_h = tf.split(
            products.back(OF_HYPER, d_hyper_products), [self.units, HYPER_UNITS], axis=-1
        )
        return (
            HyperState(d_h + products.back(OF_H, d_h_products), d_hyper_h, d_c, d_hyper_c),
            (d_hyper_products, d_x_products, d_h_products, d_z),
            Scales(d_gates, d_kernel, d_norms, d_hyper_norms),
        )

    def inputs(self, x: tf.Tensor, previous: HyperState, state: HyperState) -> ReadByProducts:
        return (previous.h, previous.hyper_h, x), (x,), (previous.h,), (state.hyper_h,)

    def _modulation(
        self, products: Products, scales: Scales, hyper_h: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the embeddings z `[K, B, E]` and the modulations `[K, B, U]` of one step."""
        z = _by_modulation(products(OF_Z, hyper_h))
        return z, products.product(z, scales.modulation)


def _hyper_step_back(
    d_h: tf.Tensor,
    d_c: tf.Tensor,
    saved: Sequence[tf.Tensor],
    previous: HyperState,
    scales: Scales,
) -> tuple[tf.Tensor, tf.Tensor, Norms]:
    """Call `normalized_step_back` for the small LSTM, which has no dropout."""
    return normalized_step_back(
        d_h,
        d_c,
        saved=saved,
        previous_c=previous.hyper_c,
        norms=scales.hyper_norms,
        dropout=1.0,
    )


def _by_modulation(z: tf.Tensor) -> tf.Tensor:
    """Split the columns by modulation: `[B, K E]` -> `[K, B, E]`."""
    return tf.stack(tf.split(z, MODULATIONS, axis=-1), axis=-3)


def _join(gates: tf.Tensor) -> tf.Tensor:
    """Put the modulations side by side: `[K, B, O]` -> `[B, K O]`."""
    return tf.concat(tf.unstack(gates, axis=-3), axis=-1)


def _modulate(x_products: tf.Tensor, h_products: tf.Tensor, modulation: tf.Tensor) -> tf.Tensor:
    """Return alpha_x * x W + alpha_h * h W + beta, `[B, 4U]`."""
    alpha_x, alpha_h, beta = (_join(part) for part in tf.split(modulation, 3, axis=-3))
    return alpha_x * x_products + alpha_h * h_products + beta


def _modulate_gradient(
    d_gates: tf.Tensor, x_products: tf.Tensor, h_products: tf.Tensor, modulation: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return gradients with respect to the products with x and with h, and to the modulations."""
    alpha_x, alpha_h, _ = (_join(part) for part in tf.split(modulation, 3, axis=-3))
    d_parts = (d_gates * x_products, d_gates * h_products, d_gates)
    d_modulation = [gate for part in d_parts for gate in tf.split(part, GATES, axis=-1)]
    return d_gates * alpha_x, d_gates * alpha_h, tf.stack(d_modulation, axis=-3)
