"""Read tables of drawings from `.csv` files.

Kaggle's Quick, Draw! tables have one drawing per row, as JSON in the column `drawing`, beside a
column `recognized`. Other tables have one point per row, in the columns `x` and `y`, beside columns
for the id of its `stroke` and, if there are several drawings, the id of its `drawing`.
"""

import csv
import io
import json
from collections.abc import Iterator
from functools import partial
from itertools import groupby

from sketch_rnn.convert.input_file import InputFile
from sketch_rnn.convert.readers.chunks import Chunk, Reading
from sketch_rnn.convert.readers.ndjson import MAX_LINE
from sketch_rnn.convert.readers.records import record_chunks
from sketch_rnn.errors import UserError

_DRAWINGS = ("drawing", "strokes")  # columns with a drawing in each row
_DRAWING_IDS = ("drawing_id", "sketch", "sketch_id", "key_id", "id", "drawing", "file")
_STROKE_IDS = ("stroke", "stroke_id", "strokeid", "line", "path", "trace")

Row = dict[str, str]


def csv_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Yield the drawings in a file, as chunks."""
    first = next(_rows(file), None)
    if first is None:
        raise UserError("no rows in this table")
    column = next((name for name in _DRAWINGS if first[1].get(name, "").startswith(("[", "{"))), "")
    if column:
        yield from record_chunks(file, reading, partial(_drawings, column))
    elif {"x", "y"} <= first[1].keys():
        yield from record_chunks(file, reading, _of_points)
    else:
        names = ", ".join(first[1])[:100]
        raise UserError(
            f'expected a column "drawing" with JSON, or columns "x" and "y"; got {names}'
        )


def _rows(file: InputFile) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a table with their line numbers; column names are lowercased."""
    with file.open() as opened:
        text = io.TextIOWrapper(opened, "utf-8-sig", "replace", newline="")
        before = csv.field_size_limit(MAX_LINE)
        try:
            lines = (line.replace("\0", "") for line in text)
            reader = csv.reader(lines)
            names = [name.strip().lower() for name in next(reader, [])]
            for row in reader:
                if row:
                    yield reader.line_num, dict(zip(names, row, strict=False))
        except csv.Error as error:
            raise UserError(f"not a table of comma-separated values ({error})") from None
        finally:
            csv.field_size_limit(before)


def _drawings(column: str, file: InputFile) -> Iterator[tuple[str, bytes]]:
    for number, row in _rows(file):
        record = {"drawing": row.get(column, ""), "recognized": row.get("recognized", "true")}
        yield f":{number}", json.dumps(record).encode()


def _of_points(file: InputFile) -> Iterator[tuple[str, bytes]]:
    """Yield the drawings in a table of points; the rows of each drawing must be consecutive."""
    for drawing, rows in groupby(_rows(file), lambda row: _id(row[1], _DRAWING_IDS)):
        points = []
        for number, row in rows:
            try:
                x, y = float(row["x"]), float(row["y"])
            except (KeyError, ValueError):
                raise UserError(f"line {number}: x or y is not a number") from None
            points.append({"x": x, "y": y, "stroke": _id(row, _STROKE_IDS)})
        yield f":{drawing}" if drawing else "", json.dumps(points).encode()


def _id(row: Row, names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if name in row), "")
