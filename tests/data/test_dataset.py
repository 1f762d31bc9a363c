import itertools
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from golden import cases
from golden.cases import recorded_of
from helpers import public

from sketch_rnn import strokes
from sketch_rnn.data import dataset, download, npz
from sketch_rnn.data import split as batching
from sketch_rnn.errors import UserError


def sketches(count, seed=0, dtype=np.int16, shortest=1):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n = int(rng.integers(shortest, 30))
        yield np.concatenate([rng.integers(-99, 99, (n, 2)), rng.integers(0, 2, (n, 1))], 1).astype(
            dtype
        )


def objects(arrays):
    arrays = list(arrays)
    result = np.empty(len(arrays), object)
    result[:] = arrays
    return result


def write(path, **splits):
    splits = {name: splits.get(name, sketches(5, i)) for i, name in enumerate(npz.SPLITS)}
    np.savez_compressed(path, **{k: objects(v) for k, v in splits.items() if v is not None})
    return path


def make_hparams(**changes):
    fields = {"batch_size": 8, "random_scale_factor": 0.15, "augment_stroke_prob": 0.1}
    return SimpleNamespace(**fields | changes)


@pytest.fixture
def data(tmp_path):
    write(tmp_path / "a.npz", train=sketches(40))
    return dataset.load_dataset("a.npz", tmp_path)


def batches(data, seed=1, shard=(0, 1), **changes):
    hparams = make_hparams(max_seq_len=data.max_seq_len, **changes)
    return batching.TrainBatches(data.train, hparams, data.scale_factor, seed, shard)


# Loading


def test_a_data_set_name_that_exists_as_a_path_is_read_as_a_path(tmp_path, monkeypatch):
    """No server is contacted, whatever the path looks like."""
    monkeypatch.setattr(download, "fetch", lambda *_: pytest.fail("it was asked for"))
    (tmp_path / "here").mkdir()
    for name in ("here/a.npz", "b.npz"):
        write(tmp_path / name, train=sketches(40))
    monkeypatch.chdir(tmp_path)
    for names, count in (
        ("here/a.npz", 40),
        (str(tmp_path / "b.npz"), 40),
        (["./here/a.npz", "here/../b.npz"], 80),
    ):
        assert len(dataset.load_dataset(names).train) == count
    assert download.locate(None, ["here/a.npz"]) == (str(tmp_path / "here"), ["a.npz"])
    assert download.locate(None, ["none.npz"]) == (download.DEFAULT_DATA_DIR, ["none.npz"])
    assert download.locate("here", ["b.npz"]) == ("here", ["b.npz"])


def test_aaron_sheep_has_the_same_numbers_as_in_the_original():
    folder = public("data/aaron_sheep.npz").parent
    data = dataset.load_dataset("aaron_sheep.npz", folder)
    assert (len(data.train), len(data.valid), len(data.test)) == (7400, 300, 300)
    assert data.max_seq_len == 250
    assert data.scale_factor == pytest.approx(18.5198, abs=5e-5)


def test_scale_factor_and_first_batch_equal_the_original(tmp_path):
    recorded = recorded_of("data")
    write(tmp_path / "a.npz", train=cases.drawings(1))
    data = dataset.load_dataset("a.npz", tmp_path)
    split, factor = data.train, data.scale_factor
    assert factor == pytest.approx(float(recorded["scale_factor"]), rel=1e-6)
    batch, lengths = next(batching.eval_batches(split, 8, factor, 30))
    np.testing.assert_array_equal(lengths, recorded["first_lengths"])
    np.testing.assert_allclose(batch, recorded["first_batch"], rtol=1e-6, atol=1e-6)


def test_sketches_are_stroke3_in_data_units(tmp_path):
    train = list(sketches(12))
    write(tmp_path / "a.npz", train=train)
    split = dataset.load_dataset("a.npz", tmp_path).train
    assert len(split) == 12
    for found, expected in zip(split, train, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(split[-1], train[-1])
    with pytest.raises(IndexError):
        split[12]


def test_several_files_are_one_data_set(tmp_path):
    first, second = list(sketches(7, 1)), list(sketches(9, 2, np.float32))
    write(tmp_path / "a.npz", train=first)
    write(tmp_path / "b.npz", train=second, valid=[np.ones((77, 3), int)])
    data = dataset.load_dataset(["a.npz", "b.npz"], tmp_path)
    assert len(data.train) == 16
    assert data.max_seq_len == 77
    for found, expected in zip(data.train, first + second, strict=True):
        np.testing.assert_array_equal(found, expected)
    offsets = np.concatenate(first + second)[:, :2]
    assert data.scale_factor == pytest.approx(offsets.std(), rel=1e-6)
    points, lengths = data.train.gather(np.array([15, 0, 8, 0]))
    expected = [second[8], first[0], second[1], first[0]]
    np.testing.assert_array_equal(points, np.concatenate(expected))
    np.testing.assert_array_equal(lengths, [len(sketch) for sketch in expected])


def test_offsets_are_clamped_before_the_scale_factor(tmp_path):
    train = [np.array([[5000, -70000, 0], [1, 2, 1]], np.int32)]
    write(tmp_path / "a.npz", train=train)
    data = dataset.load_dataset("a.npz", tmp_path)
    np.testing.assert_array_equal(data.train[0], [[1000, -1000, 0], [1, 2, 1]])
    assert data.scale_factor == pytest.approx(np.std([1000, -1000, 1, 2]), rel=1e-6)


def test_offsets_that_are_all_equal_are_refused(tmp_path):
    write(tmp_path / "a.npz", train=[np.zeros((4, 3), int)] * 3)
    with pytest.raises(UserError, match="are equal"):
        dataset.load_dataset("a.npz", tmp_path)


@pytest.mark.parametrize("split", npz.SPLITS)
def test_a_split_without_sketches_is_refused(tmp_path, split):
    write(tmp_path / "a.npz", **{split: []})
    with pytest.raises(UserError, match=f"the {split} split holds no sketches"):
        dataset.load_dataset("a.npz", tmp_path)


# Batches


def test_a_batch_depends_only_on_seed_and_step(data):
    for found, expected in zip(batches(data).batch(3), batches(data).batch(3), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(batches(data).batch(3)[0], batches(data).batch(4)[0])
    assert not np.array_equal(batches(data).batch(3)[0], batches(data, seed=2).batch(3)[0])


def test_a_batch_is_stroke5_in_model_units(data):
    plain = batches(data, random_scale_factor=0.0, augment_stroke_prob=0.0)
    strokes5, lengths = plain.batch(0)
    assert strokes5.shape == (8, data.max_seq_len + 1, 5) and strokes5.dtype == np.float32
    assert lengths.shape == (8,) and lengths.dtype == np.int32
    known = {sketch.tobytes() for sketch in data.train}
    for row, length in zip(strokes5, lengths, strict=True):
        np.testing.assert_array_equal(row[0], [0, 0, 1, 0, 0])
        assert row[length + 1 :, 4].all() and not row[: length + 1, 4].any()
        sketch = strokes.to_stroke3(row) * np.float32([data.scale_factor, data.scale_factor, 1])
        assert np.round(sketch).astype(np.float32).tobytes() in known


def test_sketches_are_drawn_without_replacement_from_the_whole_split(data):
    whole = batches(data, batch_size=40, random_scale_factor=0.0, augment_stroke_prob=0.0)
    found = sorted(row.tobytes() for row in whole.batch(0)[0])
    points, lengths = batching.flatten(list(data.train))
    points[:, :2] /= np.float32(data.scale_factor)
    expected = batching.flat_to_stroke5(points, lengths, data.max_seq_len)
    assert found == sorted(row.tobytes() for row in expected)


def test_augmentation_scales_within_its_range_and_drops_points(data):
    spread = batches(data, batch_size=40, augment_stroke_prob=0.0)
    still = batches(data, batch_size=40, random_scale_factor=0.0, augment_stroke_prob=0.0)
    with np.errstate(invalid="ignore"):
        ratio = (spread.batch(0)[0] / still.batch(0)[0])[:, 1:, :2]
    ratio = ratio[np.isfinite(ratio)]
    assert 0.85 <= ratio.min() < 0.9 and 1.1 < ratio.max() <= 1.15
    dropping = batches(data, batch_size=40, augment_stroke_prob=0.5)
    assert dropping.batch(0)[1].sum() < still.batch(0)[1].sum()


def test_fewer_sketches_than_a_batch_are_drawn_with_replacement(data, caplog):
    many = batches(data, batch_size=64)
    (line,) = caplog.messages
    assert "fewer than batch_size=64" in line
    assert len(many.batch(0)[1]) == len(many.batch(1)[1]) == 64
    assert caplog.messages == [line]


@pytest.mark.parametrize("count", [2, 4])
def test_shards_are_slices_of_the_global_batch(data, count):
    shards = [batches(data, shard=(i, count)).batch(5) for i in range(count)]
    for part, whole in zip(zip(*shards, strict=True), batches(data).batch(5), strict=True):
        np.testing.assert_array_equal(np.concatenate(part), whole)


def test_a_batch_that_cannot_be_split_equally_is_refused(data):
    with pytest.raises(UserError, match="3 workers"):
        batches(data, shard=(0, 3))


def test_eval_batches_are_stably_sorted_by_length(data):
    found = list(batching.eval_batches(data.train, 16, data.scale_factor, data.max_seq_len))
    assert [len(lengths) for _, lengths in found] == [16, 16, 8]
    order = sorted(range(40), key=lambda i: len(data.train[i]))
    points, lengths = batching.flatten([data.train[i] for i in order])
    points[:, :2] /= np.float32(data.scale_factor)
    expected = batching.flat_to_stroke5(points, lengths, data.max_seq_len)
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in found]), expected)


def test_prefetched_batches_come_in_order_from_any_step(data):
    source = batches(data)
    ahead = batching.prefetch(source.batch, 7)
    for step, (strokes5, lengths) in zip(range(7, 20), ahead, strict=False):
        np.testing.assert_array_equal(strokes5, source.batch(step)[0])
        np.testing.assert_array_equal(lengths, source.batch(step)[1])
    ahead.close()


def test_an_error_in_a_batch_reaches_the_reader():
    class Broken:
        def batch(self, step):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        next(batching.prefetch(Broken().batch))


def test_a_program_with_unread_batches_exits(tmp_path):
    write(tmp_path / "a.npz", train=sketches(40))
    code = f"""
from types import SimpleNamespace
from sketch_rnn.data import dataset, split as batching
data = dataset.load_dataset("a.npz", {str(tmp_path)!r})
hparams = SimpleNamespace(
    batch_size=8, max_seq_len=data.max_seq_len, random_scale_factor=0.1, augment_stroke_prob=0.1
)
batches = batching.TrainBatches(data.train, hparams, data.scale_factor, 0)
ahead = batching.prefetch(batches.batch)
next(ahead)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


# The memory-mapped cache


@pytest.fixture
def mapped(monkeypatch, tmp_path):
    monkeypatch.setattr(dataset, "MAPPED_FROM", 0)
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_mapped_data_set_equals_one_in_memory(mapped, tmp_path, monkeypatch):
    write(tmp_path / "a.npz", train=sketches(40))
    write(tmp_path / "b.npz", train=sketches(30, 3, np.float64))
    names = ["a.npz", "b.npz"]
    once, again = (dataset.load_dataset(names, tmp_path) for _ in range(2))
    monkeypatch.setattr(dataset, "MAPPED_FROM", 1 << 30)
    plain = dataset.load_dataset(names, tmp_path)
    for data in (once, again):
        assert not data.train.parts[0].points.flags.owndata
        assert data.train.parts[0].points.dtype == np.int16
        assert (data.scale_factor, data.max_seq_len) == (plain.scale_factor, plain.max_seq_len)
        for split in npz.SPLITS:
            pairs = itertools.zip_longest(getattr(data, split), getattr(plain, split))
            assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_file_is_converted_once_and_again_when_it_changes(mapped, tmp_path, monkeypatch):
    path = write(tmp_path / "a.npz")
    dataset.load_dataset("a.npz", tmp_path)
    read = npz.read_split
    monkeypatch.setattr(npz, "read_split", lambda *_: pytest.fail("converted again"))
    dataset.load_dataset("a.npz", tmp_path)
    monkeypatch.setattr(npz, "read_split", read)
    write(path, train=sketches(23))
    assert len(dataset.load_dataset("a.npz", tmp_path).train) == 23


@pytest.mark.parametrize("size", [0, 100, 4096, 5000])
def test_a_truncated_cache_file_is_written_again(mapped, tmp_path, size):
    write(tmp_path / "a.npz", train=sketches(23))
    dataset.load_dataset("a.npz", tmp_path)
    (file,) = mapped.iterdir()
    os.truncate(file, size)
    assert len(dataset.load_dataset("a.npz", tmp_path).train) == 23


def test_a_failed_conversion_leaves_no_file(mapped, tmp_path):
    write(tmp_path / "a.npz", test=[np.array([[1, 2, 7]])])
    with pytest.raises(UserError, match="split test, sketch 0"):
        dataset.load_dataset("a.npz", tmp_path)
    assert list(mapped.iterdir()) == []


def test_a_killed_conversion_is_repeated_and_cleaned_up(mapped, tmp_path):
    write(tmp_path / "a.npz")
    dataset.load_dataset("a.npz", tmp_path)
    (file,) = mapped.iterdir()
    left = mapped / f".{file.name}.dead.part"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    file.unlink()
    dataset.load_dataset("a.npz", tmp_path)
    assert list(mapped.iterdir()) == [file]


def test_two_processes_may_convert_at_once(mapped, tmp_path):
    write(tmp_path / "a.npz", train=sketches(3000))
    code = f"""
from sketch_rnn.data import dataset
dataset.MAPPED_FROM = 0
print(sum(map(len, dataset.load_dataset("a.npz", {str(tmp_path)!r}).train)))
"""
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    sums = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert sums == {b"%d\n" % sum(map(len, sketches(3000)))}
    assert len(list(mapped.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_named(mapped, tmp_path):
    mapped.write_text("a file where the folder should be")
    write(tmp_path / "a.npz")
    with pytest.raises(UserError, match="SKETCH_RNN_CACHE"):
        dataset.load_dataset("a.npz", tmp_path)


def test_a_cache_file_with_a_damaged_header_is_written_again(mapped, tmp_path):
    write(tmp_path / "a.npz")
    dataset.load_dataset("a.npz", tmp_path)
    (file,) = mapped.iterdir()
    whole = file.read_bytes()
    file.write_bytes(json.dumps({"size": len(whole), "train": {}}).encode() + whole[4096:])
    dataset.load_dataset("a.npz", tmp_path)
    assert file.read_bytes() == whole
