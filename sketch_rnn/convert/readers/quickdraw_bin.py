"""Read Quick, Draw! drawings in their binary format: little-endian, one record per drawing.

The format is described at https://github.com/googlecreativelab/quickdraw-dataset. A record begins
with key_id (uint64), country code (2 characters), recognized (a byte), time (uint32) and the number
of lines (uint16). Then each line has its number of points n (uint16), x (uint8) `[n]` and y (uint8)
`[n]`.
"""

import struct
from collections.abc import Iterator
from typing import IO

import numpy as np

from sketch_rnn.convert.readers.chunks import Chunk, Drawing, InputFile, Reading, item_chunks
from sketch_rnn.errors import UserError

MAX_RECORD = 8 << 20  # bytes in one drawing
_HEAD = struct.Struct("<8x2xB4xH")
_POINTS = struct.Struct("<H")


def bin_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Yield the drawings in a file, as chunks."""
    yield from item_chunks(file, _numbered, parse_record)


def _numbered(file: InputFile) -> Iterator[tuple[str, bytes]]:
    with file.open() as opened:
        for number, record in enumerate(records(opened), 1):
            yield f":{number}", record


def records(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the bytes of each drawing in a file.

    Raises:
      UserError: the file ends within a drawing, or its content is not in this format.
    """
    while head := file.read(_HEAD.size):
        record = [head]
        _check_length(head, _HEAD.size)
        recognized, lines = _HEAD.unpack(head)
        if recognized not in (0, 1):
            raise UserError("not a drawing in Quick, Draw!'s binary format")
        size = 0
        for _ in range(lines):
            count = _exactly(file, _POINTS.size)
            (points,) = _POINTS.unpack(count)
            record += [count, _exactly(file, 2 * points)]
            size += _POINTS.size + 2 * points
            if size > MAX_RECORD:
                raise UserError(f"a drawing of more than {MAX_RECORD >> 20} MB")
        yield b"".join(record)


def parse_record(record: bytes) -> Drawing:
    """Return the drawing in a record that `records` yielded."""
    recognized, lines = _HEAD.unpack_from(record)
    place, polylines = _HEAD.size, []
    for _ in range(lines):
        (points,) = _POINTS.unpack_from(record, place)
        place += _POINTS.size
        xy = np.frombuffer(record, np.uint8, 2 * points, place).reshape(2, points)
        polylines.append(xy.T.astype(np.float64))
        place += 2 * points
    return Drawing(polylines, bool(recognized))


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    _check_length(data, size)
    return data


def _check_length(data: bytes, size: int) -> None:
    if len(data) != size:
        raise UserError("the file ends in the middle of a drawing")
