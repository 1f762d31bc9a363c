"""What drawings come from: SVG files, folders and zips of them, ndjson, `.npz`.

`find` names everything without reading it all, as chunks; a worker process reads one chunk.
"""

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sketch_rnn.convert.ndjson import parse_line
from sketch_rnn.convert.prepare import MAX_OFFSET, Recipe, Sketch, simplify, to_sketch
from sketch_rnn.convert.svg.reader import read_svg
from sketch_rnn.convert.svg.xml import MAX_BYTES
from sketch_rnn.data import npz
from sketch_rnn.errors import UserError
from sketch_rnn.strokes import to_polylines

SVG_SUFFIXES = (".svg", ".svgz")
MAC_PREFIX = "._"  # of the file that macOS puts beside another, on foreign disks and in zips
NDJSON_SUFFIXES = (".ndjson", ".ndjson.gz")
MAX_LINE = 8 << 20  # bytes of one drawing in ndjson
FILES_IN_CHUNK, SKETCHES_IN_CHUNK, BYTES_IN_CHUNK = 32, 512, 512 << 10

Outcome = tuple[str, Sketch | UserError]  # a drawing's name, and what became of it


@dataclass(frozen=True)
class SvgFiles:
    """SVG files by their paths."""

    paths: Sequence[Path]

    def outcomes(self, recipe: Recipe, outline: bool) -> Iterator[Outcome]:
        for path in self.paths:
            yield str(path), _attempt(_svg_file_sketch, path, recipe, outline)


@dataclass(frozen=True)
class ZipMembers:
    """SVG files within a zip, by their names; only ever read, never unpacked to disk."""

    path: Path
    names: Sequence[str]

    def outcomes(self, recipe: Recipe, outline: bool) -> Iterator[Outcome]:
        archive = _open_zip(self.path)
        for name in self.names:
            yield f"{self.path}:{name}", _attempt(_member_sketch, archive, name, recipe, outline)


@dataclass(frozen=True)
class NdjsonLines:
    """Lines of an ndjson file; `first` is the number of the first, from 1."""

    path: Path
    first: int
    lines: Sequence[bytes]

    def outcomes(self, recipe: Recipe, outline: bool) -> Iterator[Outcome]:
        for number, line in enumerate(self.lines, self.first):
            if line.strip():
                yield f"{self.path}:{number}", _attempt(_ndjson_sketch, line, recipe)


@dataclass(frozen=True)
class NpzSketches:
    """Sketches of a data set's split; `first` is the index of the first."""

    path: Path
    split: str
    first: int
    sketches: Sequence[np.ndarray]

    def outcomes(self, recipe: Recipe, outline: bool) -> Iterator[Outcome]:
        for index, sketch in enumerate(self.sketches, self.first):
            yield f"{self.path}:{self.split}[{index}]", _attempt(_npz_sketch, sketch, recipe)


@dataclass(frozen=True)
class Unreadable:
    """An input that yields no drawings, and why."""

    name: str
    reason: str

    def outcomes(self, recipe: Recipe, outline: bool) -> Iterator[Outcome]:
        yield self.name, UserError(self.reason)


Chunk = SvgFiles | ZipMembers | NdjsonLines | NpzSketches | Unreadable


def find(inputs: Sequence[str | Path]) -> Iterator[Chunk]:
    """The drawings of files and folders, in order; folders are searched through and sorted.

    Raises:
      UserError: an input is not there, or of a kind that cannot be read.
    """
    paths = [Path(name) for name in inputs]
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: expected a file or a folder, there is none")
        if path.is_file() and _reader(path) is None:
            raise UserError(f"{path}: expected .svg, .svgz, .ndjson, .ndjson.gz, .zip or .npz")
    for path in paths:
        yield from _in_folder(path) if path.is_dir() else _in_file(path)


def _in_folder(folder: Path) -> Iterator[Chunk]:
    """Everything but `.npz`: those beside the drawings are more likely results of theirs."""
    empty = True
    for directory, subfolders, names in os.walk(folder):
        subfolders.sort()
        paths = [Path(directory, n) for n in sorted(names) if not n.startswith(MAC_PREFIX)]
        paths = [p for p in paths if p.is_file() and _reader(p) not in (None, _npz_chunks)]
        empty &= not paths
        svgs = (p for p in paths if _reader(p) is _svg_chunks)
        while chunk := tuple(islice(svgs, FILES_IN_CHUNK)):
            yield SvgFiles(chunk)
        for path in paths:
            if _reader(path) is not _svg_chunks:
                yield from _in_file(path)
    if empty:
        yield Unreadable(str(folder), "no drawings in this folder")


def _in_file(path: Path) -> Iterator[Chunk]:
    try:
        yield from _reader(path)(path)
    except UserError as error:
        yield Unreadable(str(path), str(error).removeprefix(str(path)).lstrip(":, "))
    except OSError as error:
        yield Unreadable(str(path), error.strerror or str(error))


def _reader(path: Path):
    """The function that yields a file's chunks, by its suffix; a wheel is a zip."""
    name = path.name.lower()
    if name.endswith(SVG_SUFFIXES):
        return _svg_chunks
    if name.endswith(NDJSON_SUFFIXES):
        return _ndjson_chunks
    if name.endswith(".npz"):
        return _npz_chunks
    return _zip_chunks if name.endswith((".zip", ".whl")) else None


def _svg_chunks(path: Path) -> Iterator[Chunk]:
    yield SvgFiles((path,))


def _zip_chunks(path: Path) -> Iterator[Chunk]:
    members = _open_zip(path).namelist()
    names = (name for name in members if _is_svg_member(name))
    empty = True
    while chunk := tuple(islice(names, FILES_IN_CHUNK)):
        empty = False
        yield ZipMembers(path, chunk)
    if empty:
        yield Unreadable(str(path), "no SVG files in this zip")


def _is_svg_member(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.lower().endswith(SVG_SUFFIXES) and not base.startswith(MAC_PREFIX)


def _ndjson_chunks(path: Path) -> Iterator[Chunk]:
    first, lines, size = 1, [], 0
    with (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as file:
        try:
            for line in _lines(file):
                lines.append(line)
                size += len(line)
                if size >= BYTES_IN_CHUNK:
                    yield NdjsonLines(path, first, lines)
                    first, lines, size = first + len(lines), [], 0
        except (UserError, OSError, EOFError, zlib.error) as error:
            yield NdjsonLines(path, first, lines)
            reason = error if isinstance(error, UserError) else f"damaged ({error})"
            yield Unreadable(f"{path}:{first + len(lines)}", f"{reason}; the rest is not read")
            return
    if lines:
        yield NdjsonLines(path, first, lines)
    elif first == 1:
        yield Unreadable(str(path), "no lines in this file")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise UserError(f"a line of more than {MAX_LINE >> 20} MB")
        yield line


def _npz_chunks(path: Path) -> Iterator[Chunk]:
    for split, sketches in npz.read_npz(path).items():
        for first in range(0, len(sketches), SKETCHES_IN_CHUNK):
            yield NpzSketches(path, split, first, sketches[first : first + SKETCHES_IN_CHUNK])


@lru_cache(maxsize=1)
def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"not a zip that can be read ({error})") from None


def _attempt(make, *arguments) -> Sketch | UserError:
    try:
        return make(*arguments)
    except UserError as error:
        return error
    except OSError as error:
        return UserError(error.strerror or "cannot be read")


def _svg_file_sketch(path: Path, recipe: Recipe, outline: bool) -> Sketch:
    with path.open("rb") as file:
        return _svg_sketch(file, recipe, outline)


def _member_sketch(archive: zipfile.ZipFile, name: str, recipe: Recipe, outline: bool) -> Sketch:
    try:
        with archive.open(name) as file:
            return _svg_sketch(file, recipe, outline)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"cannot be unpacked ({error})") from None


def _svg_sketch(file: BinaryIO, recipe: Recipe, outline: bool) -> Sketch:
    tolerance = recipe.tolerance / recipe.size
    polylines = read_svg(file.read(MAX_BYTES + 1), outline=outline, tolerance=tolerance)
    return to_sketch(polylines, recipe)


def _ndjson_sketch(line: bytes, recipe: Recipe) -> Sketch:
    return to_sketch(parse_line(line), recipe)


def _npz_sketch(sketch: np.ndarray, recipe: Recipe) -> Sketch:
    """Whole numbers stay as they are, if they are not too many; others go through the recipe."""
    sketch = np.asarray(sketch)
    if sketch.ndim != 2 or sketch.shape[1] != 3 or sketch.dtype.kind not in "iuf":
        raise UserError("not a stroke-3 array [n, 3] of numbers")
    if not len(sketch):
        raise UserError("it has no points")
    if not np.isin(sketch[:, 2], (0, 1)).all():
        raise UserError("a pen state is neither 0 nor 1")
    if not (np.abs(sketch) <= MAX_OFFSET).all():
        raise UserError(f"an offset is not finite, or above {MAX_OFFSET}")
    whole = np.array_equal(sketch, np.rint(sketch))
    if whole and len(sketch) <= recipe.max_points:
        return Sketch(sketch.astype(np.int16), 0)
    lines = to_polylines(sketch)
    return simplify(lines, recipe) if whole else to_sketch(lines, recipe)
