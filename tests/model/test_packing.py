"""Sketches packed into rows: every point once, in order, and nothing between."""

import numpy as np
import pytest

from sketch_rnn.model.packing import one_sketch_a_row, packed, short_parts, whole_parts

LENGTHS = [[3], [1, 1, 1], [20, 1, 19, 10, 10, 5], list(range(1, 21)) * 3]


def check(layout, lengths, steps):
    source, starts, ends, first, last = (np.asarray(part) for part in layout)
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
    check(packed(np.array(lengths), 20), lengths, 20)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_one_sketch_a_row(lengths):
    layout = one_sketch_a_row(np.array(lengths, np.int32), 20)
    check(layout, lengths, 20)
    assert layout.source.shape[1] == len(lengths)


def test_no_two_sketches_overlap_and_few_rows_are_needed():
    rng = np.random.default_rng(3)
    lengths = rng.integers(1, 101, 100)
    layout = packed(lengths, 100)
    rows = layout.source.shape[1]
    taken = np.zeros([100, rows], int)
    for sketch, length in enumerate(lengths):
        begin, row = divmod(layout.first[sketch], rows)
        taken[begin : begin + length, row] += 1
    assert taken.max() == 1
    assert rows % 8 == 0 and rows <= -(-lengths.sum() // 100) + 8


def steps_of(part, steps):
    """The steps that a part holds, as indices into [B T]."""
    return part.source if part.taken is None else part.source[part.taken]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("pad_steps", [0, 3, 30])
def test_short_parts_hold_each_sketch_up_to_some_steps_past_its_end(lengths, pad_steps):
    steps, lengths = 20, np.array(lengths)
    parts = short_parts(lengths, steps, pad_steps)
    found = np.concatenate([steps_of(part, steps) for part in parts])
    expected = [
        sketch * steps + np.arange(min(length + 1 + pad_steps, steps))
        for sketch, length in enumerate(lengths)
    ]
    np.testing.assert_array_equal(np.sort(found), np.concatenate(expected))
    assert len({part.source.shape for part in parts}) == 1
    for part in parts:
        begins = part.source[part.starts]
        np.testing.assert_array_equal(np.sort(begins), np.sort(part.members) * steps)
        of_batch = part.members[part.sketch[part.taken]]
        np.testing.assert_array_equal(of_batch, part.source[part.taken] // steps)
        follows = part.taken[1:] & ~part.starts[1:]
        np.testing.assert_array_equal(part.source[1:][follows], part.source[:-1][follows] + 1)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_whole_parts_hold_every_step(batch):
    parts = whole_parts(batch, 20)
    found = np.concatenate([part.source.T.reshape(-1) for part in parts])
    np.testing.assert_array_equal(found, np.arange(batch * 20))
    np.testing.assert_array_equal(np.concatenate([part.members for part in parts]), range(batch))
