"""Read files that hold one JSON value, such as those that `sketch_rnn_sample` writes.

The value is a drawing or a list of drawings (see `values`); `sketch_rnn_sample` writes
`{"sketches": ...}`.
"""

import json
from collections.abc import Iterator
from functools import partial

from sketch_rnn.convert.readers import ndjson, values
from sketch_rnn.convert.readers.chunks import Chunk, InputFile, Reading
from sketch_rnn.convert.readers.records import Cut, read_sketches, record_chunks
from sketch_rnn.convert.readers.stored_files import Stored
from sketch_rnn.convert.sketches_json import from_lists
from sketch_rnn.errors import UserError


def json_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Yield the drawings in a file, as chunks."""
    content = file.read()
    if ours := _ours(content, str(file)):
        yield from ours.chunks(str(file), reading)
    else:
        yield from record_chunks(file, reading, _splitter(content))


def json_sketches(file: InputFile) -> Stored | None:
    """Return a file's sketches if it holds stroke-3 or stroke-5 rows; else None."""
    content = file.read()
    return _ours(content, str(file)) or read_sketches(file, _splitter(content))


def _ours(content: bytes, name: str) -> Stored | None:
    try:
        value = values.parse(content)
    except UserError:
        return None
    if isinstance(value, dict) and isinstance(value.get("sketches"), list):
        return Stored({"": from_lists(value["sketches"], name)}, is_ours=True)
    return None


def _splitter(content: bytes) -> Cut:
    """Return a function that splits a file with this content into one value per drawing."""
    try:
        value = values.parse(content)
    except UserError:
        if several := values.parse_several(content):
            return partial(_items, several)
        if b"\n" in content.strip():
            return ndjson.lines  # lines of JSON, not all of them valid
        raise
    return partial(_items, values.split(value))


def _items(items: list, file: InputFile) -> Iterator[tuple[str, bytes]]:
    for index, item in enumerate(items):
        yield f"[{index}]" if len(items) > 1 else "", json.dumps(item).encode()
