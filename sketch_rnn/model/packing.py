"""How a batch's sketches are laid out along the axis of time steps.

Most sketches are much shorter than the longest one. So several sketches are put one after another
into each row, and fewer padding steps are computed. The state is reset where each sketch begins.

Legend: B batch, T time (N_max), R rows, S sketches of a micro-batch, U units, c steps of a chunk;
an axis for directions may come before R.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sketch_rnn.model.execution import Execution

ALMOST_ALL = 0.97  # the share of batches that fit into the usual number of rows
WORTH_IT = 1.05  # compile the step twice if the most rows exceed this times the usual number


class Packing(NamedTuple):
    """A table of a packed batch: it tells which step of which sketch each row holds at each time.

    A row can hold several sketches, one after another.
    """

    source: tf.Tensor  # int32 [T, R]: index into the steps [B T], sketch by sketch
    starts: tf.Tensor  # bool [T, R]: True at each sketch's first step
    ends: tf.Tensor  # bool [T, R]: True at each sketch's last step
    first: tf.Tensor  # int32 [B]: index of the first step into [T R]
    last: tf.Tensor  # int32 [B]: index of the last step into [T R]


class MicroBatch(NamedTuple):
    """Sketches that the decoder computes together in one compiled program, and their layout.

    If `starts` is None, each row is one sketch with all its steps.
    """

    members: tf.Tensor  # int32 [S]: indices of these sketches in the batch
    source: tf.Tensor  # int32 [T, R]: index into the batch's steps [B T], sketch by sketch
    loss_mask: tf.Tensor | None = None  # bool [T, R]: the steps that count; None means all
    starts: tf.Tensor | None = None  # bool [T, R]: True at each sketch's first step
    sketch: tf.Tensor | None = None  # int32 [T, R]: index into `members` of each step's sketch


class Batch(NamedTuple):
    """Sketches in model units, and their layout.

    Attributes:
      strokes5: `[B, T + 1, 5]`, beginning with the start token.
      lengths: the number of points in each sketch, int32 `[B]`.
      packing: the layout of the encoder's points; None means one sketch in each row.
      micro_batches: which sketches each compiled program of the decoder decodes. If empty,
        `Execution.programs` is the number of programs, and padding steps are decoded too.
    """

    strokes5: tf.Tensor
    lengths: tf.Tensor
    packing: Packing | None = None
    micro_batches: tuple[MicroBatch, ...] = ()

    @property
    def encoder_packing(self) -> Packing:
        """The encoder's packing: `packing`, or by default one sketch in each row."""
        if self.packing is not None:
            return self.packing
        return one_sketch_a_row(tf.cast(self.lengths, tf.int32), self.strokes5.shape[1] - 1)


class Rows(NamedTuple):
    """The number of rows in a batch."""

    encoder: int
    decoder: int  # in each micro-batch


@dataclass(frozen=True)
class Layout:
    """The rules for laying out a training run's batches in rows and micro-batches.

    Attributes:
      execution: says whether sketches share rows, and how many micro-batches there are.
      pad_steps: how many steps the decoder still reads after the step that ends a sketch, or
        "all".
      rows: the numbers of rows that batches may have, fewest first; the training step is
        compiled for each. A batch that does not fit into any of these gets one row per sketch. If
        `rows` is empty, each batch has as few rows as it needs.
    """

    execution: Execution
    pad_steps: int | str
    rows: tuple[Rows, ...] = ()

    def fitted(self, lengths: Iterable[np.ndarray], steps: int) -> "Layout":
        """Return this layout with `rows` chosen for batches of sketches with these lengths.

        `rows` gets the number of rows that is enough for all these batches. It also gets a smaller
        number, which is enough for almost all batches, if computing fewer empty rows is worth the
        time to compile a second program.

        Args:
          lengths: the lengths of the sketches in each batch, `[B]`.
          steps: T.
        """
        if not self.execution.packed:
            return self
        needed = np.array([_rows(*self._fewest_rows(one, steps)) for one in lengths])
        usual = np.quantile(needed, ALMOST_ALL, axis=0, method="closest_observation")
        most = needed.max(axis=0)
        numbers = [most] if np.all(most <= WORTH_IT * usual) else [usual, most]
        return replace(self, rows=tuple(Rows(*map(int, number)) for number in numbers))

    def batch(self, strokes5: np.ndarray, lengths: np.ndarray) -> Batch:
        """Lay out sketches `[B, T + 1, 5]` with lengths `[B]`, as tensors."""
        packing, micro_batches = self._fewest_rows(lengths, strokes5.shape[1] - 1)
        if self.rows:
            needed, most = _rows(packing, micro_batches), self._a_sketch_a_row(micro_batches)
            fitting = (rows for rows in self.rows if np.all(np.less_equal(needed, rows)))
            rows = next(fitting, most)
            packing = _widened_packing(packing, rows.encoder)
            micro_batches = tuple(_widened(one, rows.decoder) for one in micro_batches)
        return tf.nest.map_structure(
            lambda value: None if value is None else tf.convert_to_tensor(value),
            Batch(strokes5, lengths, packing, micro_batches),
        )

    def micro_batches(self, lengths: np.ndarray, steps: int) -> tuple[MicroBatch, ...]:
        """Return the micro-batches for sketches with these lengths, `[B]`, each from 1 to T."""
        programs = self.execution.programs
        if self.pad_steps == "all":
            return whole_micro_batches(len(lengths), steps, programs)
        if self.execution.packed:
            return short_micro_batches(lengths, steps, int(self.pad_steps), programs)
        counts = np.minimum(lengths + 1 + int(self.pad_steps), steps)
        return tuple(
            one._replace(loss_mask=np.arange(steps)[:, None] < counts[one.members])
            for one in whole_micro_batches(len(lengths), steps, programs)
        )

    def _fewest_rows(
        self, lengths: np.ndarray, steps: int
    ) -> tuple[Packing, tuple[MicroBatch, ...]]:
        pack = packed if self.execution.packed else one_sketch_a_row
        return pack(lengths, steps), self.micro_batches(lengths, steps)

    @staticmethod
    def _a_sketch_a_row(micro_batches: Sequence[MicroBatch]) -> Rows:
        sketches = [len(one.members) for one in micro_batches]
        return Rows(sum(sketches), max(sketches))


class Segments(NamedTuple):
    """Where in the rows the sequences start, and the initial state of each sequence.

    Without `starts`, each row is one sequence. A sequence that starts within a row begins with the
    initial state of its sketch, or with the zero state if `sketch` is None.
    """

    starts: tf.Tensor | None = None  # bool [T, R], True where a sequence starts
    sketch: tf.Tensor | None = None  # int32 [T, R], which sketch a row holds

    def before_first_step(self, initial: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """Return the states `[R, U]` of the rows before the first step.

        Args:
          initial: the initial states of the rows, or of the sketches if `sketch` is set.
        """
        if self.sketch is None:
            return tuple(initial)
        rows = self.sketch.shape[1]
        return tuple(tf.zeros([rows, state.shape[-1]], state.dtype) for state in initial)

    def previous(
        self, t: tf.Tensor, initial: Sequence[tf.Tensor], states: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Return the states `[R, U]` that step t starts from.

        These are the states after step t - 1 (`states`). In rows where a new sequence starts at
        step t, they are the sequence's initial states.
        """
        if self.starts is None:
            return list(states)
        return [
            tf.where(self.starts[t][..., None], self._initial(first, t, 1), state[None])[0]
            for first, state in zip(initial, states, strict=True)
        ]

    def previous_at(self, t: tf.Tensor, initial: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
        """Return the state `[R, U]` that step t starts from.

        `sequence` holds the states after each step, `[T, R, U]`.
        """
        (carried,) = self.before_first_step([initial])
        state = tf.where(t > 0, sequence[tf.maximum(t - 1, 0)], carried)
        return self.previous(t, [initial], [state])[0]

    def previous_in(
        self, begin: tf.Tensor, count: int, initial: tf.Tensor, sequence: tf.Tensor
    ) -> tf.Tensor:
        """Return the starting state of each of `count` steps, `[count, R, U]`.

        `begin` is the first of these steps.
        """
        later = window(sequence, begin, count - 1)
        if self.starts is not None:
            starts = window(self.starts, begin + 1, count - 1)[..., None]
            later = tf.where(starts, self._initial(initial, begin + 1, count - 1), later)
        return tf.concat([self.previous_at(begin, initial, sequence)[None], later], axis=0)

    def gradients_passed_back(
        self, t: tf.Tensor, gradients: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Return the gradients of the loss with respect to the states after step t - 1.

        They are zero in rows where a new sequence starts at step t: step t does not use the state
        after step t - 1 there.

        Args:
          t: the step.
          gradients: the gradients with respect to the states that step t started from.
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
        """Add the gradients from c steps to the gradients of the sketches' initial states.

        All lists are empty if the sketches do not have their own initial states
        (`if_state_per_sketch`).

        Args:
          totals: the sums over the steps so far, `[S, U]`; zeros at first.
          begin: the first of the c steps.
          d_previous: the gradients of the states that these steps start from, `[c, R, U]`.

        Returns:
          The new sums, `[S, U]`.
        """
        if self.sketch is None:
            return []
        count = d_previous[0].shape[0]
        starts, sketch = window(self.starts, begin, count), window(self.sketch, begin, count)
        sketches = totals[0].shape[0]
        started = tf.one_hot(tf.where(starts, sketch, -1), sketches, dtype=totals[0].dtype)
        started = tf.reshape(started, [-1, sketches])  # [c R, S]: 1 where a sketch starts
        return [
            total + tf.matmul(started, tf.reshape(d, [-1, d.shape[-1]]), transpose_a=True)
            for total, d in zip(totals, d_previous, strict=True)
        ]

    def _initial(self, first: tf.Tensor, begin: tf.Tensor, count: int) -> tf.Tensor:
        """Return the initial states of sequences that start at any of `count` steps from `begin`.

        Returns:
          `[count, R, U]` if each sketch has its own initial state; otherwise a scalar zero.
        """
        if self.sketch is None:
            return tf.zeros([], first.dtype)
        return tf.gather(first, window(self.sketch, begin, count))


def one_sketch_a_row(lengths: tf.Tensor, steps: int | tf.Tensor) -> Packing:
    """Return the packing with one sketch in each row.

    Args:
      lengths: int32 `[B]`.
      steps: T.

    Returns:
      A packing in which R = B.
    """
    batch = tf.shape(lengths)[0]
    rows = tf.range(batch)
    time = tf.range(steps)[:, None]  # [T, 1]
    last = tf.maximum(lengths, 1) - 1
    return Packing(
        source=rows * steps + time,
        starts=tf.tile(time == 0, [1, batch]),
        ends=time == last,
        first=rows,
        last=last * batch + rows,
    )


def packed(lengths: np.ndarray, steps: int) -> Packing:
    """Pack sketches into few rows, by first-fit decreasing.

    Args:
      lengths: int `[B]`, each from 1 to T.
      steps: T.

    Returns:
      A packing of NumPy arrays.
    """
    rows, begins = _first_fit(lengths, steps)
    return _placed(lengths, steps, rows, begins, max(rows) + 1)


def whole_micro_batches(batch: int, steps: int, programs: int) -> tuple[MicroBatch, ...]:
    """Return micro-batches whose sketches are decoded to the last step, including padding."""
    time = np.arange(steps, dtype=np.int32)[:, None]
    members = np.array_split(np.arange(batch, dtype=np.int32), min(programs, batch))
    return tuple(MicroBatch(own, own * steps + time) for own in members)


def short_micro_batches(
    lengths: np.ndarray, steps: int, pad_steps: int, programs: int
) -> tuple[MicroBatch, ...]:
    """Return micro-batches that decode each sketch until `pad_steps` steps after its end.

    Args:
      lengths: the number of points in each sketch, int `[B]`, from 1 to T.
      steps: T.
      pad_steps: the number of padding steps to decode after the step that ends the sketch.
      programs: the number of micro-batches, each of which a compiled program decodes.

    Returns:
      Micro-batches of NumPy arrays, all with the same number of rows.
    """
    by_length = np.argsort(-np.asarray(lengths), kind="stable").astype(np.int32)
    dealt = [by_length[number::programs] for number in range(min(programs, len(lengths)))]
    needed = [np.minimum(lengths[members] + 1 + pad_steps, steps) for members in dealt]
    fits = [_first_fit(counts, steps) for counts in needed]
    count = max(max(rows) for rows, _ in fits) + 1
    found = []
    for members, counts, (rows, begins) in zip(dealt, needed, fits, strict=True):
        placed = _placed(counts, steps, rows, begins, count)
        loss_mask = placed.starts.cumsum(axis=0) > placed.ends.cumsum(axis=0) - placed.ends
        sketch, step = np.divmod(placed.source, steps)
        source = members[sketch] * steps + step
        found.append(MicroBatch(members, source, loss_mask, placed.starts, sketch))
    return tuple(found)


def in_rows(value: tf.Tensor | None, source: tf.Tensor) -> tf.Tensor | None:
    """Rearrange a tensor `[B, T, ...]`, one sketch after another, into packed rows `[T, R, ...]`.

    Args:
      value: the values at each step of each sketch; None returns None.
      source: see `Packing`.
    """
    if value is None:
        return None
    return tf.gather(tf.reshape(value, [-1, value.shape[-1]]), source)


def length_of(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """Return the length of an axis: a tensor if it is not known until the program runs."""
    known = tensor.shape[axis]
    return tf.shape(tensor)[axis] if known is None else known


def window(sequence: tf.Tensor, begin: tf.Tensor, count: int) -> tf.Tensor:
    """Return the `count` steps of `[T, ...]` that start at `begin`."""
    shape = sequence.shape[1:]
    return tf.slice(sequence, [begin] + [0] * len(shape), [count, *shape])


def _rows(packing: Packing, micro_batches: Sequence[MicroBatch]) -> Rows:
    return Rows(packing.source.shape[1], max(one.source.shape[1] for one in micro_batches))


def _widened_packing(packing: Packing, rows: int) -> Packing:
    """Return the packing with empty rows added, so that it has `rows` rows."""
    before = packing.source.shape[1]
    first, last = (at // before * rows + at % before for at in (packing.first, packing.last))
    return packing._replace(
        source=_padded(packing.source, rows),
        starts=_padded(packing.starts, rows),
        ends=_padded(packing.ends, rows),
        first=first,
        last=last,
    )


def _widened(micro_batch: MicroBatch, rows: int) -> MicroBatch:
    """Add empty rows to a micro-batch, unless each of its sketches has a row to itself."""
    if micro_batch.starts is None:
        return micro_batch
    members, *by_row = micro_batch
    return MicroBatch(members, *(_padded(value, rows) for value in by_row))


def _padded(value: np.ndarray, rows: int) -> np.ndarray:
    """Pad `[T, R]` with zeros to `[T, rows]`."""
    return np.pad(value, [(0, 0), (0, rows - value.shape[1])])


def _placed(
    lengths: np.ndarray, steps: int, rows: Sequence[int], begins: Sequence[int], count: int
) -> Packing:
    """Return the packing in `count` rows, given the row and the first step of each sketch."""
    source = np.zeros([steps, count], np.int32)
    starts = np.zeros([steps, count], bool)
    ends = np.zeros([steps, count], bool)
    for sketch, (row, begin, length) in enumerate(zip(rows, begins, lengths, strict=True)):
        source[begin : begin + length, row] = sketch * steps + np.arange(length)
        starts[begin, row] = ends[begin + length - 1, row] = True
    first = np.asarray(begins, np.int32) * count + np.asarray(rows, np.int32)
    last = first + (np.asarray(lengths, np.int32) - 1) * count
    return Packing(source, starts, ends, first, last)


def _first_fit(lengths: np.ndarray, steps: int) -> tuple[list[int], list[int]]:
    """Assign sketches to rows, the longest first; return each sketch's row and first step."""
    used: list[int] = []
    rows, begins = [0] * len(lengths), [0] * len(lengths)
    for sketch in np.argsort(-np.asarray(lengths), kind="stable"):
        length = int(lengths[sketch])
        row = next((r for r, end in enumerate(used) if end + length <= steps), len(used))
        if row == len(used):
            used.append(0)
        rows[sketch], begins[sketch] = row, used[row]
        used[row] += length
    return rows, begins
