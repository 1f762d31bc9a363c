"""How the sketches of a batch are laid out over time.

A sketch is much shorter than the longest. Several of them go one after the other into one row, so
that no work is done past their ends; the state starts anew where the next begins.

Legend: B batch, T time (N_max), R rows, S sketches of a micro-batch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sketch_rnn.model.execution import Execution

ROW_MULTIPLE = 4  # rows that products are fast with come in these


class Packing(NamedTuple):
    """Where each step of each sketch stands."""

    source: tf.Tensor  # int32 [T, R]: index into the steps [B T], sketch by sketch
    starts: tf.Tensor  # bool [T, R]: True at each sketch's first step
    ends: tf.Tensor  # bool [T, R]: True at each sketch's last step
    first: tf.Tensor  # int32 [B]: index of the first step into [T R]
    last: tf.Tensor  # int32 [B]: index of the last step into [T R]


class MicroBatch(NamedTuple):
    """The sketches that the decoder reads in one of its programs.

    Without `starts` each row is a sketch with all its steps.
    """

    members: tf.Tensor  # int32 [S]: which sketches of the batch
    source: tf.Tensor  # int32 [T, R]: index into the batch's steps [B T], sketch by sketch
    loss_mask: tf.Tensor | None = None  # bool [T, R]: the steps that count; None is all
    starts: tf.Tensor | None = None  # bool [T, R]: True at each sketch's first step
    sketch: tf.Tensor | None = None  # int32 [T, R]: which member


class Batch(NamedTuple):
    """Sketches in model units, and how they are laid out.

    Attributes:
      strokes5: `[B, T + 1, 5]`, the start token first.
      lengths: points of each sketch, int32 `[B]`.
      packing: of the encoder's points; None is one sketch a row.
      micro_batches: what the decoder reads at the same time; none is what the execution wants,
        every step of every sketch.
    """

    strokes5: tf.Tensor
    lengths: tf.Tensor
    packing: Packing | None = None
    micro_batches: tuple[MicroBatch, ...] = ()

    @property
    def encoder_packing(self) -> Packing:
        """`packing`, or one sketch a row."""
        if self.packing is not None:
            return self.packing
        return one_sketch_a_row(tf.cast(self.lengths, tf.int32), self.strokes5.shape[1] - 1)


class Rows(NamedTuple):
    """How many rows almost every batch fits into; a batch that does not has a sketch a row."""

    encoder: int
    decoder: int  # of each micro-batch


@dataclass(frozen=True)
class Layout:
    """How the batches of a training run are laid out.

    Attributes:
      execution: whether sketches share rows, and how many micro-batches there are.
      pad_steps: steps after the one that ends a sketch that the decoder still reads, or "all".
      rows: into which sketches are packed; each number of them is compiled for. None is as few as
        each batch needs.
    """

    execution: Execution
    pad_steps: int | str
    rows: Rows | None = None

    def fitted(self, lengths: Iterable[np.ndarray], steps: int) -> "Layout":
        """This layout with the rows that batches of these lengths, `[B]` each, fit into."""
        if not self.execution.packed:
            return self
        needed, sketches = Rows(1, 1), Rows(1, 1)
        for of_batch in lengths:
            batches = self.micro_batches(of_batch, steps)
            packing = self.encoder_packing(of_batch, steps)
            found = Rows(packing.source.shape[1], batches[0].source.shape[1])
            sketches = Rows(len(of_batch), len(batches[0].members))
            needed = Rows(*map(max, needed, found))
        return replace(self, rows=Rows(*map(_rounded_up, needed, sketches)))

    def batch(self, strokes5: np.ndarray, lengths: np.ndarray) -> Batch:
        """Sketches `[B, T + 1, 5]` and their lengths `[B]`, laid out, on the device."""
        steps = strokes5.shape[1] - 1
        batch = Batch(
            strokes5,
            lengths,
            self.encoder_packing(lengths, steps),
            self.micro_batches(lengths, steps),
        )
        return tf.nest.map_structure(
            lambda value: None if value is None else tf.convert_to_tensor(value), batch
        )

    def encoder_packing(self, lengths: np.ndarray, steps: int) -> Packing:
        """How the encoder reads a batch; see `packed` and `one_sketch_a_row`."""
        if self.execution.packed:
            return packed(lengths, steps, self.rows and self.rows.encoder)
        return one_sketch_a_row(lengths, steps)

    def micro_batches(self, lengths: np.ndarray, steps: int) -> tuple[MicroBatch, ...]:
        """How the decoder reads a batch of sketches of these lengths, `[B]`, each from 1 to T."""
        programs = self.execution.programs
        if self.pad_steps == "all":
            return whole_micro_batches(len(lengths), steps, programs)
        pad_steps = int(self.pad_steps)
        if self.execution.packed:
            rows = self.rows and self.rows.decoder
            return short_micro_batches(lengths, steps, pad_steps, programs, rows)
        counts = np.minimum(lengths + 1 + pad_steps, steps)
        return tuple(
            one._replace(loss_mask=np.arange(steps)[:, None] < counts[one.members])
            for one in whole_micro_batches(len(lengths), steps, programs)
        )


def one_sketch_a_row(lengths: tf.Tensor, steps: int | tf.Tensor) -> Packing:
    """The packing with one sketch in each row.

    Args:
      lengths: int32 `[B]`.
      steps: T.

    Returns:
      A packing with R = B.
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


def packed(lengths: np.ndarray, steps: int, rows: int | None = None) -> Packing:
    """A packing into some rows, or into as few as first-fit decreasing finds.

    Args:
      lengths: int `[B]`, each from 1 to T.
      steps: T.
      rows: R; B where they are not enough. None is the fewest.

    Returns:
      NumPy arrays.
    """
    row, begin = _first_fit(lengths, steps)
    return _placed(lengths, steps, row, begin, _row_count(max(row) + 1, rows, len(lengths)))


def whole_micro_batches(batch: int, steps: int, programs: int) -> tuple[MicroBatch, ...]:
    """A batch whose sketches are decoded to the last step, padding too."""
    time = np.arange(steps, dtype=np.int32)[:, None]
    members = np.array_split(np.arange(batch, dtype=np.int32), min(programs, batch))
    return tuple(MicroBatch(own, own * steps + time) for own in members)


def short_micro_batches(
    lengths: np.ndarray, steps: int, pad_steps: int, programs: int, rows: int | None = None
) -> tuple[MicroBatch, ...]:
    """A batch whose sketches are decoded up to `pad_steps` steps after their end.

    Args:
      lengths: points, int `[B]`, each from 1 to T.
      steps: T.
      pad_steps: steps after the one that ends the sketch, which is always there.
      programs: how many micro-batches.
      rows: of each; see `packed`.

    Returns:
      Micro-batches of NumPy arrays, all with the same number of rows.
    """
    by_length = np.argsort(-np.asarray(lengths), kind="stable").astype(np.int32)
    dealt = [by_length[number::programs] for number in range(min(programs, len(lengths)))]
    needed = [np.minimum(lengths[members] + 1 + pad_steps, steps) for members in dealt]
    fits = [_first_fit(counts, steps) for counts in needed]
    most = max(max(row) for row, _ in fits) + 1
    count = _row_count(most, rows, len(dealt[0]))
    found = []
    for members, counts, (row, begin) in zip(dealt, needed, fits, strict=True):
        placed = _placed(counts, steps, row, begin, count)
        loss_mask = placed.starts.cumsum(axis=0) > placed.ends.cumsum(axis=0) - placed.ends
        sketch, step = np.divmod(placed.source, steps)
        source = members[sketch] * steps + step
        found.append(MicroBatch(members, source, loss_mask, placed.starts, sketch))
    return tuple(found)


def in_rows(value: tf.Tensor | None, source: tf.Tensor) -> tf.Tensor | None:
    """The steps of `[B, T, ...]` at their places in rows, `[T, R, ...]`."""
    if value is None:
        return None
    return tf.gather(tf.reshape(value, [-1, value.shape[-1]]), source)


def _row_count(needed: int, rows: int | None, sketches: int) -> int:
    if rows is None:
        return needed
    return rows if needed <= rows else sketches


def _rounded_up(rows: int, sketches: int) -> int:
    """A multiple that is enough for these rows; no more than there are sketches."""
    return min(-(-rows // ROW_MULTIPLE) * ROW_MULTIPLE, sketches)


def _placed(
    lengths: np.ndarray, steps: int, rows: Sequence[int], begins: Sequence[int], count: int
) -> Packing:
    """Sketches at these places, in `count` rows."""
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
    """The row and the first step of each sketch, the longest placed first."""
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
