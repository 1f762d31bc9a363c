"""Define what all readers use: input files, options for reading, and chunks of drawings to process.

An input file is on disk or in a zip; zips are read in place, not unpacked to disk.

A chunk is made in the main process, which reads as little as it can; its drawings are made in a
worker process.
"""

import codecs
import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from sketch_rnn.choices import INKS
from sketch_rnn.convert.prepare import Recipe, Sketch, to_sketch
from sketch_rnn.convert.stored import Form, stored_sketch
from sketch_rnn.data.layout import AS_IT_LOOKS, Layout
from sketch_rnn.errors import UserError, check_choice

FILES_IN_CHUNK, SKETCHES_IN_CHUNK, BYTES_IN_CHUNK = 32, 512, 512 << 10
PASSED_OVER = "not a kind of file that drawings are read from"
NOT_RECOGNIZED = "not recognized by Quick, Draw!"
MAX_WHOLE = 64 << 20  # bytes of a file that is read at once, unless its format has another limit
MAX_ON_DISK = 512 << 20  # bytes of a file that is unpacked for a reader that needs a path
MAX_ZIPS = 3  # levels of zips within zips
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class InputFile:
    """A file on disk or in a zip.

    Attributes:
      path: the file or zip on disk.
      members: for a file in a zip, the names of any zips nested in that zip, outermost first, and
        then the name of the file; else empty.
    """

    path: Path
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ":".join([str(self.path), *self.members])

    @property
    def base(self) -> str:
        """The file's own name in lower case, without `.gz`."""
        name = self.members[-1].rpartition("/")[2] if self.members else self.path.name
        return name.lower().removesuffix(".gz")

    @property
    def is_gzip(self) -> bool:
        """True if the file is gzipped, according to its name."""
        return (self.members or (self.path.name,))[-1].lower().endswith(".gz")

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file's bytes, unpacked if its name ends in `.gz`.

        Raises:
          UserError: the file is damaged. Damage may be found only later, while the file is read;
            that raises the same error.
          OSError: the file cannot be opened.
        """
        try:
            with self._open_packed() as packed:
                if not self.is_gzip:
                    yield packed
                    return
                with gzip.open(packed) as file:
                    yield cast(IO[bytes], file)
        except (*_DAMAGES, gzip.BadGzipFile) as error:
            raise UserError(f"damaged ({error})") from None

    def encoding(self) -> str:
        """Return the encoding of a text file: UTF-16 after a UTF-16 byte order mark, else UTF-8."""
        with self.open() as file:
            mark = file.read(2)
        return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"

    def read(self, most: int = MAX_WHOLE) -> bytes:
        """Return the whole file; raise UserError if it is larger than `most` bytes."""
        with self.open() as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise UserError(f"larger than the limit of {most >> 20} MB")
        return content

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Yield a path to the file, for code that reads only paths; a file in a zip is copied."""
        if not self.members and not self.is_gzip:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"copy{Path(self.base).suffix}"
            with path.open("wb") as copy:
                self.copy_to(copy)
            yield path

    def copy_to(self, copy: IO[bytes]) -> None:
        """Write the file's bytes; raise UserError if there are more than `MAX_ON_DISK`."""
        size = 0
        with self.open() as file:
            while part := file.read(1 << 20):
                size += copy.write(part)
                if size > MAX_ON_DISK:
                    raise UserError(f"larger than the limit of {MAX_ON_DISK >> 20} MB")

    def inside(self) -> "list[InputFile]":
        """Return the files in this zip; raise UserError if it cannot be read."""
        names = [name for name in self._archive().namelist() if not name.endswith("/")]
        return [InputFile(self.path, (*self.members, name)) for name in names]

    def _archive(self) -> zipfile.ZipFile:
        return _archive(self.path, self.members)

    def _open_packed(self) -> IO[bytes]:
        if not self.members:
            return self.path.open("rb")
        return _archive(self.path, self.members[:-1]).open(self.members[-1])


@lru_cache(maxsize=2)
def _archive(path: Path, members: tuple[str, ...]) -> zipfile.ZipFile:
    """Open the zip at a path or, if `members` are given, the zip that they lead to inside it."""
    if len(members) >= MAX_ZIPS:
        raise UserError(f"zips inside zips, more than {MAX_ZIPS} levels deep")
    file = io.BytesIO(InputFile(path, members).read()) if members else path
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"not a readable zip file ({error})") from None


@dataclass(frozen=True)
class Reading:
    """The options for reading inputs.

    Attributes:
      recipe: how drawings become sketches.
      outline: whether to take the outlines of filled shapes in SVGs; None takes them only from
        drawings that hold nothing else.
      recognized: whether to leave out drawings that Quick, Draw! did not recognize.
      layout: the meaning of the rows in `.npz` files.
      ink: the ink in photographs and scans: dark, light, or detected for each (auto).
      centerline: whether to take thin filled shapes in SVGs as lines along their middle.
      sheet: whether each picture is a page with many drawings.
    """

    recipe: Recipe = field(default_factory=Recipe)
    outline: bool | None = False
    recognized: bool = False
    layout: Layout = AS_IT_LOOKS
    ink: str = INKS[0]
    centerline: bool = False
    sheet: bool = False

    def __post_init__(self) -> None:
        check_choice("ink", self.ink, INKS)


class Drawing(NamedTuple):
    """A drawing's lines, each `[n, 2]`.

    Attributes:
      recognized: whether Quick, Draw! recognized the drawing.
      left_out: descriptions of parts that are not among the lines, one for each kind.
      line_width: the width of lines measured in a picture, in its pixels.
    """

    lines: list[np.ndarray]
    recognized: bool = True
    left_out: tuple[str, ...] = ()
    line_width: float | None = None

    def sketch(self, reading: Reading) -> Sketch:
        """Return the prepared drawing; raise UserError if it cannot be used."""
        if reading.recognized and not self.recognized:
            raise UserError(NOT_RECOGNIZED)
        sketch = to_sketch(self.lines, reading.recipe)
        return replace(sketch, left_out=self.left_out, line_width=self.line_width)


Pending = tuple[str, Callable[[], Sketch]]  # a drawing's name, and a function that makes its sketch


@dataclass(frozen=True)
class Files:
    """A chunk that consists of complete files; `read` yields the drawings in one file."""

    files: Sequence[InputFile]
    read: Callable[[InputFile, Reading], Iterator[Pending]]

    def drawings(self, reading: Reading) -> Iterator[Pending]:
        for file in self.files:
            try:
                yield from self.read(file, reading)
            except UserError as error:
                yield from Unreadable([str(file)], str(error)).drawings(reading)


@dataclass(frozen=True)
class Items:
    """A chunk that consists of parts of a file, one for each drawing; `parse` reads one part."""

    names: Sequence[str]
    items: Sequence[Any]
    parse: Callable[[Any], Drawing]

    def drawings(self, reading: Reading) -> Iterator[Pending]:
        for name, item in zip(self.names, self.items, strict=True):
            yield name, partial(self._sketch, item, reading)

    def _sketch(self, item: Any, reading: Reading) -> Sketch:
        return self.parse(item).sketch(reading)


@dataclass(frozen=True)
class StoredSketches:
    """Sketches from the data set named `source`; `first` is the index of the first sketch."""

    source: str
    first: int
    sketches: Sequence[np.ndarray]
    form: Form

    def drawings(self, reading: Reading) -> Iterator[Pending]:
        for index, sketch in enumerate(self.sketches, self.first):
            make = partial(stored_sketch, sketch, self.form, reading.recipe)
            yield f"{self.source}[{index}]", make


@dataclass(frozen=True)
class Unreadable:
    """Inputs that yield no drawings, and the reason."""

    names: Sequence[str]
    reason: str

    def drawings(self, reading: Reading) -> Iterator[Pending]:
        for name in self.names:
            yield name, self._refuse

    def _refuse(self) -> Sketch:
        raise UserError(self.reason)


Chunk = Files | Items | StoredSketches | Unreadable


def stored_chunks(source: str, sketches: Sequence[np.ndarray], form: Form) -> Iterator[Chunk]:
    """Yield sketches from one file, stored in the given format, as chunks."""
    for first in range(0, len(sketches), SKETCHES_IN_CHUNK):
        yield StoredSketches(source, first, sketches[first : first + SKETCHES_IN_CHUNK], form)


def item_chunks(
    file: InputFile,
    cut: Callable[[InputFile], Iterator[tuple[str, bytes]]],
    parse: Callable[[Any], Drawing],
) -> Iterator[Chunk]:
    """Yield a file's items, as chunks; stop where the file is damaged.

    Args:
      file: the file.
      cut: yields, for each item in the file, a text that tells where the item is (such as a line
        number), and the item.
      parse: makes a drawing from an item.
    """
    names: list[str] = []
    items: list[bytes] = []
    size, count = 0, 0
    try:
        for place, item in cut(file):
            names.append(f"{file}{place}")
            items.append(item)
            size, count = size + len(item), count + 1
            if size >= BYTES_IN_CHUNK:
                yield Items(names, items, parse)
                names, items, size = [], [], 0
    except (UserError, OSError) as error:
        yield Items(names, items, parse)
        yield Unreadable([f"{file}:{count + 1}"], f"{error}; the rest of the file is not read")
        return
    if items:
        yield Items(names, items, parse)
    elif not count:
        yield Unreadable([str(file)], "no lines or records in this file")
