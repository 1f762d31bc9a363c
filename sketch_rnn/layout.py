"""How the encoder lays the sketches of a batch out over time.

A sketch is much shorter than the longest. Several of them go one after the other into one row, so
that the encoder does no work past their ends; the state is set to zero where the next begins.

Legend: B batch, T time (N_max), R rows.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

ROW_MULTIPLE = 8  # few different numbers of rows, since each is compiled for


class Layout(NamedTuple):
    """Where each point of each sketch stands."""

    source: tf.Tensor  # int32 [T, R]: index into the batch's points [B T], sketch by sketch
    starts: tf.Tensor  # bool [T, R]: True at each sketch's first point
    ends: tf.Tensor  # bool [T, R]: True at each sketch's last point
    first: tf.Tensor  # int32 [B]: index of the first point into [T R]
    last: tf.Tensor  # int32 [B]: index of the last point into [T R]


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
      NumPy arrays; R is a multiple of 8 or B, whichever is less.
    """
    rows, begins = _first_fit(lengths, steps)
    count = min(
        -(-(max(rows) + 1) // ROW_MULTIPLE) * ROW_MULTIPLE, max(len(lengths), max(rows) + 1)
    )
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
