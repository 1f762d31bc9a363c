"""Several sequences, one after the other, in each row of a batch.

Legend: T time, B rows, U units, S sketches; an axis for directions may come before B.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Segments(NamedTuple):
    """The places in a batch's rows where sequences start, and the initial state of each.

    Without `starts`, each row is one sequence. A sequence that starts within a row begins with the
    initial state of its sketch, or with the zero state if `sketch` is None.
    """

    starts: tf.Tensor | None = None  # bool [T, B], True where a sequence starts
    sketch: tf.Tensor | None = None  # int32 [T, B], which sketch a row holds

    def before_first_step(self, initial: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """Return the states `[B, U]` of the rows before the first step.

        Args:
          initial: the initial states of the rows, or of the sketches if `sketch` is set.
        """
        if self.sketch is None:
            return tuple(initial)
        batch = self.sketch.shape[1]
        return tuple(tf.zeros([batch, state.shape[-1]], state.dtype) for state in initial)

    def previous(
        self, t: tf.Tensor, initial: Sequence[tf.Tensor], states: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Return the states `[B, U]` that step t reads, given the states after step t - 1."""
        if self.starts is None:
            return list(states)
        return [
            tf.where(self.starts[t][..., None], self._initial(first, t, 1), state[None])[0]
            for first, state in zip(initial, states, strict=True)
        ]

    def previous_at(self, t: tf.Tensor, initial: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
        """Return the state `[B, U]` that step t reads; `sequence` holds all states, `[T, B, U]`."""
        (carried,) = self.before_first_step([initial])
        state = tf.where(t > 0, sequence[tf.maximum(t - 1, 0)], carried)
        return self.previous(t, [initial], [state])[0]

    def previous_in(
        self, begin: tf.Tensor, count: int, initial: tf.Tensor, sequence: tf.Tensor
    ) -> tf.Tensor:
        """Return the states `[count, B, U]` that the `count` steps from `begin` start from."""
        later = window(sequence, begin, count - 1)
        if self.starts is not None:
            starts = window(self.starts, begin + 1, count - 1)[..., None]
            later = tf.where(starts, self._initial(initial, begin + 1, count - 1), later)
        return tf.concat([self.previous_at(begin, initial, sequence)[None], later], axis=0)

    def gradients_passed_back(
        self, t: tf.Tensor, gradients: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Return the gradients of the states after step t - 1.

        Args:
          t: the step.
          gradients: the gradients of the states that step t read.
        """
        if self.starts is None:
            return list(gradients)
        return [tf.where(self.starts[t][..., None], tf.zeros_like(d), d) for d in gradients]

    def if_state_per_sketch(self, values: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """Return `values` if each sketch has its own initial state; else an empty tuple."""
        return () if self.sketch is None else tuple(values)

    def add_initial_gradients(
        self, totals: Sequence[tf.Tensor], begin: tf.Tensor, d_previous: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Add up the gradients of the sketches' initial states.

        Args:
          totals: the sums so far, `[S, U]`; at first, zeros passed through `if_state_per_sketch`.
          begin: the first of c steps.
          d_previous: the gradients of the states that these steps read, `[c, B, U]`, passed
            through `if_state_per_sketch`.
        """
        if self.sketch is None:
            return []
        count = d_previous[0].shape[0]
        starts, sketch = window(self.starts, begin, count), window(self.sketch, begin, count)
        sketches = totals[0].shape[0]
        started = tf.one_hot(tf.where(starts, sketch, -1), sketches, dtype=totals[0].dtype)
        started = tf.reshape(started, [-1, sketches])  # [c B, S]: 1 where a sketch starts
        return [
            total + tf.matmul(started, tf.reshape(d, [-1, d.shape[-1]]), transpose_a=True)
            for total, d in zip(totals, d_previous, strict=True)
        ]

    def _initial(self, first: tf.Tensor, begin: tf.Tensor, count: int) -> tf.Tensor:
        """Return the initial states of sequences that start at these steps.

        Returns:
          `[count, B, U]`; a scalar zero unless each sketch has its own initial state.
        """
        if self.sketch is None:
            return tf.zeros([], first.dtype)
        return tf.gather(first, window(self.sketch, begin, count))


def length_of(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """Return the length of an axis: a tensor if it is not known until the program runs."""
    known = tensor.shape[axis]
    return tf.shape(tensor)[axis] if known is None else known


def window(sequence: tf.Tensor, begin: tf.Tensor, count: int) -> tf.Tensor:
    """Return the `count` steps of `[T, ...]` that start at `begin`."""
    shape = sequence.shape[1:]
    return tf.slice(sequence, [begin] + [0] * len(shape), [count, *shape])
