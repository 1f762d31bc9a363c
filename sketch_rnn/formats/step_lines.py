"""Read and write files of JSON lines that a run appends to: metrics or notes with their steps."""

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
    """A file of JSON lines, which may not exist yet; incomplete lines are skipped."""

    def __init__(self, path: Path):
        self.path = path

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append a line for each row; each row has a `step`."""
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def cut(self, first_step: int) -> None:
        """Keep only the complete lines for steps before `first_step`."""
        if not self.path.exists():
            return
        with files.replacing(self.path) as kept, self.path.open("rb") as file:
            while line := file.readline(LARGEST):
                row = _row(line)
                if row is not None and row["step"] < first_step:
                    kept.write(line.rstrip(b"\n") + b"\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Iterate over the rows, oldest first."""
        if self.path.exists():
            with self.path.open("rb") as file:
                while line := file.readline(LARGEST):
                    row = _row(line)
                    if row is not None:
                        yield row

    def value(self, step: int, tag: str) -> float | None:
        """Return the last value with this step and tag; None if it is missing or not finite.

        The search starts at the end, since the file may be long.
        """
        try:
            with self.path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # the file is missing or empty
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
    """Parse a line; return None unless it is a JSON object with a `step`."""
    try:
        row = parse(line)
    except ValueError:
        return None
    is_row = isinstance(row, dict) and isinstance(row.get("step"), int)
    return row if is_row else None
