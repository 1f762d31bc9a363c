"""Readers of other people's drawings, one module per format; `READERS` is their table.

A reader is a row of the table: the suffixes of its files, and one of two functions.

- `whole`, where a file is one drawing, or a few: `(file, reading)` yields for each drawing its name
  and what makes a `Sketch` of it, which may raise `UserError`. It runs in a worker process.
- `cut`, where a file holds many: `(file, reading)` yields chunks of them (`chunks.py`), which are
  read in worker processes. It runs in the first process, and so does as little as it can.

`file` is an `InputFile`: open it, or read it with a limit, wherever it lies; `reading` says how
drawings become sketches. `sources.find` looks files up here, whether they were named, or lie in a
folder or a zip. A suffix is looked for at the end of the name, without `.gz`; the first row that
has it counts.
"""

from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

from sketch_rnn.convert.input_file import InputFile
from sketch_rnn.convert.readers.chunks import FILES_IN_CHUNK, Chunk, Pending, Reading
from sketch_rnn.convert.readers.csv_file import csv_chunks
from sketch_rnn.convert.readers.ink import ink_drawings
from sketch_rnn.convert.readers.json_file import json_chunks, json_stored
from sketch_rnn.convert.readers.ndjson import ndjson_chunks, ndjson_stored
from sketch_rnn.convert.readers.parquet import parquet_chunks
from sketch_rnn.convert.readers.pictures import PICTURES, picture_drawings
from sketch_rnn.convert.readers.quickdraw_bin import bin_chunks
from sketch_rnn.convert.readers.stored_files import Stored, array_chunks, array_stored
from sketch_rnn.convert.readers.svg import svg_drawings


class Reader(NamedTuple):
    """A reader of one file format, by `whole` or by `cut`.

    stored: the sketches of a file that holds them as stroke-3 or stroke-5, which a model takes in
    the units that they have; None of a file that holds other drawings. in_chunk: how many files a
    worker process reads at a time by `whole`.
    """

    suffixes: tuple[str, ...]
    whole: Callable[[InputFile, Reading], Iterator[Pending]] | None = None
    cut: Callable[[InputFile, Reading], Iterator[Chunk]] | None = None
    stored: Callable[[InputFile], Stored | None] | None = None
    in_chunk: int = FILES_IN_CHUNK


_SVG = Reader((".svg", ".svgz"), whole=svg_drawings)
_PICTURES = Reader(PICTURES, whole=picture_drawings, in_chunk=1)  # one takes a second
READERS = (
    _SVG,
    _PICTURES,
    Reader((".inkml", ".xml"), whole=ink_drawings),
    Reader((".ndjson", ".jsonl", ".ndjson.txt"), cut=ndjson_chunks, stored=ndjson_stored),
    Reader((".bin",), cut=bin_chunks),
    Reader((".npz", ".npy"), cut=array_chunks, stored=array_stored),
    Reader((".json",), cut=json_chunks, stored=json_stored),
    Reader((".excalidraw", ".excalidrawlib", ".tldr"), cut=json_chunks),
    Reader((".csv",), cut=csv_chunks),
    Reader((".parquet",), cut=parquet_chunks),
)


def reader_of(file: InputFile) -> Reader | None:
    """Return the reader for a file's suffix, if there is one."""
    return next((reader for reader in READERS if file.base.endswith(reader.suffixes)), None)


def is_copy(file: InputFile, files: Container[str]) -> bool:
    """Return whether a picture is a rendering of the SVG of the same name beside it."""
    stem = str(file).rpartition(".")[0]
    return reader_of(file) is _PICTURES and any(stem + suffix in files for suffix in _SVG.suffixes)


def suffixes() -> list[str]:
    """Return all suffixes that are read."""
    return [suffix for reader in READERS for suffix in reader.suffixes]
