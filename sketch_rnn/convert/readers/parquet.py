"""Read `.parquet` tables of drawings, as Hugging Face and TFDS store them, with pyarrow."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sketch_rnn.convert.readers.chunks import SKETCHES_IN_CHUNK, Chunk, InputFile, Reading
from sketch_rnn.convert.readers.records import record_chunks
from sketch_rnn.convert.readers.values import STROKES
from sketch_rnn.errors import UserError, not_installed

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_COLUMNS = (*STROKES, "x", "y", "recognized")  # other columns may hold pictures


def parquet_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Yield the drawings in a file, as chunks."""
    yield from record_chunks(file, reading, _rows)


def _rows(file: InputFile) -> Iterator[tuple[str, bytes]]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise not_installed("parquet", ["pyarrow"], "parquet") from None
    with file.on_disk() as path:
        try:
            with ParquetFile(path) as table:  # closed before a copy of it is removed
                yield from _rows_of(table)
        except UserError:
            raise
        except (ArrowException, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"cannot be read as parquet ({reason})") from None


def _rows_of(table: "ParquetFile") -> Iterator[tuple[str, bytes]]:
    names = table.schema_arrow.names
    wanted = [name for name in names if name.lower() in _COLUMNS]
    if not set(wanted) - {"recognized"}:
        text = ", ".join(names)[:100]
        raise UserError(f'expected a column "drawing" or another column of strokes; got {text}')
    number = 0
    for batch in table.iter_batches(SKETCHES_IN_CHUNK, columns=wanted):
        for row in batch.to_pylist():
            yield f"[{number}]", json.dumps(row, default=str).encode()
            number += 1
