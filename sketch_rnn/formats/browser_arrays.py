"""Read and write the container for browser models: `[info, shapes, weights]` as JSON.

Each array of weights is base64-encoded little-endian int16; a weight is its integer * 10 / 32767.
"""

import base64
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sketch_rnn import files
from sketch_rnn.errors import UserError, warn

LARGEST_FILE = 1 << 27
_LARGEST_COUNTS = {b"[": 64, b"{": 64, b",": 100_000}  # the most per file; none in base64
_LARGEST_WEIGHT = 10.0
_LARGEST_INTEGER = 32767


class Container(NamedTuple):
    """The content of a file, with weights still as text and shapes not checked yet."""

    info: dict[str, Any]
    shapes: list[Any]
    texts: list[str]


def read(path: Path, counts: Sequence[int]) -> Container:
    """Read a file whose number of arrays is one of `counts`.

    Raises:
      UserError: the file is missing, too large, or not in this format.
    """
    content = _read_json(path)
    if (
        not isinstance(content, list)
        or len(content) < 3
        or not isinstance(content[0], dict)
        or not all(isinstance(part, list) for part in content[1:3])
        or len(content[1]) not in counts
        or len(content[1]) != len(content[2])
        or not all(isinstance(text, str) for text in content[2])
    ):
        numbers = " or ".join(map(str, counts))
        raise UserError(f"expected [info, shapes, weights] with {numbers} weights as text")
    return Container(*content[:3])


def _read_json(path: Path) -> Any:
    """Parse the JSON of a file."""
    if not path.is_file():
        raise UserError("there is no such file")
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise UserError(f"expected a browser model of at most {LARGEST_FILE >> 20} MB")
    if any(data.count(sign) > most for sign, most in _LARGEST_COUNTS.items()):
        raise UserError("expected [info, shapes, weights], got other JSON")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"expected JSON: {error}") from None


def decoded(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """Decode base64 text to float32 weights, as browser clients do.

    Raises:
      UserError: the string does not hold an array of this shape.
    """
    size = 2 * math.prod(shape)
    if len(text) != 4 * -(-size // 3):
        raise UserError(f"expected {size} bytes in base64 for weights {list(shape)}")
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError(f"expected base64 for weights {list(shape)}: {error}") from None
    if len(data) != size:
        raise UserError(f"expected {size} bytes for weights {list(shape)}, got {len(data)}")
    values = np.frombuffer(data, "<i2").reshape(shape)
    return (_LARGEST_WEIGHT * values / _LARGEST_INTEGER).astype(np.float32)


def write(path: str | Path, info: dict[str, Any], weights: Sequence[np.ndarray]) -> None:
    """Write a file, and warn about weights that it cannot hold.

    Raises:
      UserError: a weight is not finite.
      OSError: the file cannot be written.
    """
    shapes = [list(array.shape) for array in weights]
    content = [info, shapes, _encoded(weights)]
    files.write_text(path, json.dumps(content, separators=(",", ":")))


def _encoded(weights: Sequence[np.ndarray]) -> list[str]:
    """Encode the weights as text."""
    scaled = [
        np.round(weight.astype(np.float64) * _LARGEST_INTEGER / _LARGEST_WEIGHT)
        for weight in weights
    ]
    if not all(np.isfinite(values).all() for values in scaled):
        raise UserError("the model has weights that are not finite; export an earlier checkpoint")
    limits = np.iinfo(np.int16)
    clipped = [np.clip(values, limits.min, limits.max) for values in scaled]
    changed = sum(np.count_nonzero(a != b) for a, b in zip(scaled, clipped, strict=True))
    if changed:
        total = sum(values.size for values in scaled)
        warn(
            f"{changed} of {total} weights were clipped to +-{_LARGEST_WEIGHT:g}, the largest that "
            "the file can hold; check what the exported model draws"
        )
    return [base64.b64encode(values.astype("<i2").tobytes()).decode() for values in clipped]
