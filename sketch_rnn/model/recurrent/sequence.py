"""The loop over time that all recurrent layers share.

Legend: T time, B batch.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

CHUNK = 25  # steps

Step = Callable[[tf.Tensor, tuple[tf.Tensor, ...]], tuple[Sequence, Sequence]]
Collect = Callable[[tuple[tf.Tensor, ...], tf.Tensor, Sequence[tf.Tensor]], Sequence[tf.Tensor]]


def scan(
    step: Step, state: Sequence[tf.Tensor], steps: int, outputs: Sequence[tf.TensorSpec]
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Calls `state, outputs = step(t, state)` for every t and stacks the outputs over time.

    Args:
      step: maps the time t and the state to the new state and the outputs.
      state: the tensors before the first step.
      steps: T.
      outputs: what a step puts out.

    Returns:
      The final state, and the outputs, each with a first axis of T.
    """

    def body(t, state, arrays):
        state, values = step(t, state)
        arrays = [array.write(t, value) for array, value in zip(arrays, values, strict=True)]
        return t + 1, tuple(state), arrays

    _, state, arrays = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), tuple(state), _arrays(steps, outputs)),
        maximum_iterations=steps,
    )
    return list(state), [array.stack() for array in arrays]


def scan_back(
    step: Step,
    state: Sequence[tf.Tensor],
    steps: int,
    outputs: Sequence[tf.TensorSpec],
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
      outputs: as in `scan`.
      collect: `totals = collect(totals, first, outputs)` adds up the outputs of a chunk, each with
        a first axis of the times from `first` on. Where the chunk before had a time already, they
        are zero.
      totals: the tensors to begin with.

    Returns:
      The final state and totals.
    """
    size = min(CHUNK, steps)

    def chunk(end, state, totals):
        first = tf.maximum(end - size, 0)

        def body(t, state, arrays):
            state, values = step(t, state)
            arrays = [
                array.write(t - first, value) for array, value in zip(arrays, values, strict=True)
            ]
            return t - 1, tuple(state), arrays

        _, state, arrays = tf.while_loop(
            lambda t, *_: t >= first,
            body,
            (end - 1, state, _arrays(size, outputs)),
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


def _arrays(size, specs):
    return [tf.TensorArray(spec.dtype, size, element_shape=spec.shape) for spec in specs]
