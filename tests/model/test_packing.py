"""Sketches packed into rows: every point once, in order, and nothing between."""

import numpy as np
import pytest

from sketch_rnn.model.packing import one_sketch_a_row, packed, short_splits, whole_splits

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
def test_every_point_stands_once_in_one_row(lengths):
    check(packed(np.array(lengths), 20, 8), lengths, 20)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_one_sketch_a_row(lengths):
    packing = one_sketch_a_row(np.array(lengths, np.int32), 20)
    check(packing, lengths, 20)
    assert packing.source.shape[1] == len(lengths)


def test_no_two_sketches_overlap_and_few_rows_are_needed():
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 101, 100)
    packing = packed(lengths, 100, 8)
    rows = packing.source.shape[1]
    covered = np.zeros([100, rows], int)
    for sketch, length in enumerate(lengths):
        begin, row = divmod(packing.first[sketch], rows)
        covered[begin : begin + length, row] += 1
    assert covered.max() == 1
    assert rows % 8 == 0 and rows <= -(-lengths.sum() // 100) + 8


def steps_of(split, steps):
    """The steps that a split holds, as indices into [B T]."""
    return split.source if split.loss_mask is None else split.source[split.loss_mask]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("pad_steps", [0, 3, 30])
def test_short_splits_hold_each_sketch_up_to_some_steps_past_its_end(lengths, pad_steps):
    steps, lengths = 20, np.array(lengths)
    splits = short_splits(lengths, steps, pad_steps, 2, 8)
    found = np.concatenate([steps_of(split, steps) for split in splits])
    expected = [
        sketch * steps + np.arange(min(length + 1 + pad_steps, steps))
        for sketch, length in enumerate(lengths)
    ]
    np.testing.assert_array_equal(np.sort(found), np.concatenate(expected))
    assert len({split.source.shape for split in splits}) == 1
    for split in splits:
        begins = split.source[split.starts]
        np.testing.assert_array_equal(np.sort(begins), np.sort(split.members) * steps)
        of_batch = split.members[split.sketch[split.loss_mask]]
        np.testing.assert_array_equal(of_batch, split.source[split.loss_mask] // steps)
        follows = split.loss_mask[1:] & ~split.starts[1:]
        np.testing.assert_array_equal(split.source[1:][follows], split.source[:-1][follows] + 1)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_whole_splits_hold_every_step(batch):
    splits = whole_splits(batch, 20, 2)
    found = np.concatenate([split.source.T.reshape(-1) for split in splits])
    np.testing.assert_array_equal(found, np.arange(batch * 20))
    np.testing.assert_array_equal(np.concatenate([split.members for split in splits]), range(batch))
