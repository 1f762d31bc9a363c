"""The sketches of a split, and their flat storage: in memory, or memory-mapped from a cache.

A cache file contains the data of one `.npz` file: a JSON line that describes what follows, padded
to `_HEADER` bytes, then offsets `[S + 1]` int64 and points `[P, 3]` int16 or float32 for each
split. The cache file's name depends on the path, size and modification time of the `.npz`, so a
changed file is converted again.

Dimensions: S sketches, P points in all sketches, B requested sketches.
"""

import hashlib
import json
import mmap
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.choices import SPLITS
from sketch_rnn.data import npz
from sketch_rnn.errors import UserError
from sketch_rnn.files import cache_dir, remove, replacing

SHOWN, SHOWN_CELL = 20, 80  # sketches shown in a notebook, and pixels for each
MAPPED_FROM = 50 << 20  # bytes in all files of a data set; smaller ones are read into memory
_FORMAT = 1
_HEADER = 4096  # bytes
_ROWS = 1 << 20  # points processed at once
_STALE = 3600  # seconds after which a half-written file counts as abandoned


@dataclass(frozen=True)
class Part:
    """The sketches of a split that come from one file, in flat form.

    points: `[P, 3]` stroke-3 rows, int16 or float32, clamped, in data units.
    offsets: `[S + 1]` int64; sketch i is `points[offsets[i]:offsets[i + 1]]`.
    longest: the number of points in the longest sketch.
    mean: the mean of all dx and dy.
    squares: the sum of the squared differences between all dx and dy and the mean.
    """

    points: np.ndarray
    offsets: np.ndarray
    longest: int
    mean: float
    squares: float

    def __len__(self) -> int:
        return len(self.offsets) - 1


def make_part(points: np.ndarray, lengths: np.ndarray) -> Part:
    """Make a part from flat points `[P, 3]` and lengths `[S]`."""
    count = max(1, 2 * len(points))
    mean = float(points[:, :2].sum(dtype=np.float64)) / count
    squares = 0.0
    for first in range(0, len(points), _ROWS):
        squares += float(np.square(points[first : first + _ROWS, :2] - mean).sum())
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return Part(points, offsets, int(lengths.max(initial=0)), mean, squares)


class Split(Sequence[np.ndarray]):
    """The sketches of a split, from one or more files, as a sequence of stroke-3 arrays.

    `split[i]` is a sketch `[n, 3]` float32, in data units, clamped; `split[:4]` and `split[[1, 5]]`
    are splits that contain some of the sketches. A notebook shows pictures of some of them.

    The points may be memory-mapped.
    """

    def __init__(self, parts: Sequence[Part]):
        self.parts = list(parts)
        self._ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.parts else 0

    @overload
    def __getitem__(self, index: int | np.integer) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> "Split": ...
    def __getitem__(
        self, index: int | np.integer | slice | Sequence[int] | np.ndarray
    ) -> "np.ndarray | Split":
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"sketch {index} of {len(self)}")
            return self.gather(np.array([int(index) % len(self)]))[0]
        return Split([make_part(*self.gather(np.arange(len(self))[index]))])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        if not len(self):
            return "<Split without sketches>"
        lengths = self.lengths()
        return f"<Split of {len(self)} sketches of {lengths.min()} to {lengths.max()} points>"

    def _repr_svg_(self) -> str:
        from sketch_rnn.drawing import draw

        return draw(list(self.spread(SHOWN)), cell=SHOWN_CELL, columns=10)._repr_svg_()

    def spread(self, count: int) -> "Split":
        """Return `count` sketches at even intervals, or all sketches if there are fewer."""
        chosen = np.linspace(0, len(self) - 1, min(count, len(self)))
        return self[chosen.round().astype(int)]

    def lengths(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Return the number of points in each of the given sketches, or in all, `[B]` int64."""
        if indices is None:
            return np.concatenate([np.diff(part.offsets) for part in self.parts])
        return np.array([end - start for _, start, end in self._find(indices)], np.int64)

    def gather(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the given sketches as flat points `[P, 3]` float32 and lengths `[B]` int64."""
        found = self._find(indices)
        return strokes.flatten([part.points[start:end] for part, start, end in found])

    def places(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each sketch, the index of its part and its index in that part, `[B]` each."""
        numbers = np.searchsorted(self._ends, indices, side="right")
        return numbers, indices - np.concatenate([[0], self._ends])[numbers]

    def _find(self, indices: np.ndarray) -> Iterator[tuple[Part, int, int]]:
        """Yield each sketch's `Part`, and where the sketch's points start and end in this part."""
        for number, index in zip(*(found.tolist() for found in self.places(indices)), strict=True):
            part = self.parts[number]
            yield part, int(part.offsets[index]), int(part.offsets[index + 1])


def load_parts(paths: Sequence[Path]) -> list[dict[str, Part]]:
    """Return the splits of each file; memory-map them from the cache if the files are large.

    Raises:
      UserError: a file cannot be read (see `npz.read_split`), or the cache cannot be written.
    """
    if sum(path.stat().st_size for path in paths) < MAPPED_FROM:
        return [_read(path) for path in paths]
    from tqdm import tqdm

    progress = tqdm(paths, "data", unit="file", disable=not sys.stderr.isatty())
    return [_map(path) for path in progress]


def _read(path: Path) -> dict[str, Part]:
    return {split: make_part(*npz.read_split(path, split)) for split in SPLITS}


def _map(path: Path) -> dict[str, Part]:
    """Memory-map the splits of a file from the cache, after adding it to the cache if needed."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{_FORMAT}"
    cached = cache_dir() / f"{path.stem}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.sketches"
    parts = _open(cached)
    if parts is None:
        try:
            _convert(path, cached)
        except UserError:  # on Windows, also if another process has just written the same file
            if (parts := _open(cached)) is None:
                raise
    parts = parts or _open(cached)
    if parts is None:
        raise UserError(f"{cached}: was just written but cannot be read; delete it and try again")
    return parts


def _convert(path: Path, cached: Path) -> None:
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        for left in cached.parent.glob(f".{cached.name}.*.part"):  # left by a killed process
            if time.time() - left.stat().st_mtime > _STALE:
                remove(left)
        with replacing(cached) as file:
            header: dict[str, Any] = {}
            file.write(bytes(_HEADER))
            for split in SPLITS:
                part = make_part(*npz.read_split(path, split))
                header[split] = {
                    "start": file.tell(),
                    "sketches": len(part),
                    "points": len(part.points),
                    "dtype": part.points.dtype.str,
                    "longest": part.longest,
                    "mean": part.mean,
                    "squares": part.squares,
                }
                part.offsets.tofile(file)
                part.points.tofile(file)
                file.write(bytes(-file.tell() % 8))
            header["size"] = file.tell()
            file.seek(0)
            file.write(json.dumps(header).encode())
    except OSError as error:
        raise UserError(
            f"{cached.parent}: cannot store converted data here ({error.strerror or error}); set "
            "SKETCH_RNN_CACHE to a folder that has room for it"
        ) from None


def _open(cached: Path) -> dict[str, Part] | None:
    """Return the parts in a cache file; None if there is no such file or it is incomplete."""
    try:
        with cached.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = json.loads(data[:_HEADER].rstrip(b"\0"))
        if header.pop("size") != len(data):
            return None
    except (OSError, ValueError, KeyError):
        return None
    return {split: _part(data, **fields) for split, fields in header.items()}


def _part(data: mmap.mmap, start: int, sketches: int, points: int, dtype: str, **rest: Any) -> Part:
    offsets = np.frombuffer(data, np.int64, sketches + 1, start)
    flat = np.frombuffer(data, dtype, points * 3, start + offsets.nbytes)
    return Part(flat.reshape(points, 3), offsets, **rest)
