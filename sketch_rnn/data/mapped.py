"""Large data sets, memory-mapped from a cache instead of read into memory.

A cache file contains the data of one `.npz` file: a JSON line that describes what follows, padded
to `_HEADER` bytes, then offsets `[S + 1]` int64 and points `[P, 3]` int16 or float32 for each
split. The cache file's name depends on the path, size and modification time of the `.npz`, so a
changed file is converted again.

Dimensions: S sketches, P points in all sketches.
"""

import hashlib
import json
import mmap
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sketch_rnn.choices import SPLITS
from sketch_rnn.data import npz
from sketch_rnn.data.split import Part, make_part
from sketch_rnn.errors import UserError
from sketch_rnn.files import cache_dir, remove, replacing

_FORMAT = 1
_HEADER = 4096  # bytes
_STALE = 3600  # seconds after which a half-written file counts as abandoned


def mapped_parts(paths: Sequence[Path]) -> list[dict[str, Part]]:
    """Return the splits of each file, memory-mapped from the cache.

    Raises:
      UserError: a file cannot be read (see `npz.read_split`), or the cache cannot be written.
    """
    from tqdm import tqdm

    progress = tqdm(paths, "data", unit="file", disable=not sys.stderr.isatty())
    return [_map(path) for path in progress]


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
