"""The streamed `.npz` is what NumPy itself reads and writes."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest
from helpers import read_npz, unix_only

from sketch_rnn.convert.store import Spool, write_npz
from sketch_rnn.data import npz


def sketches(count, seed=0):
    rng = np.random.default_rng(seed)
    low, high = (-300, -300, 0), (300, 300, 2)
    return [rng.integers(low, high, (rng.integers(1, 90), 3), np.int16) for _ in range(count)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "set.npz"


@pytest.fixture
def written(path):
    splits = {"train": sketches(300), "valid": sketches(1, 1), "test": []}
    write_npz(path, {name: (len(split), iter(split)) for name, split in splits.items()})
    return splits


@pytest.mark.filterwarnings("error")
def test_numpy_reads_a_written_file_as_the_original_does(path, written):
    with np.load(path, allow_pickle=True, encoding="latin1") as file:
        assert list(file) == ["train", "valid", "test"]
        for name, split in written.items():
            assert file[name].shape == (len(split),) and file[name].dtype == object
            for read, sketch in zip(file[name], split, strict=True):
                assert read.dtype == np.int16 and read.flags.writeable
                np.testing.assert_array_equal(read, sketch)


def test_the_restricted_reader_reads_a_written_file(path):
    splits = {name: sketches(1500, i) for i, name in enumerate(npz.SPLITS)}
    write_npz(path, {name: (1500, split) for name, split in splits.items()})
    reread = read_npz(path)
    for name, split in splits.items():
        for read, sketch in zip(reread[name], split, strict=True):
            np.testing.assert_array_equal(read, sketch)


def test_the_same_data_is_the_same_file(path, written, tmp_path):
    again = tmp_path / "again.npz"
    write_npz(again, {name: (len(split), split) for name, split in written.items()})
    assert again.read_bytes() == path.read_bytes()
    assert zipfile.ZipFile(path).testzip() is None


def test_a_spool_returns_the_sketches_that_were_added(tmp_path):
    drawings = sketches(50)
    with Spool(tmp_path) as spool:
        for first in range(0, 50, 20):
            some = drawings[first : first + 20]
            spool.append(np.concatenate(some), [len(sketch) for sketch in some])
        assert len(spool) == 50
        order = np.random.default_rng(1).permutation(50)
        for number, sketch in zip(order, spool.sketches(order), strict=True):
            np.testing.assert_array_equal(sketch, drawings[number])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(path):
    path.write_text("old")

    def breaks():
        yield sketches(1)[0]
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_npz(path, {"train": (2, breaks())})
    assert path.read_text() == "old" and list(path.parent.iterdir()) == [path]


@unix_only
def test_memory_does_not_grow_with_the_number_of_sketches(tmp_path):
    program = f"""
import resource, numpy as np
from pathlib import Path
from sketch_rnn.convert.store import write_npz
def peak_after(count):
    sketches = (np.ones((3, 3), np.int16) for _ in range(count))
    write_npz(Path({str(tmp_path / "a.npz")!r}), {{"train": (count, sketches)}})
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(-peak_after(10) + peak_after(100_000))
"""
    grown = int(subprocess.check_output([sys.executable, "-c", program]))
    per_kilobyte = 1024 if sys.platform == "darwin" else 1
    assert grown / per_kilobyte < 8_000
