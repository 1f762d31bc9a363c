"""Reading JSON from untrusted files."""

import json
from pathlib import Path
from typing import Any

LARGEST = 1_000_000  # bytes, the most in a file or a line that holds settings


def parse(text: str | bytes) -> Any:
    """Parse a string as JSON.

    Raises:
      ValueError: the string is not valid JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read(path: Path) -> Any:
    """Parse a JSON file.

    Raises:
      ValueError: there is no such file, it is larger than `LARGEST`, or it is not JSON.
      OSError: the file cannot be read.
    """
    if not path.is_file():
        raise ValueError("there is no such file")
    if path.stat().st_size > LARGEST:
        raise ValueError("it is larger than 1 MB")
    return parse(path.read_text(encoding="utf-8"))
