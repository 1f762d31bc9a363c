"""What the three recurrent layers have in common.

Legend: T time, B batch, I inputs a step, C constant inputs, U units, S state, O outputs.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from sketch_rnn.model.recurrent.products import operand, product
from sketch_rnn.model.recurrent.rows import Rows, window

GATES = 4  # in the order i, j, f, o; j is the candidate
FORGET_BIAS = 1.0


class Orthogonal(keras.initializers.Initializer):
    """An orthogonal matrix for each of the four gates, side by side."""

    def __init__(self, seed: keras.random.SeedGenerator):
        self._one_gate = keras.initializers.Orthogonal(seed=seed)

    def __call__(self, shape: tuple[int, int], dtype: str | None = None) -> tf.Tensor:
        """Returns `[U, 4U]`."""
        rows, columns = shape
        return tf.concat(
            [self._one_gate((rows, columns // GATES), dtype) for _ in range(GATES)], axis=1
        )


class Recurrent(keras.layers.Layer):
    """A recurrent layer over whole sequences, time first.

    Subclasses add their weights in `add_cell_weights`, and implement `run`, which has a gradient
    of its own: the backward loop carries only what one step hands to the step before, and the
    gradients of the weights are single products over all steps.

    A layer reads `[x_t, context]` at each step; `context` is the same at every step, and its share
    of the products is computed once.
    """

    def __init__(
        self,
        units: int,
        keep_prob: float = 1.0,
        seed: int | None = None,
        precision: str = "float32",
        **kwargs,
    ):
        """Args:
        units: U, the size of h and of c.
        keep_prob: the share of candidates that recurrent dropout keeps.
        seed: what the initial weights are drawn from.
        precision: of the products, see `products`.
        """
        super().__init__(**kwargs)
        self.units = units
        self.keep_prob = keep_prob
        self.seed = seed
        self.precision = precision

    def get_config(self) -> dict:
        names = ("units", "keep_prob", "seed", "precision")
        return super().get_config() | {name: getattr(self, name) for name in names}

    @property
    def state_size(self) -> int:
        """S, the width of the state, in the order of the original's checkpoints."""
        return 2 * self.units

    def build(self, x_shape, context_shape=None) -> None:
        width = x_shape[-1] + (context_shape[-1] if context_shape is not None else 0)
        seeds = keras.random.SeedGenerator(self.seed)
        self.w_xh = self.add_weight(
            name="W_xh",
            shape=(width, GATES * self.units),
            initializer=keras.initializers.GlorotUniform(seed=seeds),
        )
        self.w_hh = self.add_weight(
            name="W_hh",
            shape=(self.units, GATES * self.units),
            initializer=Orthogonal(seeds),
        )
        self.add_cell_weights(width, seeds)

    def add_cell_weights(self, width: int, seeds: keras.random.SeedGenerator) -> None:
        """Adds the weights that only this cell has; `width` is I + C."""
        raise NotImplementedError

    def call(
        self,
        x: tf.Tensor,
        context: tf.Tensor | None = None,
        state: tf.Tensor | None = None,
        rows: Rows = Rows(),  # noqa: B008
        kept: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Runs over all steps.

        Args:
          x: `[T, B, I]`.
          context: `[B, C]`, read at every step after x, or None.
          state: `[B, S]` before the first step; None is zero.
          rows: the sequences that start later than their row. Where they say which sketch a row
            holds, context and state are those of the sketches.
          kept: bool `[T, B, U]`, the candidates that recurrent dropout keeps; None keeps all.

        Returns:
          h at every step, `[T, B, U]`, and the final state, `[B, S]`.
        """
        if state is None:
            state = tf.zeros([x.shape[1], self.state_size], x.dtype)
        return self.run(x, context, state, rows, kept)

    def run(self, x, context, state, rows, kept) -> tuple[tf.Tensor, tf.Tensor]:
        """`call` with a state."""
        raise NotImplementedError

    def step(self, x: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One step without dropout: x `[B, I + C]`, state `[B, S]` -> h `[B, U]`, state."""
        raise NotImplementedError

    def operand(self, x: tf.Tensor) -> tf.Tensor:
        """See `products.operand`."""
        return operand(x, self.precision)

    def product(self, x: tf.Tensor, y: tf.Tensor, **transposed: bool) -> tf.Tensor:
        """See `products.product`."""
        return product(x, y, self.precision, **transposed)

    def outputs(self, x: tf.Tensor, *widths: int) -> list[tf.TensorSpec]:
        """Outputs `[B, width]` of a step that reads x `[T, B, I]`, for `loop.scan`."""
        return [tf.TensorSpec([x.shape[1], width], x.dtype) for width in widths]

    def operands(self, x: tf.Tensor, *widths: int) -> list[tf.TensorSpec]:
        """`outputs` that only products read."""
        return [tf.TensorSpec(s.shape, self.operand(x[:0]).dtype) for s in self.outputs(x, *widths)]

    def weight_gradient(self, inputs: Sequence[tf.Tensor], gradient: tf.Tensor) -> tf.Tensor:
        """The gradient of W in `concat(inputs) @ W` over some steps.

        Each input is transposed by itself: a product that has to transpose costs up to twice as
        much, and XLA makes such a product of any other way to write this.

        Args:
          inputs: each `[T, B, ...]`.
          gradient: of the product, `[T, B, O]`.

        Returns:
          `[I, O]`, I being the width of all inputs.
        """
        columns = [
            tf.transpose(self.operand(tf.reshape(part, [-1, part.shape[-1]]))) for part in inputs
        ]  # [I, T * B]
        gradient_rows = tf.reshape(gradient, [-1, gradient.shape[-1]])  # [T * B, O]
        return self.product(tf.concat(columns, axis=0), gradient_rows)

    def add_input_gradient(self, d_x, begin, *products) -> tf.Tensor:
        """Adds up the gradient of x, which XLA leaves out where nothing asks for it.

        Args:
          d_x: `[T, B, I]` so far.
          begin: the first of c steps.
          *products: the gradients of products with x, `[c, B, O]`, each with its weights `[O, I]`.
        """
        count, rows = products[0][0].shape[:2]
        added = [self.product(tf.reshape(d, [count * rows, -1]), of_x) for d, of_x in products]
        steps = (begin + tf.range(count))[:, None]
        return tf.tensor_scatter_nd_add(d_x, steps, tf.reshape(tf.add_n(added), [count, rows, -1]))

    def collect_weights(self, totals, begin, outputs, rows, x, of_x, h_first, hs):
        """`loop.Collect` for weights that are read by `[h, x]`, for x and for the first states.

        Args:
          totals: the gradients of the weights `[U + I, O]`, of x, and of the first states.
          begin: the first of c steps.
          outputs: the gradients of the products `[c, B, O]`, and of the states found.
          rows: where sequences start.
          x: `[T, B, I]`.
          of_x: the weights that x is read with, `[O, I]`.
          h_first: the first h, of rows or sketches.
          hs: every h, `[T, B, U]`.
        """
        (d_weights, d_x, *d_firsts), (d_products, *d_found) = totals, outputs
        count = d_products.shape[0]
        h_found = rows.found_in(begin, count, h_first, hs)
        d_weights += self.weight_gradient([h_found, window(x, begin, count)], d_products)
        d_x = self.add_input_gradient(d_x, begin, (d_products, of_x))
        return d_weights, d_x, *rows.add_entering(d_firsts, begin, d_found)

    def dropout_scale(self, kept: tf.Tensor | None, t: tf.Tensor) -> tf.Tensor | float:
        """What the candidate is multiplied with at step t: 1 / keep_prob or 0."""
        if kept is None:
            return 1.0
        return tf.where(kept[t], tf.constant(1.0 / self.keep_prob, self.compute_dtype), 0.0)


def tensors(*values: tf.Tensor | keras.Variable) -> list[tf.Tensor]:
    """The values as tensors, which is what a custom gradient takes."""
    return [tf.convert_to_tensor(value) for value in values]


def project_context(
    x: tf.Tensor, context: tf.Tensor | None, rows: Rows, w_xh: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Takes the context's share of the products out of the loop.

    Args:
      x: `[T, B, I]`.
      context: `[B, C]`, or `[sketches, C]` with `rows.sketch`, or None.
      rows: say which sketch's context a row reads.
      w_xh: `[I + C, O]`.
      bias: `[O]`.

    Returns:
      What is left to read at each step, `[T, B, J]`; its weights `[J, O]`; and what to add to
      their products, `[B, O]` or `[1, O]`. Where the context changes within a row, x is followed
      by a one-hot vector of the sketch, and its weights by each sketch's share.
    """
    w_xh, inputs = tf.convert_to_tensor(w_xh), x.shape[-1]
    if context is None:
        return x, w_xh, bias[None]
    weights, share = w_xh[:inputs], tf.matmul(context, w_xh[inputs:])
    if rows.sketch is None:
        return x, weights, share + bias
    sketch = tf.one_hot(rows.sketch, context.shape[0], dtype=x.dtype)
    return tf.concat([x, sketch], axis=-1), tf.concat([weights, share], axis=0), bias[None]


def sum_to(total: tf.Tensor, constant: tf.Tensor) -> tf.Tensor:
    """The gradient of a constant `[B, O]` or `[1, O]` from its sum over all steps, `[B, O]`."""
    return tf.reduce_sum(total, axis=0, keepdims=True) if constant.shape[0] == 1 else total
