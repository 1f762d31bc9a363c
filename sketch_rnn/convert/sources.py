"""Find the drawings in files, folders, and zips, and the reader for each file.

`find` lists everything as chunks, without reading it all; a worker process reads one chunk. In
folders and zips, the same kinds of files are read as when they are named directly; hidden files and
files that operating systems leave behind (`SYSTEM_FILES`) are ignored.

`READERS` is the table of readers. Each row has the suffixes of the files and one of these two
functions:

- `whole` is for files that hold one drawing or a few. `whole(file, reading)` runs in a worker
  process; for each drawing, it yields the name and a function that makes its `Sketch`. That
  function may raise `UserError`.
- `cut` is for files that hold many drawings. `cut(file, reading)` runs in the main process, so it
  does as little as it can: it yields the drawings as chunks (`readers/chunks.py`), which worker
  processes read.

`file` is an `InputFile`, which can be opened, or read with a limit, on disk or in a zip; `reading`
says how drawings become sketches. Suffixes are compared with the end of the name, without `.gz`;
the first row with a matching suffix is used.
"""

import os
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from sketch_rnn import shipped
from sketch_rnn.convert.prepare import Sketch
from sketch_rnn.convert.readers.chunks import (
    FILES_IN_CHUNK,
    PASSED_OVER,
    Chunk,
    Files,
    InputFile,
    Pending,
    Reading,
    Unreadable,
)
from sketch_rnn.convert.readers.csv_file import csv_chunks
from sketch_rnn.convert.readers.ink import ink_drawings
from sketch_rnn.convert.readers.json_file import json_chunks, json_sketches
from sketch_rnn.convert.readers.ndjson import ndjson_chunks, ndjson_sketches
from sketch_rnn.convert.readers.parquet import parquet_chunks
from sketch_rnn.convert.readers.pictures import PICTURES, picture_drawings
from sketch_rnn.convert.readers.quickdraw_bin import bin_chunks
from sketch_rnn.convert.readers.stored_files import Stored, array_chunks, array_sketches
from sketch_rnn.convert.readers.svg import svg_drawings
from sketch_rnn.data import npz
from sketch_rnn.errors import UserError

ZIP_SUFFIXES = (".zip", ".whl")
CONVERTED = {  # files that other programs convert to SVG: advice by suffix
    (".dxf",): "convert it to SVG first, with vpype and vpype-dxf: vpype dread {0} write {1}.svg",
    (".plt", ".hpgl", ".hpg", ".hgl"): (
        "convert it to SVG first, with Inkscape: inkscape --export-filename={1}.svg {0}"
    ),
}
SYSTEM_FILES = ("thumbs.db", "desktop.ini")
SYSTEM_FOLDERS = ("__MACOSX",)

Outcome = tuple[str, Sketch | UserError]  # a drawing's name, and its sketch or the error


class Reader(NamedTuple):
    """A reader for one file format; either the function `whole` or the function `cut` is set.

    Attributes:
      suffixes: the suffixes of files in this format, in lower case.
      whole: reads all drawings of a file.
      cut: cuts a file with many drawings into chunks (see the module for both functions).
      stored: returns a file's sketches if they are stored as stroke-3 or stroke-5, so that a model
        can take them in their own units; returns None for other drawings.
      in_chunk: how many files a worker process reads at a time with `whole`.
    """

    suffixes: tuple[str, ...]
    whole: Callable[[InputFile, Reading], Iterator[Pending]] | None = None
    cut: Callable[[InputFile, Reading], Iterator[Chunk]] | None = None
    stored: Callable[[InputFile], Stored | None] | None = None
    in_chunk: int = FILES_IN_CHUNK


_SVG = Reader((".svg", ".svgz"), whole=svg_drawings)
_PICTURES = Reader(PICTURES, whole=picture_drawings, in_chunk=1)  # one picture takes a second
READERS = (
    _SVG,
    _PICTURES,
    Reader((".inkml", ".xml"), whole=ink_drawings),
    Reader((".ndjson", ".jsonl", ".ndjson.txt"), cut=ndjson_chunks, stored=ndjson_sketches),
    Reader((".bin",), cut=bin_chunks),
    Reader((".npz", ".npy"), cut=array_chunks, stored=array_sketches),
    Reader((".json",), cut=json_chunks, stored=json_sketches),
    Reader((".excalidraw", ".excalidrawlib", ".tldr"), cut=json_chunks),
    Reader((".csv", ".tsv"), cut=csv_chunks),
    Reader((".parquet",), cut=parquet_chunks),
)


def find(inputs: Sequence[str | Path], reading: Reading) -> Iterator[Chunk]:
    """Yield the drawings in files and folders in order, as chunks; search folders recursively.

    Raises:
      UserError: an input is missing or of a kind that cannot be read.
    """
    paths = [shipped.drawings(name) for name in inputs]
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: there is no such file or folder")
        if path.is_file():
            check_kind(path)
    for path in paths:
        if path.is_dir():
            yield from _in_folder(path, reading)
        else:
            yield from _in_files([InputFile(path)], reading)


def outcomes(chunk: Chunk, reading: Reading) -> Iterator[Outcome]:
    """Convert each drawing in a chunk and yield the outcome."""
    for name, make in chunk.drawings(reading):
        try:
            yield name, _cut_down(make())
        except UserError as error:
            yield name, error
        except OSError as error:
            yield name, UserError(error.strerror or "cannot be read")


def check_kind(path: Path) -> None:
    """Raise UserError if the file has a suffix that no reader knows."""
    for ends, advice in CONVERTED.items():
        if path.name.lower().endswith(ends):
            raise UserError(f"{path}: {advice.format(path.name, path.stem)}")
    file = InputFile(path)
    if reader_of(file) is None and not _is_zip(file):
        raise UserError(
            f"{path}: expected a name that ends in {', '.join(suffixes())} or "
            f"{', '.join(ZIP_SUFFIXES)}"
        )


def _is_zip(file: InputFile) -> bool:
    """Return whether a file's suffix says that it is a zip; a wheel is a zip too."""
    return file.base.endswith(ZIP_SUFFIXES)


def _in_folder(folder: Path, reading: Reading) -> Iterator[Chunk]:
    empty = True
    for directory, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if not _is_of_system(name))
        paths = [Path(directory, name) for name in sorted(names) if not _is_of_system(name)]
        files = [InputFile(path) for path in paths if path.is_file()]
        empty &= not any(_is_read(file) for file in files)
        yield from _in_files(files, reading)
    if empty:
        yield Unreadable([str(folder)], "no drawings in this folder")


def _in_zip(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    files = [inner for inner in file.inside() if not _is_hidden_member(inner.members[-1])]
    yield from _in_files(files, reading)
    if not any(map(_is_read, files)):
        yield Unreadable([str(file)], "no drawings in this zip")


def _is_read(file: InputFile) -> bool:
    return _is_zip(file) or reader_of(file) is not None


def _is_of_system(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_FILES or name in SYSTEM_FOLDERS


def _is_hidden_member(name: str) -> bool:
    return any(_is_of_system(part) for part in PurePosixPath(name).parts if part not in ("..", "."))


def _in_files(files: Sequence[InputFile], reading: Reading) -> Iterator[Chunk]:
    """Yield the chunks of files. Files that hold one drawing each come first, many in a chunk."""
    names = {str(file) for file in files}
    copies = {file for file in files if is_copy(file, names)}
    for reader in READERS:
        if reader.whole:
            whole = [file for file in files if reader_of(file) is reader and file not in copies]
            for first in range(0, len(whole), reader.in_chunk):
                yield Files(whole[first : first + reader.in_chunk], reader.whole)
    for file in files:
        if _is_zip(file):
            yield from _guarded(file, _in_zip(file, reading))
        elif (found := reader_of(file)) and found.cut:
            yield from _guarded(file, found.cut(file, reading))
    if rest := [str(file) for file in files if not _is_read(file) or file in copies]:
        yield Unreadable(rest, PASSED_OVER)


def _guarded(file: InputFile, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks of a file; if reading it fails, yield the error as the last chunk."""
    try:
        yield from chunks
    except UserError as error:
        yield Unreadable([str(file)], str(error).removeprefix(str(file)).lstrip(":, "))
    except OSError as error:
        yield Unreadable([str(file)], error.strerror or str(error))


def _cut_down(sketch: Sketch) -> Sketch:
    """Limit a sketch's offsets, and report how many offsets exceeded the limit."""
    large = int((np.abs(sketch.points[:, :2]) > npz.LIMIT).sum())
    if not large:
        return sketch
    points = np.clip(sketch.points, -npz.LIMIT, npz.LIMIT)
    cut = f"offsets above {npz.LIMIT} reduced to {npz.LIMIT} ({large} of them)"
    return replace(sketch, points=points, left_out=(*sketch.left_out, cut))


def reader_of(file: InputFile) -> Reader | None:
    """Return the reader for a file's suffix; None if there is none."""
    return next((reader for reader in READERS if file.base.endswith(reader.suffixes)), None)


def is_copy(file: InputFile, files: Container[str]) -> bool:
    """Return whether a file is a picture beside an SVG of the same name, probably its copy."""
    stem = str(file).rpartition(".")[0]
    return reader_of(file) is _PICTURES and any(stem + suffix in files for suffix in _SVG.suffixes)


def suffixes() -> list[str]:
    """Return all suffixes that are read."""
    return [suffix for reader in READERS for suffix in reader.suffixes]
