"""Files of JSON lines that a run adds to, each line of a step: its figures, or what it was told."""

import json
import math
import mmap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sketch_rnn import files
from sketch_rnn.untrusted_json import LARGEST, parse

_MOST_LINES_OF_A_STEP = 9


class StepLines:
    """The file at `path`, which need not be there yet; lines that are not whole are skipped."""

    def __init__(self, path: Path):
        self.path = path

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds a line for each row, which has a `step`."""
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def cut(self, first_step: int) -> None:
        """Keeps the lines of the steps before `first_step`; a half line at the end goes too."""
        if not self.path.exists():
            return
        with files.replacing(self.path) as kept, self.path.open("rb") as file:
            while line := file.readline(LARGEST):
                row = _row(line)
                if row is not None and row["step"] < first_step:
                    kept.write(line.rstrip(b"\n") + b"\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows, the first one first."""
        if self.path.exists():
            with self.path.open("rb") as file:
                while line := file.readline(LARGEST):
                    row = _row(line)
                    if row is not None:
                        yield row

    def figure(self, step: int, tag: str) -> float | None:
        """The last finite figure of a step under a tag; None where there is none.

        The file is searched from its end, as it may be long.
        """
        try:
            with self.path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # there is none, or it is empty
            return None
        with data:
            place = len(data)
            for _ in range(_MOST_LINES_OF_A_STEP):
                place = data.rfind(f'{{"step": {step}, '.encode(), 0, place)
                if place < 0:
                    return None
                row = _row(data[place : place + LARGEST].partition(b"\n")[0])
                if row is not None and tag in row:
                    value = row[tag]
                    is_number = isinstance(value, int | float) and math.isfinite(value)
                    return float(value) if is_number else None
        return None


def _row(line: bytes) -> dict[str, Any] | None:
    """What a line says; None where it is not a JSON object with a `step`."""
    try:
        row = parse(line)
    except ValueError:
        return None
    is_row = isinstance(row, dict) and isinstance(row.get("step"), int)
    return row if is_row else None
