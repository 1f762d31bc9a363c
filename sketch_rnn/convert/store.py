"""Keep sketches on disk, then write the `.npz`, without much memory.

Each split of a data set is an object array of int16 `[n, 3]` arrays. NumPy writes an object array
as one pickle, but keeps all its objects in memory until it is done: about a kilobyte per sketch. So
this module writes the pickle to disk itself, object by object. It uses pickle protocol 3, which all
versions of Python 3 and NumPy can read.
"""

import pickle
import pickletools
import struct
import tempfile
import zipfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from sketch_rnn.files import replacing


class Spool:
    """A store for sketches `[n, 3]` int16 in an unnamed file that vanishes with the program."""

    def __init__(self, folder: Path):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._lengths = array("q")

    def __len__(self) -> int:
        return len(self._lengths)

    def append(self, points: np.ndarray, lengths: Iterable[int]) -> None:
        """Add sketches, given as concatenated points `[P, 3]` int16 and their lengths."""
        self._file.write(points.tobytes())
        self._lengths.extend(map(int, lengths))

    def sketches(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the sketches with the given indices, in that order."""
        self._file.flush()
        ends = np.cumsum(np.frombuffer(self._lengths, np.int64))
        if not len(ends):
            return
        points = np.memmap(self._file, np.int16, "r", shape=(int(ends[-1]), 3))
        for number in numbers:
            yield points[ends[number] - self._lengths[number] : ends[number]]

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def write_npz(path: Path, splits: Mapping[str, tuple[int, Iterable[np.ndarray]]]) -> None:
    """Write a data set, given the int16 sketches in each split and their number."""
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, (count, sketches) in splits.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980: equal data, equal files
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as out:
                _write_object_array(out, count, sketches)


def _opcodes(value: object) -> bytes:
    """Return the pickle opcodes that push a small value, without PROTO and STOP."""
    return pickletools.optimize(pickle.dumps(value, 3))[2:-1]


_RECONSTRUCT, _NO_ARRAY, _INT16 = (bytes([place]) for place in range(3))  # keys of stored values
_MEMO = {
    _RECONSTRUCT: pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n",  # in every NumPy
    _NO_ARRAY: _opcodes((np.ndarray, (0,), b"b")),
    _INT16: _opcodes(np.dtype("<i2")),
}


def _first(place: bytes) -> bytes:
    return _MEMO[place] + pickle.BINPUT + place


def _again(place: bytes) -> bytes:
    return pickle.BINGET + place


# an array's state is version 1, its shape, its dtype, "not Fortran order" and its content
_STATE = pickle.REDUCE + pickle.MARK + _opcodes(1)
_THREE = _opcodes(3)
_END_OF_STATE = pickle.TUPLE + pickle.BUILD


def _write_object_array(out: IO[bytes], count: int, sketches: Iterable[np.ndarray]) -> None:
    """Write an object array of `count` int16 arrays `[n, 3]` as `np.save` does."""
    header = {"descr": "|O", "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(out, header)
    out.write(pickle.PROTO + bytes([3]) + _first(_RECONSTRUCT) + _first(_NO_ARRAY) + _STATE)
    out.write(_opcodes((count,)) + _opcodes(np.dtype(object)) + pickle.NEWFALSE)
    out.write(pickle.EMPTY_LIST)
    sketches, int16 = iter(sketches), _first(_INT16)
    while batch := list(islice(sketches, 1000)):
        out.write(pickle.MARK)
        for sketch in batch:
            data = np.ascontiguousarray(sketch, "<i2").tobytes()
            shape = pickle.BININT + struct.pack("<i", len(sketch)) + _THREE + pickle.TUPLE2
            content = pickle.BINBYTES + struct.pack("<I", len(data)) + data
            out.write(_again(_RECONSTRUCT) + _again(_NO_ARRAY) + _STATE)
            out.write(shape + int16 + pickle.NEWFALSE + content + _END_OF_STATE)
            int16 = _again(_INT16)
        out.write(pickle.APPENDS)
    out.write(_END_OF_STATE + pickle.STOP)
