"""Shared parts of the readers: options for reading, and chunks of drawings for a process.

A chunk is made in the first process, which reads as little as it can, and its drawings are made in
another.
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
PASSED_OVER = "not a form of drawings that is read"
NOT_RECOGNIZED = "not recognized by Quick, Draw!"


@dataclass(frozen=True)
class Reading:
    """Says how inputs are read.

    recipe: how drawings become sketches. outline: take the outlines of filled shapes of SVGs; None:
    of those drawings that hold nothing else. recognized: leave out what Quick, Draw! did not
    recognize. layout: what the rows of `.npz` files mean. ink: of pictures of pixels: dark, light,
    or found out for each of them (auto). sheet: each picture
    is a page of many drawings. centerline: take thin filled shapes of SVGs as lines along
    their middle.
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

    recognized: by Quick, Draw!. left_out: what is not among them, a line of text for each kind.
    line_width: that was measured in a picture, in its pixels.
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


Pending = tuple[str, Callable[[], Sketch]]  # a drawing's name, and what makes a sketch of it


@dataclass(frozen=True)
class Files:
    """Whole files, and the function that reads the drawings of one."""

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
    """Drawings cut out of a file, with their names, and the function that reads one."""

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
    """Sketches of a data set; `source` names it, `first` is the index of the first."""

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
    """Inputs that yield no drawings, and why."""

    names: Sequence[str]
    reason: str

    def drawings(self, reading: Reading) -> Iterator[Pending]:
        for name in self.names:
            yield name, self._refuse

    def _refuse(self) -> Sketch:
        raise UserError(self.reason)


Chunk = Files | Items | StoredSketches | Unreadable


def stored_chunks(source: str, sketches: Sequence[np.ndarray], form: Form) -> Iterator[Chunk]:
    """Yield chunks of sketches of one form."""
    for first in range(0, len(sketches), SKETCHES_IN_CHUNK):
        yield StoredSketches(source, first, sketches[first : first + SKETCHES_IN_CHUNK], form)


def item_chunks(
    file: InputFile,
    cut: Callable[[InputFile], Iterator[tuple[str, bytes]]],
    parse: Callable[[Any], Drawing],
) -> Iterator[Chunk]:
    """Yield chunks of a file's items; stop where the file is damaged.

    Args:
      file: to cut.
      cut: gives items, each with its place in the file.
      parse: reads one of them.
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
