"""Sketches that stand one after the other in the rows of a batch.

Legend: T time, B rows, U units, S sketches.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class Rows(NamedTuple):
    """Where sequences start in the rows of a batch, and with which state.

    Without `starts` each row is one sequence. Without `sketch` a sequence that starts later than
    the row finds the zero state; with it, the first state of its sketch.
    """

    starts: tf.Tensor | None = None  # bool [T, B], True where a sequence starts
    sketch: tf.Tensor | None = None  # int32 [T, B], which sketch a row holds

    def carried(self, firsts: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """The states `[B, U]` before the first step, from the first states of rows or sketches."""
        if self.sketch is None:
            return tuple(firsts)
        batch = self.sketch.shape[1]
        return tuple(tf.zeros([batch, first.shape[-1]], first.dtype) for first in firsts)

    def found(
        self, t: tf.Tensor, firsts: Sequence[tf.Tensor], states: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """The states `[B, U]` as step t finds them, from those that the step before left."""
        if self.starts is None:
            return list(states)
        return [
            tf.where(self.starts[t][:, None], self._first(first, t, 1), state[None])[0]
            for first, state in zip(firsts, states, strict=True)
        ]

    def found_at(self, t: tf.Tensor, first: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
        """The state `[B, U]` as step t finds it, from all states `[T, B, U]`."""
        (carried,) = self.carried([first])
        state = tf.where(t > 0, sequence[tf.maximum(t - 1, 0)], carried)
        return self.found(t, [first], [state])[0]

    def found_in(
        self, begin: tf.Tensor, count: int, first: tf.Tensor, sequence: tf.Tensor
    ) -> tf.Tensor:
        """The states `[count, B, U]` as the steps from `begin` on find them."""
        later = window(sequence, begin, count - 1)
        if self.starts is not None:
            starts = window(self.starts, begin + 1, count - 1)[:, :, None]
            later = tf.where(starts, self._first(first, begin + 1, count - 1), later)
        return tf.concat([self.found_at(begin, first, sequence)[None], later], axis=0)

    def passed_back(self, t: tf.Tensor, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The gradients of the states that the step before t left, from those of what t found."""
        if self.starts is None:
            return list(gradients)
        return [tf.where(self.starts[t][:, None], tf.zeros_like(d), d) for d in gradients]

    def entering(self, values: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """The values where first states have gradients of their own: those of the sketches."""
        return () if self.sketch is None else tuple(values)

    def add_entering(
        self, totals: Sequence[tf.Tensor], begin: tf.Tensor, d_found: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Adds up the gradients of first states.

        Args:
          totals: `[S, U]` so far; `entering` of zeros to begin with.
          begin: the first of c steps.
          d_found: the gradients of what they found, `[c, B, U]`, as `entering` gave them.
        """
        if self.sketch is None:
            return []
        count = d_found[0].shape[0]
        starts, sketch = window(self.starts, begin, count), window(self.sketch, begin, count)
        entering = tf.one_hot(
            tf.where(starts, sketch, -1), totals[0].shape[0], dtype=totals[0].dtype
        )
        entering = tf.reshape(entering, [-1, totals[0].shape[0]])  # [c B, S]
        return [
            total + tf.matmul(entering, tf.reshape(d, [-1, d.shape[-1]]), transpose_a=True)
            for total, d in zip(totals, d_found, strict=True)
        ]

    def _first(self, first: tf.Tensor, begin: tf.Tensor, count: int) -> tf.Tensor:
        """What a sequence finds that starts at these steps, `[count, B, U]`, or zero."""
        if self.sketch is None:
            return tf.zeros([], first.dtype)
        return tf.gather(first, window(self.sketch, begin, count))


def window(sequence: tf.Tensor, begin: tf.Tensor, count: int) -> tf.Tensor:
    """`count` steps of `[T, ...]` from `begin` on."""
    shape = sequence.shape[1:]
    return tf.slice(sequence, [begin] + [0] * len(shape), [count, *shape])
