"""The loop over time that all recurrent layers share.

Legend: T time, B batch.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

CHUNK = 25  # steps

Step = Callable[[tf.Tensor, tuple[tf.Tensor, ...]], tuple[Sequence, Sequence]]
Collect = Callable[[tuple[tf.Tensor, ...], tf.Tensor, Sequence[tf.Tensor]], Sequence[tf.Tensor]]


def scan(
    step: Step, state: Sequence[tf.Tensor], steps: int, widths: Sequence[int]
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Calls `state, outputs = step(t, state)` for every t and stacks the outputs over time.

    Args:
      step: maps the time t and the state to the new state and the outputs, each `[B, width]`.
      state: the tensors before the first step; the first one is `[B, ...]`.
      steps: T.
      widths: the width of each output.

    Returns:
      The final state, and the outputs, each `[T, B, width]`.
    """

    def body(t, state, arrays):
        state, outputs = step(t, state)
        arrays = [array.write(t, out) for array, out in zip(arrays, outputs, strict=True)]
        return t + 1, tuple(state), arrays

    _, state, arrays = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), tuple(state), _arrays(state, steps, widths)),
        maximum_iterations=steps,
    )
    return list(state), [array.stack() for array in arrays]


def scan_back(
    step: Step,
    state: Sequence[tf.Tensor],
    steps: int,
    widths: Sequence[int],
    collect: Collect,
    totals: Sequence[tf.Tensor],
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Calls `state, outputs = step(t, state)` for t from T - 1 down to 0, and sums the outputs up.

    The outputs are kept for `CHUNK` steps at most, so that they need little memory and the products
    in `collect` are still large.

    Args:
      step: as in `scan`.
      state: as in `scan`.
      steps: T.
      widths: as in `scan`.
      collect: `totals = collect(totals, first, outputs)` adds up the outputs of a chunk, each
        `[chunk, B, width]`, of the times from `first` on. Where the chunk before had a time
        already, they are zero.
      totals: the tensors to begin with.

    Returns:
      The final state and totals.
    """
    size = min(CHUNK, steps)

    def chunk(end, state, totals):
        first = tf.maximum(end - size, 0)

        def body(t, state, arrays):
            state, outputs = step(t, state)
            arrays = [
                array.write(t - first, out) for array, out in zip(arrays, outputs, strict=True)
            ]
            return t - 1, tuple(state), arrays

        _, state, arrays = tf.while_loop(
            lambda t, *_: t >= first,
            body,
            (end - 1, state, _arrays(state, size, widths)),
            maximum_iterations=size,
        )
        return first, state, tuple(collect(totals, first, [array.stack() for array in arrays]))

    _, state, totals = tf.while_loop(
        lambda end, *_: end > 0,
        chunk,
        (tf.constant(steps), tuple(state), tuple(totals)),
        maximum_iterations=-(-steps // size),
    )
    return list(state), list(totals)


def _arrays(state, size, widths):
    batch, dtype = state[0].shape[0], state[0].dtype
    return [tf.TensorArray(dtype, size=size, element_shape=[batch, width]) for width in widths]
