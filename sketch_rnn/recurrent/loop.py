"""The loop over time that all recurrent layers share.

Legend: T time, B batch, I inputs, O outputs.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

Step = Callable[[tf.Tensor, tuple[tf.Tensor, ...]], tuple[Sequence, Sequence]]


def scan(
    step: Step,
    state: Sequence[tf.Tensor],
    steps: int,
    widths: Sequence[int],
    reverse: bool = False,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Calls `state, outputs = step(t, state)` for every t and stacks the outputs over time.

    Args:
      step: maps the time t and the state to the new state and the outputs, each `[B, width]`.
      state: the tensors before the first step; the first one is `[B, ...]`.
      steps: T.
      widths: the width of each output.
      reverse: run t from T - 1 down to 0; the outputs stay in the order of time.

    Returns:
      The final state, and the outputs, each `[T, B, width]`.
    """
    batch, dtype = state[0].shape[0], state[0].dtype
    arrays = [tf.TensorArray(dtype, size=steps, element_shape=[batch, width]) for width in widths]

    def body(count, state, arrays):
        t = steps - 1 - count if reverse else count
        state, outputs = step(t, state)
        arrays = [array.write(t, out) for array, out in zip(arrays, outputs, strict=True)]
        return count + 1, tuple(state), arrays

    _, state, arrays = tf.while_loop(
        lambda count, *_: count < steps,
        body,
        (tf.constant(0), tuple(state), arrays),
        maximum_iterations=steps,
    )
    return list(state), [array.stack() for array in arrays]


def weight_gradient(inputs: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """The gradient of W in `inputs @ W` over all steps, as one product.

    Args:
      inputs: `[T, B, I]`.
      gradient: of the product, `[T, B, O]`.

    Returns:
      `[I, O]`.
    """
    input_rows = tf.reshape(inputs, [-1, inputs.shape[-1]])  # [T * B, I]
    gradient_rows = tf.reshape(gradient, [-1, gradient.shape[-1]])  # [T * B, O]
    return tf.matmul(input_rows, gradient_rows, transpose_a=True)


def input_gradient(gradient: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The gradient of x in `x @ weights` over all steps: `[T, B, O]`, `[I, O]` -> `[T, B, I]`."""
    return tf.tensordot(gradient, weights, [[2], [1]])
