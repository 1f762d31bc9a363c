"""Reading `.npz` files from strangers: limits, and checks of every sketch.

The archive of a data set has the members `train.npy`, `valid.npy` and `test.npy`. Each is one of
- an object array (pickled) of S arrays `[n, 3]` (stroke-3) or `[n, 5]` (stroke-5);
- a plain array `[S, n, 3]` or, padded with end-of-sketch rows, `[S, n, 5]`;
- a plain array `[P, 3]` with the points of all sketches, along with their lengths `[S]` in
  `train_lengths.npy`.
Values are integers or floats. Other members are not read.

To build a data set, `read_drawings` reads any archive member that holds sketches. Besides the
arrays above, it accepts
- an object array of S lists of rows;
- an object array of numbers, of shape `[S, n, 3]`;
- a plain array `[n, 3]`, which is a single sketch.

Dimensions: S sketches, n points in one sketch, P points in all sketches.
"""

import io
import math
import os
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.choices import SPLITS
from sketch_rnn.data.pickled import NotAnArray, Order, Refused, numeric_dtype
from sketch_rnn.data.unpickle import check_end, read_object_array
from sketch_rnn.errors import UserError, warn

LIMIT = 1000  # offsets are clamped to [-LIMIT, LIMIT], in data units
MAX_RATIO = 100  # unpacked bytes allowed per compressed byte, in addition to MAX_SMALL
MAX_SMALL = 8 << 20  # bytes that any archive member may unpack to
SKETCH_BYTES = 512  # the memory that a sketch takes while it is read, in addition to its points
MAX_READ = 1 << 20  # bytes in one read; this also limits the zip's table of members
MAX_HEADER = 10_000  # bytes
TO_BUILD = "turn it into a data set first, with sketch_rnn_dataset build"
_LENGTHS = "_lengths"
_CHUNK = 1 << 16  # bytes
_BLOCK = 4096  # sketches checked together
_HEADER = re.compile(
    r"\{'descr': '([^']{1,40})', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}L?,? ?){0,8})\),? ?\}\s*"
)


def read_split(path: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the sketches of one split, flat: points `[P, 3]` and lengths `[S]` int64.

    Offsets are clamped; integers become int16, floats become float32. Sketches that are empty or
    have NaN or infinite offsets are left out, with one warning that counts them.

    Raises:
      UserError: there is no such file or split, the file is not an `.npz` file, it claims to hold
        more than its size allows, a pickle contains anything but arrays, or a sketch is neither
        stroke-3 nor stroke-5.
    """
    where = f"{path}, split {split}"
    with _reading(Path(path), where) as archive:
        if f"{split}.npy" not in archive.namelist():
            names = ", ".join(archive.namelist())[:200] or "nothing"
            raise UserError(
                f"{path}: expected the splits {', '.join(SPLITS)}, found {names}; {TO_BUILD}"
            )
        return checked(_sketches(archive, split), where, clamp=True)


def read_drawings(path: str | Path) -> tuple[dict[str, list[np.ndarray]], dict[str, str]]:
    """Read the sketches in a file of any layout, exactly as stored, without checking them.

    Returns:
      The sketches, keyed by archive member; and for each of the other members, keyed in the same
      way, the reason why it contains no sketches.

    Raises:
      UserError: there is no such file, it contains no sketches, or a split is damaged.
    """
    found: dict[str, list[np.ndarray]] = {}
    others: dict[str, str] = {}
    with _reading(Path(path), str(path)) as archive:
        members = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
        names = [name for name in members if not name.endswith(_LENGTHS)]
        for name in names:
            sketches: list[np.ndarray] = []
            try:
                sketches.extend(_sketches(archive, name, any_form=True))
            except Refused as error:
                if name in SPLITS:
                    raise Refused(f"{error}, in {name}") from None
                others[name] = str(error)
            else:
                found[name] = sketches
    if not any(found.values()):
        reasons = [f"{name} is {reason}" for name, reason in others.items()]
        reason = "; ".join(reasons)[:200] or "it is empty"
        raise UserError(f"{path}: expected drawings, found none ({reason})")
    return found, others


@contextmanager
def _reading(path: Path, where: str) -> Iterator[zipfile.ZipFile]:
    """Open the archive and check its members' names and sizes; turn all errors into UserErrors."""
    try:
        with _open(path) as archive:
            yield archive
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except Refused as error:
        hint = f"; {TO_BUILD}" if isinstance(error, NotAnArray) else ""
        raise UserError(f"{where}: expected arrays of numbers, found {error}{hint}") from None
    except Exception as error:  # a damaged file can make zipfile and zlib raise almost anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{where}: cannot be read as an .npz file ({reason})") from None


class _Bounded(io.FileIO):
    """A file that never reads more than `MAX_READ` bytes in one call."""

    def read(self, size: int | None = -1) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        if (left if size is None or size < 0 else min(size, left)) > MAX_READ:
            raise zipfile.BadZipFile("its table of members is too large")
        return super().read(size)


@contextmanager
def _open(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive, and check its members' names and sizes."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: expected an .npz file, got something that is not a file")
    with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            _check_member(path, member)
        yield archive


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if not name.parts or name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
        raise UserError(
            f"{path}: holds an archive member with the unsafe name {member.filename[:80]!r}"
        )
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{path}: {name} is compressed by a method that NumPy never uses")
    if member.compress_size > path.stat().st_size:
        raise UserError(f"{path}: {name} claims to be larger than the file that holds it")
    if member.file_size > _most_bytes(member):
        raise UserError(
            f"{path}: {name} claims {member.file_size} bytes from {member.compress_size}; "
            f"expected at most {MAX_RATIO} times as many"
        )


def _most_bytes(member: zipfile.ZipInfo) -> int:
    """Return the largest size in bytes that an archive member may unpack to."""
    return MAX_SMALL + MAX_RATIO * member.compress_size


def _sketches(archive: zipfile.ZipFile, name: str, any_form: bool = False) -> Iterator[np.ndarray]:
    """Yield the sketches of an archive member as they are stored, without checking them.

    The total size of the sketches is limited, because a small file can contain a very large number
    of sketches. For example, a pickle can repeat one array many times.
    """
    left = _most_bytes(archive.getinfo(f"{name}.npy"))
    for number, sketch in enumerate(_stored(archive, name, any_form)):
        left -= sketch.nbytes + SKETCH_BYTES
        if left < 0:
            raise Refused(f"its data is far too large for the size of the file, at sketch {number}")
        yield sketch


def _stored(archive: zipfile.ZipFile, name: str, any_form: bool) -> Iterator[np.ndarray]:
    """Yield the sketches of an archive member, without limiting their number."""
    with cast(zipfile.ZipExtFile, archive.open(f"{name}.npy")) as member:
        file = io.BufferedReader(member, _CHUNK)
        dtype, shape, order = _read_header(file)
        if dtype is None:
            if len(shape) != 1 and not any_form:
                raise NotAnArray(
                    f"an object array of shape {list(shape)}, rather than one array for each sketch"
                )
            if len(shape) not in (1, 3):
                raise Refused(f"an object array of shape {list(shape)}, expected [S] or [S, n, 3]")
            yield from read_object_array(file, shape, any_form)
            return
        array = _read_plain(file, dtype, shape, order, archive.getinfo(f"{name}.npy").file_size)
    if f"{name}{_LENGTHS}.npy" in archive.namelist():
        yield from _cut(array, _read_lengths(archive, f"{name}{_LENGTHS}.npy"))
    elif array.ndim == 3:
        yield from array
    elif any_form and name not in SPLITS and array.ndim == 2 and array.shape[1] in (3, 4, 5):
        yield array
    else:
        raise Refused(
            f"an array of shape {list(shape)}, expected [S, n, 3], [S, n, 5], or [P, 3] "
            f"together with an array {name}{_LENGTHS}"
        )


def _read_lengths(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        dtype, shape, order = _read_header(member)
        if dtype is None or dtype.kind not in "iu" or len(shape) != 1:
            raise Refused(f"{name}, which is not a row of integers")
        lengths = _read_plain(member, dtype, shape, order, archive.getinfo(name).file_size)
    return lengths.astype(np.int64)


def _cut(points: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
    end, total = 0, len(points)
    within = (lengths >= 0) & (lengths <= total)
    if points.ndim != 2 or not within.all() or lengths.sum() != total:
        raise Refused(
            f"an array of shape {list(points.shape)}, which does not match the lengths of the "
            "sketches"
        )
    for length in lengths:
        yield points[end : end + length]
        end += length


def _read_header(file: IO[bytes]) -> tuple[np.dtype | None, tuple[int, ...], Order]:
    """Read the dtype (None for objects), shape and order of a `.npy` member."""
    magic = file.read(8)
    if magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise Refused("an archive member that is not in the .npy format")
    form = "<H" if magic[6] == 1 else "<I"
    (size,) = struct.unpack(form, file.read(struct.calcsize(form)))
    if size > MAX_HEADER:
        raise Refused(f"a header of {size} bytes")
    header = file.read(size).decode("utf-8" if magic[6] == 3 else "latin1")
    match = _HEADER.fullmatch(header)
    if not match:
        raise Refused(f"the header {header.strip()[:80]!r}")
    shape = tuple(int(n) for n in re.findall(r"\d+", match[3]))
    dtype = None if match[1] in ("|O", "O") else numeric_dtype(match[1])
    return dtype, shape, "F" if match[2] == "True" else "C"


def _read_plain(
    file: IO[bytes], dtype: np.dtype, shape: tuple[int, ...], order: Order, size: int
) -> np.ndarray:
    """Read the array that follows the header in an archive member; the member has `size` bytes."""
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > size:
        raise Refused(f"a header of shape {list(shape)} in an archive member of only {size} bytes")
    data = bytearray()
    while len(data) < wanted:
        part = file.read(min(_CHUNK, wanted - len(data)))
        if not part:
            raise Refused("an archive member that ends before its array does")
        data += part
    check_end(file)
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def checked(
    sketches: Iterable[np.ndarray], where: str, clamp: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the usable sketches as flat stroke-3 points `[P, 3]` and lengths `[S]`.

    Sketches that are empty or have NaN or infinite offsets are left out, with one warning that
    counts them.

    Args:
      sketches: stroke-3 `[n, 3]` or stroke-5 `[n, 5]` arrays.
      where: the name of the place that holds the sketches, for messages.
      clamp: clamp offsets to `LIMIT`; integers then become int16, floats become float32.

    Raises:
      UserError: a sketch is neither stroke-3 nor stroke-5.
    """
    sketches = iter(sketches)
    blocks, first, empty, bad = [], 0, [], []
    while block := list(islice(sketches, _BLOCK)):
        stroke3 = [_as_stroke3(s, where, first + i) for i, s in enumerate(block)]
        lengths = np.array([len(sketch) for sketch in stroke3], np.int64)
        points = np.concatenate(stroke3)
        sketch_of = np.repeat(np.arange(len(block)), lengths)
        _check_pen(points, sketch_of, where, first)
        broken = np.zeros(len(block), bool)
        broken[sketch_of[~np.isfinite(points[:, :2]).all(axis=1)]] = True
        bad += list(np.flatnonzero(broken) + first)
        empty += list(np.flatnonzero(lengths == 0) + first)
        points = points[~broken[sketch_of]]
        if clamp:
            points = np.clip(points, -LIMIT, LIMIT)
            points = points.astype(np.int16 if points.dtype.kind in "iu" else np.float32)
        blocks.append((points, lengths[~broken & (lengths > 0)]))
        first += len(block)
    if bad or empty:
        warn(
            f"{where}: left out {len(bad) + len(empty)} of {first} sketches ({len(empty)} empty, "
            f"{len(bad)} with NaN or infinite offsets; the first is sketch {min(bad + empty)})"
        )
    if not blocks:
        return np.zeros((0, 3), np.int16), np.zeros(0, np.int64)
    all_points, all_lengths = zip(*blocks, strict=True)
    return np.concatenate(all_points), np.concatenate(all_lengths)


def as_stroke3(sketch: np.ndarray) -> np.ndarray:
    """Convert a stroke-3 or stroke-5 sketch to stroke-3 `[n, 3]`.

    Raises:
      UserError: the sketch is neither stroke-3 nor stroke-5.
    """
    if sketch.ndim == 2 and sketch.shape[1] == 3:
        return sketch
    if sketch.size == 0:
        return np.zeros((0, 3), np.int16)
    if sketch.ndim != 2 or sketch.shape[1] != 5:
        raise UserError(
            "expected rows of 3 (stroke-3) or 5 (stroke-5) numbers, "
            f"got an array of shape {list(sketch.shape)}"
        )
    ended = np.flatnonzero(sketch[:, 4] > 0)
    pen = sketch[: ended[0] + 1 if len(ended) else None, 2:]
    if not (((pen == 0) | (pen == 1)).all() and (pen.sum(axis=1) == 1).all()):
        raise UserError("expected a single 1 in columns 3 to 5 of a row")
    return strokes.to_stroke3(sketch)


def _as_stroke3(sketch: np.ndarray, where: str, index: int) -> np.ndarray:
    try:
        return as_stroke3(sketch)
    except UserError as error:
        raise UserError(f"{where}, sketch {index}: {error}") from None


def _check_pen(points: np.ndarray, sketch_of: np.ndarray, where: str, first: int) -> None:
    pen = points[:, 2]
    wrong = np.flatnonzero((pen != 0) & (pen != 1))
    if len(wrong):
        raise UserError(
            f"{where}, sketch {first + sketch_of[wrong[0]]}: expected 0 or 1 in column 3 "
            f"(pen lifted), got {pen[wrong[0]]}"
        )
