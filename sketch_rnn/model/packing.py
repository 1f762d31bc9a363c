"""How the sketches of a batch are laid out over time.

A sketch is much shorter than the longest. Several of them go one after the other into one row, so
that no work is done past their ends; the state starts anew where the next begins.

Legend: B batch, T time (N_max), R rows, S sketches of a part.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

PARTS = 2  # of a batch, which the decoder reads at the same time
ROW_MULTIPLE = 8  # few different numbers of rows, since each is compiled for


class Layout(NamedTuple):
    """Where each step of each sketch stands."""

    source: tf.Tensor  # int32 [T, R]: index into the steps [B T], sketch by sketch
    starts: tf.Tensor  # bool [T, R]: True at each sketch's first step
    ends: tf.Tensor  # bool [T, R]: True at each sketch's last step
    first: tf.Tensor  # int32 [B]: index of the first step into [T R]
    last: tf.Tensor  # int32 [B]: index of the last step into [T R]


class Part(NamedTuple):
    """The sketches that the decoder reads in one of its programs.

    Without `taken` each row is a sketch with all its steps.
    """

    members: tf.Tensor  # int32 [S]: which sketches of the batch
    source: tf.Tensor  # int32 [T, R]: index into the batch's steps [B T], sketch by sketch
    taken: tf.Tensor | None = None  # bool [T, R]: where there is a step of a sketch
    starts: tf.Tensor | None = None  # bool [T, R]: True at each sketch's first step
    sketch: tf.Tensor | None = None  # int32 [T, R]: which member


def one_sketch_a_row(lengths: tf.Tensor, steps: int) -> Layout:
    """The layout with one sketch in each row.

    Args:
      lengths: int32 `[B]`.
      steps: T.

    Returns:
      A layout with R = B.
    """
    batch = tf.shape(lengths)[0]
    rows = tf.range(batch)
    time = tf.range(steps)[:, None]  # [T, 1]
    last = tf.maximum(lengths, 1) - 1
    return Layout(
        source=rows * steps + time,
        starts=tf.tile(time == 0, [1, batch]),
        ends=time == last,
        first=rows,
        last=last * batch + rows,
    )


def packed(lengths: np.ndarray, steps: int) -> Layout:
    """A layout with as few rows as first-fit decreasing finds.

    Args:
      lengths: int `[B]`, each from 1 to T.
      steps: T.

    Returns:
      NumPy arrays; R is a multiple of `ROW_MULTIPLE` or B, whichever is less.
    """
    rows, begins = _first_fit(lengths, steps)
    count = _row_count(rows, ROW_MULTIPLE, len(lengths))
    return _laid_out(lengths, steps, rows, begins, count)


def whole_parts(batch: int, steps: int) -> tuple[Part, ...]:
    """The parts of a batch whose sketches are decoded to the last step, padding too."""
    time = np.arange(steps, dtype=np.int32)[:, None]
    halves = np.array_split(np.arange(batch, dtype=np.int32), min(PARTS, batch))
    return tuple(Part(members, members * steps + time) for members in halves)


def short_parts(lengths: np.ndarray, steps: int, pad_steps: int) -> tuple[Part, ...]:
    """The parts of a batch whose sketches are decoded up to `pad_steps` steps after their end.

    Args:
      lengths: points, int `[B]`, each from 1 to T.
      steps: T.
      pad_steps: steps after the one that ends the sketch, which is always there.

    Returns:
      Parts of NumPy arrays, all with the same number of rows.
    """
    by_length = np.argsort(-np.asarray(lengths), kind="stable").astype(np.int32)
    dealt = [by_length[part::PARTS] for part in range(min(PARTS, len(lengths)))]
    needed = [np.minimum(lengths[members] + 1 + pad_steps, steps) for members in dealt]
    fits = [_first_fit(counts, steps) for counts in needed]
    rows_of_all = [row for rows, _ in fits for row in rows]
    count = _row_count(rows_of_all, ROW_MULTIPLE // PARTS, len(dealt[0]))
    parts = []
    for members, counts, (rows, begins) in zip(dealt, needed, fits, strict=True):
        laid = _laid_out(counts, steps, rows, begins, count)
        taken = laid.starts.cumsum(axis=0) > laid.ends.cumsum(axis=0) - laid.ends
        sketch, step = np.divmod(laid.source, steps)
        source = members[sketch] * steps + step
        parts.append(Part(members, source, taken, laid.starts, sketch))
    return tuple(parts)


def in_rows(value: tf.Tensor | None, source: tf.Tensor) -> tf.Tensor | None:
    """The steps of `[B, T, ...]` at their places in rows, `[T, R, ...]`."""
    if value is None:
        return None
    return tf.gather(tf.reshape(value, [-1, value.shape[-1]]), source)


def _row_count(rows: Sequence[int], multiple: int, sketches: int) -> int:
    """A multiple that is enough for these rows; no more than there are sketches."""
    needed = 1 + max(rows)
    return max(needed, min(-(-needed // multiple) * multiple, sketches))


def _laid_out(lengths, steps, rows, begins, count) -> Layout:
    source = np.zeros([steps, count], np.int32)
    starts = np.zeros([steps, count], bool)
    ends = np.zeros([steps, count], bool)
    for sketch, (row, begin, length) in enumerate(zip(rows, begins, lengths, strict=True)):
        source[begin : begin + length, row] = sketch * steps + np.arange(length)
        starts[begin, row] = ends[begin + length - 1, row] = True
    rows, begins = np.asarray(rows, np.int32), np.asarray(begins, np.int32)
    last = (begins + np.asarray(lengths, np.int32) - 1) * count + rows
    return Layout(source, starts, ends, begins * count + rows, last)


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
