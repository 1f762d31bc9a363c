"""Define what all readers use: options for reading, and chunks of drawings to process.

A chunk is made in the main process, which reads as little as it can; its drawings are made in a
worker process.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from sketch_rnn.choices import INKS
from sketch_rnn.convert.input_file import InputFile
from sketch_rnn.convert.prepare import Recipe, Sketch, to_sketch
from sketch_rnn.convert.stored import Form, stored_sketch
from sketch_rnn.data.layout import AS_IT_LOOKS, Layout
from sketch_rnn.errors import UserError, check_choice

FILES_IN_CHUNK, SKETCHES_IN_CHUNK, BYTES_IN_CHUNK = 32, 512, 512 << 10
PASSED_OVER = "not a kind of file that drawings are read from"
NOT_RECOGNIZED = "not recognized by Quick, Draw!"


@dataclass(frozen=True)
class Reading:
    """The options for reading inputs.

    recipe: how drawings become sketches. outline: whether to take the outlines of filled shapes in
    SVGs; None takes them only from drawings that hold nothing else. recognized: whether to leave
    out drawings that Quick, Draw! did not recognize. layout: the meaning of the rows in `.npz`
    files. ink: the ink in photographs and scans: dark, light, or detected for each (auto).
    centerline: whether to take thin filled shapes in SVGs as lines along their middle. sheet:
    whether each picture is a page with many drawings.
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

    recognized: whether Quick, Draw! recognized the drawing. left_out: descriptions of parts that
    are not among the lines, one for each kind. line_width: the width of lines measured in a
    picture, in its pixels.
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
    """A chunk that consists of complete files; `read` yields the drawings in one of them."""

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
      cut: yields the items in the file, each with its place.
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
        yield Unreadable([f"{file}:{count + 1}"], f"{error}; the rest is not read")
        return
    if items:
        yield Items(names, items, parse)
    elif not count:
        yield Unreadable([str(file)], "no lines or records in this file")
