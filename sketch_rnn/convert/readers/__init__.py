"""Read other people's drawings, with one module per format; `READERS` is the table of readers.

Each row of the table is a reader: the suffixes of its files, and one of these two functions:

- `whole` is for files that hold one drawing or a few. `whole(file, reading)` runs in a worker
  process; for each drawing, it yields the name and a function that makes its `Sketch`. That
  function may raise `UserError`.
- `cut` is for files that hold many drawings. `cut(file, reading)` runs in the main process, so it
  does as little as it can: it yields the drawings as chunks (`chunks.py`), which worker processes
  read.

`file` is an `InputFile`, which can be opened, or read with a limit, on disk or in a zip; `reading`
says how drawings become sketches. `sources.find` looks up files here, whether they are named
directly or found in a folder or a zip. Suffixes are compared with the end of the name, without
`.gz`; the first row with a matching suffix is used.
"""

from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

from sketch_rnn.convert.input_file import InputFile
from sketch_rnn.convert.readers.chunks import FILES_IN_CHUNK, Chunk, Pending, Reading
from sketch_rnn.convert.readers.csv_file import csv_chunks
from sketch_rnn.convert.readers.ink import ink_drawings
from sketch_rnn.convert.readers.json_file import json_chunks, json_sketches
from sketch_rnn.convert.readers.ndjson import ndjson_chunks, ndjson_sketches
from sketch_rnn.convert.readers.parquet import parquet_chunks
from sketch_rnn.convert.readers.pictures import PICTURES, picture_drawings
from sketch_rnn.convert.readers.quickdraw_bin import bin_chunks
from sketch_rnn.convert.readers.stored_files import Stored, array_chunks, array_sketches
from sketch_rnn.convert.readers.svg import svg_drawings


class Reader(NamedTuple):
    """A reader for one file format; either the function `whole` or the function `cut` is set.

    suffixes: the suffixes of its files, in lower case. whole: reads all drawings of a file. cut:
    cuts a file with many drawings into chunks (see the module for both functions). stored: returns
    a file's sketches if they are stored as stroke-3 or stroke-5, so that a model can take them in
    their own units; returns None for other drawings. in_chunk: how many files a worker process
    reads at a time with `whole`.
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
