"""How the sketches of a batch are laid out over time.

A sketch is much shorter than the longest. Several of them go one after the other into one row, so
that no work is done past their ends; the state starts anew where the next begins.

Legend: B batch, T time (N_max), R rows, S sketches of a split.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sketch_rnn.model.execution import Execution


class Packing(NamedTuple):
    """Where each step of each sketch stands."""

    source: tf.Tensor  # int32 [T, R]: index into the steps [B T], sketch by sketch
    starts: tf.Tensor  # bool [T, R]: True at each sketch's first step
    ends: tf.Tensor  # bool [T, R]: True at each sketch's last step
    first: tf.Tensor  # int32 [B]: index of the first step into [T R]
    last: tf.Tensor  # int32 [B]: index of the last step into [T R]


class DecoderSplit(NamedTuple):
    """The sketches that the decoder reads in one of its programs.

    Without `starts` each row is a sketch with all its steps.
    """

    members: tf.Tensor  # int32 [S]: which sketches of the batch
    source: tf.Tensor  # int32 [T, R]: index into the batch's steps [B T], sketch by sketch
    loss_mask: tf.Tensor | None = None  # bool [T, R]: the steps that count; None is all
    starts: tf.Tensor | None = None  # bool [T, R]: True at each sketch's first step
    sketch: tf.Tensor | None = None  # int32 [T, R]: which member


def encoder_packing(lengths: np.ndarray, steps: int, execution: Execution) -> Packing:
    """How the encoder reads a batch; see `packed` and `one_sketch_a_row`."""
    if execution.packed:
        return packed(lengths, steps, execution.row_multiple)
    return one_sketch_a_row(lengths, steps)


def decoder_splits(
    lengths: np.ndarray, steps: int, pad_steps: int | str, execution: Execution
) -> tuple[DecoderSplit, ...]:
    """How the decoder reads a batch.

    Args:
      lengths: points, int `[B]`, each from 1 to T.
      steps: T.
      pad_steps: steps after the one that ends a sketch that still count, or "all".
      execution: how many splits there are, and whether sketches share rows.
    """
    programs = execution.programs
    if pad_steps == "all":
        return whole_splits(len(lengths), steps, programs)
    if execution.packed:
        return short_splits(lengths, steps, int(pad_steps), programs, execution.row_multiple)
    counts = np.minimum(lengths + 1 + int(pad_steps), steps)
    return tuple(
        split._replace(loss_mask=np.arange(steps)[:, None] < counts[split.members])
        for split in whole_splits(len(lengths), steps, programs)
    )


def one_sketch_a_row(lengths: tf.Tensor, steps: int) -> Packing:
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


def packed(lengths: np.ndarray, steps: int, row_multiple: int = 1) -> Packing:
    """A packing with as few rows as first-fit decreasing finds.

    Args:
      lengths: int `[B]`, each from 1 to T.
      steps: T.
      row_multiple: R is a multiple of it, or B if that is less: each R is compiled for.

    Returns:
      NumPy arrays.
    """
    rows, begins = _first_fit(lengths, steps)
    count = _row_count(rows, row_multiple, len(lengths))
    return _placed(lengths, steps, rows, begins, count)


def whole_splits(batch: int, steps: int, programs: int) -> tuple[DecoderSplit, ...]:
    """The splits of a batch whose sketches are decoded to the last step, padding too."""
    time = np.arange(steps, dtype=np.int32)[:, None]
    members = np.array_split(np.arange(batch, dtype=np.int32), min(programs, batch))
    return tuple(DecoderSplit(own, own * steps + time) for own in members)


def short_splits(
    lengths: np.ndarray, steps: int, pad_steps: int, programs: int, row_multiple: int = 1
) -> tuple[DecoderSplit, ...]:
    """The splits of a batch whose sketches are decoded up to `pad_steps` steps after their end.

    Args:
      lengths: points, int `[B]`, each from 1 to T.
      steps: T.
      pad_steps: steps after the one that ends the sketch, which is always there.
      programs: how many splits.
      row_multiple: see `packed`; of all splits together.

    Returns:
      Splits of NumPy arrays, all with the same number of rows.
    """
    by_length = np.argsort(-np.asarray(lengths), kind="stable").astype(np.int32)
    dealt = [by_length[number::programs] for number in range(min(programs, len(lengths)))]
    needed = [np.minimum(lengths[members] + 1 + pad_steps, steps) for members in dealt]
    fits = [_first_fit(counts, steps) for counts in needed]
    rows_of_all = [row for rows, _ in fits for row in rows]
    count = _row_count(rows_of_all, max(row_multiple // programs, 1), len(dealt[0]))
    splits = []
    for members, counts, (rows, begins) in zip(dealt, needed, fits, strict=True):
        placed = _placed(counts, steps, rows, begins, count)
        loss_mask = placed.starts.cumsum(axis=0) > placed.ends.cumsum(axis=0) - placed.ends
        sketch, step = np.divmod(placed.source, steps)
        source = members[sketch] * steps + step
        splits.append(DecoderSplit(members, source, loss_mask, placed.starts, sketch))
    return tuple(splits)


def in_rows(value: tf.Tensor | None, source: tf.Tensor) -> tf.Tensor | None:
    """The steps of `[B, T, ...]` at their places in rows, `[T, R, ...]`."""
    if value is None:
        return None
    return tf.gather(tf.reshape(value, [-1, value.shape[-1]]), source)


def _row_count(rows: Sequence[int], multiple: int, sketches: int) -> int:
    """A multiple that is enough for these rows; no more than there are sketches."""
    needed = 1 + max(rows)
    return max(needed, min(-(-needed // multiple) * multiple, sketches))


def _placed(lengths, steps, rows, begins, count) -> Packing:
    source = np.zeros([steps, count], np.int32)
    starts = np.zeros([steps, count], bool)
    ends = np.zeros([steps, count], bool)
    for sketch, (row, begin, length) in enumerate(zip(rows, begins, lengths, strict=True)):
        source[begin : begin + length, row] = sketch * steps + np.arange(length)
        starts[begin, row] = ends[begin + length - 1, row] = True
    rows, begins = np.asarray(rows, np.int32), np.asarray(begins, np.int32)
    last = (begins + np.asarray(lengths, np.int32) - 1) * count + rows
    return Packing(source, starts, ends, begins * count + rows, last)


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
