"""JSON of files that nobody trusts."""

import json
from pathlib import Path
from typing import Any

LARGEST = 1_000_000  # bytes of a file, or of a line, that holds a person's or a run's settings


def parse(text: str | bytes) -> Any:
    """What the text says.

    Raises:
      ValueError: it is none, or nested too deep.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read(path: Path) -> Any:
    """What a file says.

    Raises:
      ValueError: there is none, or it is larger than `LARGEST`, or not JSON.
      OSError: it cannot be read.
    """
    if not path.is_file():
        raise ValueError("there is no such file")
    if path.stat().st_size > LARGEST:
        raise ValueError("it is larger than 1 MB")
    return parse(path.read_text(encoding="utf-8"))
