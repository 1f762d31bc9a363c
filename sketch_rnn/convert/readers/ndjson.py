"""Read files with a drawing in JSON on each line, as Quick, Draw! and many programs write them.

https://github.com/googlecreativelab/quickdraw-dataset: `{"word": ..., "recognized": true,
"drawing": [line, ...]}`, each line `[[x, ...], [y, ...]]` (simplified) or `[[x, ...], [y, ...],
[t, ...]]` (raw). For other formats of drawings, see `values`. A JSON array with each item on its
own line is read too.
"""

import io
from collections.abc import Iterator
from typing import IO

from sketch_rnn.convert.readers.chunks import MAX_WHOLE, Chunk, InputFile, Reading
from sketch_rnn.convert.readers.records import read_sketches, record_chunks
from sketch_rnn.convert.readers.stored_files import Stored
from sketch_rnn.errors import UserError

MAX_LINE = 8 << 20  # bytes in one drawing
_BRACKETS = (b"", b"[", b"]", b"],")  # lines in an array that hold no item


def ndjson_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Yield the drawings in a file, as chunks."""
    yield from record_chunks(file, reading, lines)


def ndjson_sketches(file: InputFile) -> Stored | None:
    """Return a file's sketches if its lines are stroke-3 or stroke-5 rows; else None."""
    return read_sketches(file, lines)


def lines(file: InputFile) -> Iterator[tuple[str, bytes]]:
    """Yield each line in a file and its place; raise UserError if a line is too long."""
    encoding = file.encoding()
    with file.open() as opened:
        number = 0
        if encoding == "utf-16":
            opened = _as_utf8(opened)
        while line := opened.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise UserError(f"a line of more than {MAX_LINE >> 20} MB")
            number += 1
            line = line.removeprefix(b"\xef\xbb\xbf").strip()
            if line not in _BRACKETS:
                yield f":{number}", line.removesuffix(b",")


def _as_utf8(file: IO[bytes]) -> IO[bytes]:
    """Return a file in UTF-16 as one in UTF-8."""
    text = file.read(MAX_WHOLE + 2).decode("utf-16", "replace")
    if len(text) * 2 > MAX_WHOLE:
        raise UserError(f"a file in UTF-16 of more than {MAX_WHOLE >> 20} MB; write it in UTF-8")
    return io.BytesIO(text.encode("utf-8", "replace"))
