"""Sketches packed into rows keep every point once, in order, without gaps."""

import numpy as np
import pytest
import tensorflow as tf

from sketch_rnn.model.execution import Execution
from sketch_rnn.model.packing import (
    Layout,
    Rows,
    one_sketch_a_row,
    packed,
    short_micro_batches,
    whole_micro_batches,
)

LENGTHS = [[3], [1, 1, 1], [20, 1, 19, 10, 10, 5], list(range(1, 21)) * 3]


def check(packing, lengths, steps):
    source, starts, ends, first, last = (np.asarray(part) for part in packing)
    rows = source.shape[1]
    seen = np.zeros([len(lengths) * steps], int)
    for sketch, length in enumerate(lengths):
        begin, row = divmod(first[sketch], rows)
        assert last[sketch] == first[sketch] + (length - 1) * rows
        piece = slice(begin, begin + length)
        np.testing.assert_array_equal(source[piece, row], sketch * steps + np.arange(length))
        assert starts[begin, row] and not starts[begin + 1 : begin + length, row].any()
        assert ends[begin + length - 1, row] and not ends[begin : begin + length - 1, row].any()
        seen[sketch * steps : sketch * steps + length] += 1
    assert seen.max() == 1 and seen.sum() == sum(lengths)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_every_point_is_packed_exactly_once(lengths):
    check(packed(np.array(lengths), 20), lengths, 20)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_one_sketch_per_row_packs_every_point(lengths):
    packing = one_sketch_a_row(np.array(lengths, np.int32), 20)
    check(packing, lengths, 20)
    assert packing.source.shape[1] == len(lengths)


def test_no_two_sketches_overlap_and_few_rows_are_needed():
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 101, 100)
    packing = packed(lengths, 100)
    rows = packing.source.shape[1]
    covered = np.zeros([100, rows], int)
    for sketch, length in enumerate(lengths):
        begin, row = divmod(packing.first[sketch], rows)
        covered[begin : begin + length, row] += 1
    assert covered.max() == 1
    assert rows <= -(-lengths.sum() // 100) + 2


@pytest.mark.parametrize("pad_steps", ["all", 8])
def test_almost_all_of_sixty_batches_have_the_same_shapes(pad_steps):
    rng = np.random.default_rng(4)
    split = np.clip(rng.gamma(4, 15, 1000), 1, 200).astype(np.int32)
    batches = [rng.choice(split, 50) for _ in range(124)]
    layout = Layout(Execution(), pad_steps).fitted(batches[:64], 200)
    strokes5 = np.zeros([50, 201, 5], np.float32)
    shapes = [shapes_of(layout.batch(strokes5, lengths)) for lengths in batches[64:]]
    usual = max(shapes, key=shapes.count)
    assert shapes.count(usual) >= 54 and len(set(shapes)) <= 2
    fewest = {shapes_of(Layout(Execution(), pad_steps).batch(strokes5, b)) for b in batches[64:]}
    assert len(fewest) > 5


@pytest.mark.parametrize("pad_steps", ["all", 3])
@pytest.mark.parametrize("rows", [(Rows(4, 3),), (Rows(5, 3), Rows(6, 3)), (Rows(3, 1),)])
def test_empty_rows_change_only_the_number_of_rows(rows, pad_steps):
    lengths, steps = np.array([20, 1, 19, 10, 10, 5], np.int32), 20  # which need four rows
    layout = Layout(Execution(), pad_steps, rows)
    found = layout.batch(np.zeros([6, steps + 1, 5], np.float32), lengths)
    assert found.packing.source.shape[1] == (rows[0].encoder if rows[0].encoder >= 4 else 6)
    check(found.packing, lengths, steps)
    narrow = Layout(Execution(), pad_steps).micro_batches(lengths, steps)
    for ours, theirs in zip(found.micro_batches, narrow, strict=True):
        np.testing.assert_array_equal(steps_of(ours, steps), steps_of(theirs, steps))
        assert ours.source.shape[1] == 3
        assert ours.starts is None or np.sum(ours.starts) == np.sum(theirs.starts) == 3


def shapes_of(batch):
    return tuple(value.shape for value in tf.nest.flatten(batch) if value is not None)


def steps_of(micro_batch, steps):
    """Return the steps in a micro-batch, as indices into [B T]."""
    if micro_batch.loss_mask is None:
        return micro_batch.source
    return np.asarray(micro_batch.source)[np.asarray(micro_batch.loss_mask)]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("pad_steps", [0, 3, 30])
def test_short_micro_batches_hold_each_sketch_until_a_few_steps_past_its_end(lengths, pad_steps):
    steps, lengths = 20, np.array(lengths)
    micro_batches = short_micro_batches(lengths, steps, pad_steps, 2)
    found = np.concatenate([steps_of(one, steps) for one in micro_batches])
    expected = [
        sketch * steps + np.arange(min(length + 1 + pad_steps, steps))
        for sketch, length in enumerate(lengths)
    ]
    np.testing.assert_array_equal(np.sort(found), np.concatenate(expected))
    assert len({one.source.shape for one in micro_batches}) == 1
    for one in micro_batches:
        begins = one.source[one.starts]
        np.testing.assert_array_equal(np.sort(begins), np.sort(one.members) * steps)
        of_batch = one.members[one.sketch[one.loss_mask]]
        np.testing.assert_array_equal(of_batch, one.source[one.loss_mask] // steps)
        follows = one.loss_mask[1:] & ~one.starts[1:]
        np.testing.assert_array_equal(one.source[1:][follows], one.source[:-1][follows] + 1)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_whole_micro_batches_hold_every_step(batch):
    micro_batches = whole_micro_batches(batch, 20, 2)
    found = np.concatenate([one.source.T.reshape(-1) for one in micro_batches])
    np.testing.assert_array_equal(found, np.arange(batch * 20))
    np.testing.assert_array_equal(
        np.concatenate([one.members for one in micro_batches]), range(batch)
    )
