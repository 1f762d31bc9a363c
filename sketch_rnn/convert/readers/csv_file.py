"""Read tables of drawings from `.csv` and `.tsv` files.

Kaggle's Quick, Draw! tables have one drawing per row, as JSON in the column `drawing`, beside a
column `recognized`. Other tables have one point per row, in the columns `x` and `y`. Further
columns may give the drawing that the point belongs to, its stroke (or the state of the pen, see
`points`), and its place in the order. Columns may be separated by commas, semicolons or tabs. Names
of columns are compared without regard to case, spaces and punctuation.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, groupby, pairwise
from typing import Any

from sketch_rnn.convert.readers.chunks import Chunk, InputFile, Reading
from sketch_rnn.convert.readers.ndjson import MAX_LINE
from sketch_rnn.convert.readers.points import FLAGS, plain
from sketch_rnn.convert.readers.records import record_chunks
from sketch_rnn.errors import UserError, warn

_DRAWINGS = ("drawing", "strokes")  # columns with a drawing in each row
_DRAWING_IDS = ("drawingid", "drawingindex", "sketch", "sketchid", "keyid", "drawing", "file",
                "filename", "image", "imageid", "imagename", "sample", "sampleid", "page",
                "id")  # fmt: skip
_STROKE_IDS = ("stroke", "strokeid", "strokeindex", "strokenumber", "strokenum", "strokeno", "line",
               "lineid", "path", "pathid", "trace", "traceid", "curve", "segment")  # fmt: skip
_ORDERS = ("point", "pointid", "pointindex", "order", "seq", "sequence", "t", "time", "timestamp")
_X = ("x", "xpos", "posx", "xcoord", "coordx", "clientx", "pagex")
_Y = tuple(name.replace("x", "y") for name in _X)
_SEPARATORS = ",;\t|"
_MOST_ROWS = 1_000_000  # rows of points that are sorted in memory

Row = dict[str, str]


def csv_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Yield the drawings in a file, as chunks."""
    first = next(_rows(file), None)
    if first is None:
        raise UserError("no rows in this table")
    column = next((name for name in _DRAWINGS if first[1].get(name, "").startswith(("[", "{"))), "")
    if column:
        yield from record_chunks(file, reading, partial(_drawings, column))
    elif _name(first[1], _X) and _name(first[1], _Y):
        _warn_about_columns(first[1], str(file))
        are_together = _are_together(row for _, row in _rows(file))
        yield from record_chunks(file, reading, partial(_of_points, are_together))
    else:
        names = ", ".join(first[1])[:100]
        raise UserError(
            f'expected a column "drawing" with JSON, or columns "x" and "y"; got {names}'
        )


def _rows(file: InputFile) -> Iterator[tuple[int, Row]]:
    """Yield each row's line number, and its values keyed by column name (simplified by `plain`)."""
    encoding = file.encoding()
    with file.open() as opened:
        text = io.TextIOWrapper(opened, encoding, "replace", newline="")
        before = csv.field_size_limit(MAX_LINE)
        try:
            first = text.readline(MAX_LINE).replace("\0", "")
            lines = chain([first], (line.replace("\0", "") for line in text))
            separator = max(_SEPARATORS, key=first.count)
            reader = csv.reader(lines, delimiter=separator)
            names = [plain(name) for name in next(reader, [])]
            for row in reader:
                if separator == ";":
                    row = [_with_point(text) for text in row]
                if row:
                    yield reader.line_num, dict(zip(names, row, strict=False))
        except csv.Error as error:
            raise UserError(f"not a table of comma-separated values ({error})") from None
        finally:
            csv.field_size_limit(before)


def _with_point(text: str) -> str:
    """Replace the decimal comma in a number by a point; return other strings unchanged."""
    number = text.replace(",", ".", 1)
    try:
        float(number)
    except ValueError:
        return text
    return number


def _drawings(column: str, file: InputFile) -> Iterator[tuple[str, bytes]]:
    for number, row in _rows(file):
        record = {"drawing": row.get(column, ""), "recognized": row.get("recognized", "true")}
        yield f":{number}", json.dumps(record).encode()


def _warn_about_columns(row: Row, where: str) -> None:
    """Warn about unused columns; also warn if no column tells strokes apart."""
    used = {_name(row, names) for names in (_X, _Y, _DRAWING_IDS, _STROKE_IDS, _ORDERS)}
    if not _name(row, (*_STROKE_IDS, *FLAGS)):
        warn(
            f"{where}: no column tells the strokes of a drawing apart; expected `stroke` or `pen`. "
            "Each drawing is read as one line"
        )
    if not _name(row, _DRAWING_IDS) and (rest := [*row.keys() - used - {"", *FLAGS}]):
        warn(
            f"{where}: no column tells drawings apart, as a column named `drawing` would. All rows "
            f"are read as one drawing (columns not used: {', '.join(sorted(rest))[:100]})"
        )


def _are_together(rows: Iterable[Row]) -> bool:
    """Return whether the rows of each drawing are next to one another."""
    seen: set[str] = set()
    for drawing, _ in groupby(rows, lambda row: _value(row, _DRAWING_IDS)):
        if drawing in seen:
            return False
        seen.add(drawing)
    return True


def _of_points(are_together: bool, file: InputFile) -> Iterator[tuple[str, bytes]]:
    """Yield the drawings in a table of points."""
    rows: Iterable[tuple[int, Row]] = _rows(file)
    if not are_together:
        rows = _by_drawing(rows)
    for drawing, group in groupby(rows, lambda row: _value(row[1], _DRAWING_IDS)):
        points = _in_order([_point(number, row) for number, row in group], drawing)
        yield f":{drawing}" if drawing else "", json.dumps(points).encode()


def _by_drawing(rows: Iterable[tuple[int, Row]]) -> list[tuple[int, Row]]:
    """Group the rows by drawing; the drawings keep the order of their first rows."""
    drawings: dict[str, list[tuple[int, Row]]] = {}
    for count, (number, row) in enumerate(rows):
        if count == _MOST_ROWS:
            raise UserError(
                f"its rows are not sorted by drawing, and only up to {_MOST_ROWS:,} rows can be "
                "sorted while reading; sort the table by drawing first"
            )
        drawings.setdefault(_value(row, _DRAWING_IDS), []).append((number, row))
    return list(chain.from_iterable(drawings.values()))


def _point(number: int, row: Row) -> dict[str, Any]:
    try:
        x, y = float(_value(row, _X)), float(_value(row, _Y))
    except ValueError:
        raise UserError(f"line {number}: x or y is not a number") from None
    order = _value(row, _ORDERS)
    flags = {name: row[name] for name in FLAGS if name in row}
    return {"x": x, "y": y, "stroke": _value(row, _STROKE_IDS), "order": order, **flags}


def _in_order(points: list[dict[str, Any]], drawing: str) -> list[dict[str, Any]]:
    """Return the points of a drawing, grouped by stroke and sorted within each stroke."""
    strokes: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        strokes.setdefault(point["stroke"], []).append(point)
    is_sorted = _sort_by_order(strokes.values())
    changes = sum(a["stroke"] != b["stroke"] for a, b in pairwise(points))
    if changes >= len(strokes) and not (is_sorted and drawing):
        raise UserError(
            f"the rows of a stroke in drawing {drawing!r} are not together; sort the table by "
            "drawing, stroke and time, or add columns `drawing` and `point` (the order of points)"
        )
    return list(chain.from_iterable(strokes.values()))


def _sort_by_order(strokes: Iterable[list[dict[str, Any]]]) -> bool:
    """Sort each stroke's points by "order"; return False if a value of "order" is not a number."""
    try:
        for stroke in strokes:
            stroke.sort(key=lambda point: float(point["order"]))
    except ValueError:
        return False
    return True


def _name(row: Row, names: Iterable[str]) -> str:
    """Return the first of the names that the table has as a column; "" if it has none."""
    return next((name for name in names if name in row), "")


def _value(row: Row, names: Iterable[str]) -> str:
    return row.get(_name(row, names), "")
