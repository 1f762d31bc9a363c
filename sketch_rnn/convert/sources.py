"""What drawings come from: SVG files, folders and zips of them, Quick, Draw! files, data sets.

`find` names everything without reading it all, as chunks; a worker process reads one chunk.
"""

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from sketch_rnn import shipped
from sketch_rnn.convert.ndjson import Drawing, parse_line
from sketch_rnn.convert.prepare import MAX_OFFSET, Recipe, Sketch, joined, simplify, to_sketch
from sketch_rnn.convert.quickdraw_bin import parse_record, records
from sketch_rnn.convert.sketches_json import read_sketches
from sketch_rnn.data import npz
from sketch_rnn.data.first_row import FIRST_ROWS, is_place, without_place
from sketch_rnn.errors import UserError, warn
from sketch_rnn.strokes import checked, to_polylines
from sketch_rnn.svg.reader import read_drawing
from sketch_rnn.svg.xml import MAX_BYTES

SVG_SUFFIXES = (".svg", ".svgz")
MAC_PREFIX = "._"  # of the file that macOS puts beside another, on foreign disks and in zips
NDJSON_SUFFIXES = (".ndjson", ".ndjson.gz")
BIN_SUFFIXES = (".bin", ".bin.gz")
ZIP_SUFFIXES = (".zip", ".whl")
PIXEL_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic")
MAX_LINE = 8 << 20  # bytes of one drawing in ndjson
FILES_IN_CHUNK, SKETCHES_IN_CHUNK, BYTES_IN_CHUNK = 32, 512, 512 << 10
MANY_LARGE = 0.01  # share of the sketches with offsets above `npz.LIMIT`
NOT_RECOGNIZED = "not recognized by Quick, Draw!"

Outcome = tuple[str, Sketch | UserError]  # a drawing's name, and what became of it
Pending = tuple[str, Callable[[], Sketch]]  # a drawing's name, and what makes a sketch of it


@dataclass(frozen=True)
class SvgFiles:
    """SVG files by their paths."""

    paths: Sequence[Path]

    def drawings(self, recipe: Recipe, outline: bool | None) -> Iterator[Pending]:
        for path in self.paths:
            yield str(path), partial(_svg_file_sketch, path, recipe, outline)


@dataclass(frozen=True)
class ZipMembers:
    """SVG files within a zip, by their names; only ever read, never unpacked to disk."""

    path: Path
    names: Sequence[str]

    def drawings(self, recipe: Recipe, outline: bool | None) -> Iterator[Pending]:
        for name in self.names:
            yield f"{self.path}:{name}", partial(_member_sketch, self.path, name, recipe, outline)


@dataclass(frozen=True)
class QuickDrawings:
    """Drawings of a Quick, Draw! file.

    path: of the file. first: the number of the first drawing, from 1. items: lines of JSON, or
    binary records. parse: reads one of them. recognized: leave out those that the game did not
    recognize.
    """

    path: Path
    first: int
    items: Sequence[bytes]
    parse: Callable[[bytes], Drawing]
    recognized: bool

    def drawings(self, recipe: Recipe, outline: bool | None) -> Iterator[Pending]:
        for number, item in enumerate(self.items, self.first):
            if item.strip():
                yield f"{self.path}:{number}", partial(self._sketch, item, recipe)

    def _sketch(self, item: bytes, recipe: Recipe) -> Sketch:
        drawing = self.parse(item)
        if self.recognized and not drawing.recognized:
            raise UserError(NOT_RECOGNIZED)
        return to_sketch(drawing.lines, recipe)


@dataclass(frozen=True)
class Form:
    """What holds for all sketches of a file.

    whole: all their offsets are whole numbers. large: many have offsets above the limit.
    is_place: their row 0 is the place of the first point.
    """

    whole: bool
    large: bool
    is_place: bool

    @property
    def scaled(self) -> bool:
        """They go through the recipe; otherwise they stay as they are, if not too long."""
        return self.large or not self.whole


@dataclass(frozen=True)
class StoredSketches:
    """Sketches of a data set; `source` names it, `first` is the index of the first."""

    source: str
    first: int
    sketches: Sequence[np.ndarray]
    form: Form

    def drawings(self, recipe: Recipe, outline: bool | None) -> Iterator[Pending]:
        for index, sketch in enumerate(self.sketches, self.first):
            yield f"{self.source}[{index}]", partial(stored_sketch, sketch, self.form, recipe)


@dataclass(frozen=True)
class Unreadable:
    """An input that yields no drawings, and why."""

    name: str
    reason: str

    def drawings(self, recipe: Recipe, outline: bool | None) -> Iterator[Pending]:
        yield self.name, self._refuse

    def _refuse(self) -> Sketch:
        raise UserError(self.reason)


Chunk = SvgFiles | ZipMembers | QuickDrawings | StoredSketches | Unreadable


def find(
    inputs: Sequence[str | Path], recognized: bool = False, first_row: str = FIRST_ROWS[0]
) -> Iterator[Chunk]:
    """The drawings of files and folders, in order; folders are searched through and sorted.

    Args:
      inputs: files and folders.
      recognized: leave out what Quick, Draw! did not recognize.
      first_row: of `.npz` files: drawn, a place, or found out for each file (auto).

    Raises:
      UserError: an input is not there, or of a kind that cannot be read.
    """
    paths = [shipped.drawings(name) for name in inputs]
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: expected a file or a folder, there is none")
        if path.is_file():
            kind_of(path)
    readers = _readers(recognized, first_row)
    for path in paths:
        yield from _in_folder(path, readers) if path.is_dir() else _in_file(path, readers)


def outcomes(chunk: Chunk, recipe: Recipe, outline: bool | None) -> Iterator[Outcome]:
    """What becomes of each drawing of a chunk."""
    for name, make in chunk.drawings(recipe, outline):
        try:
            yield name, _cut_down(make())
        except UserError as error:
            yield name, error
        except OSError as error:
            yield name, UserError(error.strerror or "cannot be read")


def kind_of(path: Path) -> str:
    """A file's kind by its suffix; raises UserError for one that cannot be read."""
    if path.name.lower().endswith(PIXEL_SUFFIXES):
        raise UserError(
            f"{path}: a picture of pixels has to be traced to lines first, for instance by "
            "Inkscape (Path, Trace Bitmap, Centerline tracing), and saved as SVG"
        )
    kind = _kind(path)
    if kind is None:
        raise UserError(
            f"{path}: expected .svg, .svgz, .ndjson, .bin (these two also .gz), .zip, .npz or the "
            ".json of sketch_rnn_sample"
        )
    return kind


Readers = Mapping[str, Callable[[Path], Iterator[Chunk]]]  # by the kind of file


def _readers(recognized: bool, first_row: str) -> Readers:
    """What yields the chunks of a file."""
    return {
        "svg": _svg_chunks,
        "zip": _zip_chunks,
        "ndjson": partial(_quickdraw_chunks, _lines, parse_line, recognized),
        "bin": partial(_quickdraw_chunks, records, parse_record, recognized),
        "npz": partial(_npz_chunks, first_row),
        "json": _json_chunks,
    }


def _kind(path: Path) -> str | None:
    """A file's kind by its suffix; a wheel is a zip."""
    suffixes = {
        "svg": SVG_SUFFIXES,
        "zip": ZIP_SUFFIXES,
        "ndjson": NDJSON_SUFFIXES,
        "bin": BIN_SUFFIXES,
        "npz": (".npz",),
        "json": (".json",),
    }
    name = path.name.lower()
    return next((kind for kind, ends in suffixes.items() if name.endswith(ends)), None)


def _in_folder(folder: Path, readers: Readers) -> Iterator[Chunk]:
    """Everything but data sets: those beside the drawings are more likely results of theirs."""
    empty = True
    for directory, subfolders, names in os.walk(folder):
        subfolders.sort()
        paths = [Path(directory, n) for n in sorted(names) if not n.startswith(MAC_PREFIX)]
        paths = [p for p in paths if p.is_file() and _kind(p) not in (None, "npz", "json")]
        empty &= not paths
        svgs = (p for p in paths if _kind(p) == "svg")
        while chunk := tuple(islice(svgs, FILES_IN_CHUNK)):
            yield SvgFiles(chunk)
        for path in paths:
            if _kind(path) != "svg":
                yield from _in_file(path, readers)
    if empty:
        yield Unreadable(str(folder), "no drawings in this folder")


def _in_file(path: Path, readers: Readers) -> Iterator[Chunk]:
    try:
        yield from readers[kind_of(path)](path)
    except UserError as error:
        yield Unreadable(str(path), str(error).removeprefix(str(path)).lstrip(":, "))
    except OSError as error:
        yield Unreadable(str(path), error.strerror or str(error))


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


def _quickdraw_chunks(
    cut: Callable[[io.BufferedIOBase], Iterator[bytes]],
    parse: Callable[[bytes], Drawing],
    recognized: bool,
    path: Path,
) -> Iterator[Chunk]:
    first, items, size = 1, [], 0
    with (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as file:
        try:
            for item in cut(file):
                items.append(item)
                size += len(item)
                if size >= BYTES_IN_CHUNK:
                    yield QuickDrawings(path, first, items, parse, recognized)
                    first, items, size = first + len(items), [], 0
        except (UserError, OSError, EOFError, zlib.error) as error:
            yield QuickDrawings(path, first, items, parse, recognized)
            reason = error if isinstance(error, UserError) else f"damaged ({error})"
            yield Unreadable(f"{path}:{first + len(items)}", f"{reason}; the rest is not read")
            return
    if items:
        yield QuickDrawings(path, first, items, parse, recognized)
    elif first == 1:
        yield Unreadable(str(path), "no lines or records in this file")


def _lines(file: io.BufferedIOBase) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise UserError(f"a line of more than {MAX_LINE >> 20} MB")
        yield line


def _npz_chunks(first_row: str, path: Path) -> Iterator[Chunk]:
    members, others = npz.read_drawings(path)
    if others:
        names = ", ".join(others)[:200]
        warn(f"{path}: left out {names}: no drawings ({next(iter(others.values()))})")
    form = form_of([s for sketches in members.values() for s in sketches], str(path), first_row)
    for name, sketches in members.items():
        yield from _stored_chunks(f"{path}:{name}", sketches, form)


def _json_chunks(path: Path) -> Iterator[Chunk]:
    sketches = read_sketches(path)
    yield from _stored_chunks(str(path), sketches, form_of(sketches, str(path), "drawn"))


def _stored_chunks(
    source: str, sketches: Sequence[np.ndarray], form: Form
) -> Iterator[StoredSketches]:
    for first in range(0, len(sketches), SKETCHES_IN_CHUNK):
        yield StoredSketches(source, first, sketches[first : first + SKETCHES_IN_CHUNK], form)


def form_of(sketches: Sequence[np.ndarray], where: str, first_row: str) -> Form:
    """What holds for all sketches of a file; says what is not to be expected."""
    usable = [s for s in sketches if s.ndim == 2 and s.shape[1] in (3, 5) and len(s)]
    usable = [s for s in usable if np.isfinite(s).all()]
    places = first_row == "place" or (first_row == "auto" and _are_places(usable))
    if places and first_row == "auto":
        warn(f"{where}: row 0 of its drawings looks like a place, and is taken for one, not a line")
    offsets = [s[int(places) :, :2] for s in usable]
    whole = all(o.dtype.kind in "iu" or np.array_equal(o, np.rint(o)) for o in offsets)
    count = sum(bool((np.abs(o) > npz.LIMIT).any()) for o in offsets)
    large = count > MANY_LARGE * len(offsets)
    if large:
        warn(
            f"{where}: {count} of {len(offsets)} drawings have offsets above {npz.LIMIT}; all are "
            "scaled"
        )
    return Form(whole, large, places)


def _are_places(sketches: Sequence[np.ndarray]) -> bool:
    """`is_place` of sketches that need not be right."""
    try:
        stroke3 = [npz.as_stroke3(sketch) for sketch in sketches[:: len(sketches) // 1000 + 1]]
    except UserError:
        return False
    return bool(stroke3) and is_place(
        np.concatenate(stroke3), np.array([len(sketch) for sketch in stroke3])
    )


@lru_cache(maxsize=1)
def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"not a zip that can be read ({error})") from None


def _svg_file_sketch(path: Path, recipe: Recipe, outline: bool | None) -> Sketch:
    with path.open("rb") as file:
        return _svg_sketch(file, recipe, outline)


def _member_sketch(path: Path, name: str, recipe: Recipe, outline: bool | None) -> Sketch:
    try:
        with _open_zip(path).open(name) as file:
            return _svg_sketch(file, recipe, outline)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"cannot be unpacked ({error})") from None


def _svg_sketch(file: IO[bytes], recipe: Recipe, outline: bool | None) -> Sketch:
    tolerance = recipe.tolerance / recipe.size
    drawing = read_drawing(file.read(MAX_BYTES + 1), outline=outline, tolerance=tolerance)
    lines = joined(drawing.lines) if recipe.join else drawing.lines
    return replace(to_sketch(lines, recipe), left_out=tuple(drawing.left_out))


def stored_sketch(sketch: np.ndarray, form: Form, recipe: Recipe) -> Sketch:
    """A sketch of a data set as its file's form asks for; raises UserError if it is none."""
    sketch = npz.as_stroke3(sketch)
    if form.is_place:
        sketch = without_place(sketch)
    sketch = checked(sketch)
    if not np.isin(sketch[:, 2], (0, 1)).all():
        raise UserError("a pen state is neither 0 nor 1")
    if form.scaled:
        return to_sketch(to_polylines(sketch), recipe)
    sketch = np.clip(sketch, -MAX_OFFSET, MAX_OFFSET)
    if len(sketch) <= recipe.max_points:
        return Sketch(sketch.astype(np.int16), 0)
    return simplify(to_polylines(sketch), recipe)


def _cut_down(sketch: Sketch) -> Sketch:
    """The sketch with offsets up to the limit, and how many were larger."""
    large = int((np.abs(sketch.points[:, :2]) > npz.LIMIT).sum())
    if not large:
        return sketch
    points = np.clip(sketch.points, -npz.LIMIT, npz.LIMIT)
    cut = f"offsets cut down to {npz.LIMIT} ({large} of them)"
    return replace(sketch, points=points, left_out=(cut,))
