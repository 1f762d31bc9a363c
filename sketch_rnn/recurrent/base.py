"""What the three recurrent layers have in common.

Legend: T time, B batch, I inputs a step, C constant inputs, U units, S state.
"""

import keras
import tensorflow as tf

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

    def __init__(self, units: int, keep_prob: float = 1.0, seed: int | None = None, **kwargs):
        """Args:
        units: U, the size of h and of c.
        keep_prob: the share of candidates that recurrent dropout keeps.
        seed: what the initial weights are drawn from.
        """
        super().__init__(**kwargs)
        self.units = units
        self.keep_prob = keep_prob
        self.seed = seed

    def get_config(self) -> dict:
        own = {"units": self.units, "keep_prob": self.keep_prob, "seed": self.seed}
        return super().get_config() | own

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
        starts: tf.Tensor | None = None,
        kept: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Runs over all steps.

        Args:
          x: `[T, B, I]`.
          context: `[B, C]`, read at every step after x, or None.
          state: `[B, S]` before the first step; None is zero.
          starts: bool `[T, B]`, True where a new sequence starts from the zero state.
          kept: bool `[T, B, U]`, the candidates that recurrent dropout keeps; None keeps all.

        Returns:
          h at every step, `[T, B, U]`, and the final state, `[B, S]`.
        """
        if state is None:
            state = tf.zeros([x.shape[1], self.state_size], x.dtype)
        return self.run(x, context, state, starts, kept)

    def run(self, x, context, state, starts, kept) -> tuple[tf.Tensor, tf.Tensor]:
        """`call` with a state."""
        raise NotImplementedError

    def step(self, x: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One step without dropout: x `[B, I + C]`, state `[B, S]` -> h `[B, U]`, state."""
        raise NotImplementedError

    def dropout_scale(self, kept: tf.Tensor | None, t: tf.Tensor) -> tf.Tensor | float:
        """What the candidate is multiplied with at step t: 1 / keep_prob or 0."""
        if kept is None:
            return 1.0
        return tf.where(kept[t], tf.constant(1.0 / self.keep_prob, self.compute_dtype), 0.0)


def tensors(*values: tf.Tensor | keras.Variable) -> list[tf.Tensor]:
    """The values as tensors, which is what a custom gradient takes."""
    return [tf.convert_to_tensor(value) for value in values]


def project_context(
    context: tf.Tensor | None, w_xh: tf.Tensor, inputs: int, bias: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Splits the input weights in x's rows, and the context's share of the products.

    Args:
      context: `[B, C]` or None.
      w_xh: `[I + C, O]`.
      inputs: I.
      bias: `[O]`, added to the context's share.

    Returns:
      x's rows `[I, O]`, and the constant share `[B, O]` (or `[1, O]` without a context).
    """
    w_xh = tf.convert_to_tensor(w_xh)
    if context is None:
        return w_xh, tf.convert_to_tensor(bias)[None]
    return w_xh[:inputs], tf.matmul(context, w_xh[inputs:]) + bias


def reset(starts: tf.Tensor | None, t: tf.Tensor, *states: tf.Tensor) -> list[tf.Tensor]:
    """The states `[B, U]` as step t finds them: zero where a sequence starts."""
    if starts is None:
        return list(states)
    return [tf.where(starts[t][:, None], tf.zeros_like(state), state) for state in states]


def previous_states(starts: tf.Tensor | None, first: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
    """What every step found as its state, `[T, B, U]`: the one before it, zero at a start."""
    found = tf.concat([first[None], sequence[:-1]], axis=0)
    if starts is None:
        return found
    return tf.where(starts[:, :, None], tf.zeros_like(found), found)


def state_found(
    starts: tf.Tensor | None, t: tf.Tensor, first: tf.Tensor, sequence: tf.Tensor
) -> tf.Tensor:
    """`previous_states` at step t alone, `[B, U]`, without a copy of the sequence."""
    state = tf.where(t > 0, sequence[tf.maximum(t - 1, 0)], first)
    return reset(starts, t, state)[0]


def sum_to(total: tf.Tensor, constant: tf.Tensor) -> tf.Tensor:
    """The gradient of a constant `[B, O]` or `[1, O]` from its sum over all steps, `[B, O]`."""
    return tf.reduce_sum(total, axis=0, keepdims=True) if constant.shape[0] == 1 else total
