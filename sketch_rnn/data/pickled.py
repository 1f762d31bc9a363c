"""The objects that a pickle of arrays may name: dtypes, arrays, numbers and rows of numbers.

Python's unpickler is not used here: each function checks the data from the file, and never calls a
function that is named in the file. `unpickle.py` contains the machine that runs the pickle's
opcodes.
"""

import math
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np

_MAX_ROW = 16  # the most numbers in a list that counts as a row

Order = Literal["C", "F"]  # the order of an array's numbers: row by row, or column by column


class Refused(Exception):
    """Raised if a pickle contains something other than an object array of numeric arrays."""


class NotAnArray(Refused):
    """Raised if a pickle seems to contain sketches that are lists rather than arrays."""


class Name:
    """The name of a function or class in the file, which is never imported.

    Where the pickle calls the function or class, `CALLS[name]` is called instead.
    """

    def __init__(self, name: str):
        self.name = name


class Dtype:
    """A dtype that is being built; its `value` is None if it is the dtype of Python objects."""

    def __init__(self, code: Any):
        self.value = None if code in ("O", "O4", "O8") else numeric_dtype(code)

    def build(self, state: Any) -> None:
        named = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        order: Any = text_of(named)  # a byte order, as one of NumPy's characters
        if order not in ("<", ">", "|", "=") or state[2] is not None:
            raise Refused("a dtype that is not a plain number")
        if self.value is not None:
            self.value = self.value.newbyteorder(order)


class Array:
    """An array that is being built."""

    def __init__(self, value: np.ndarray | None = None):
        self.value = value

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("an array without data")
        _, shape, dtype, fortran, data = state
        self.value = _array(data, dtype, shape, "F" if fortran else "C")


def numeric_dtype(code: Any) -> np.dtype:
    """Return the dtype for a code such as `<i2`.

    Raises:
      Refused: the code is not that of an integer or float type of 1 to 8 bytes.
    """
    if not re.fullmatch(r"[<>|=]?([iu][1248]|f[248])", text_of(code)):
        raise Refused(f"values of type {text_of(code)[:40]!r}, expected integers or floats")
    return np.dtype(text_of(code))


def text_of(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if not isinstance(value, str):
        raise Refused("a value that should be text and is not")
    return value


def _array(data: Any, dtype: Any, shape: Any, order: Order) -> np.ndarray:
    if not isinstance(dtype, Dtype) or dtype.value is None:
        raise Refused("objects that are not arrays of numbers")
    if not isinstance(data, (bytes, bytearray)):
        raise Refused("an array without data")
    if not isinstance(shape, tuple) or len(shape) > 8 or not all(_is_size(n) for n in shape):
        raise Refused("an array of impossible shape, expected a tuple of at most 8 whole numbers")
    wanted = math.prod(shape) * dtype.value.itemsize
    if wanted != len(data):
        raise Refused(
            f"{len(data)} bytes of data for an array of shape {list(shape)}, which takes {wanted}"
        )
    return np.frombuffer(data, dtype.value).reshape(shape, order=order)


def numbers_of(values: Sequence[Any]) -> np.ndarray:
    """Convert Python numbers to an array, int64 or float64."""
    if not set(map(type, values)) <= {int, float, bool}:
        raise Refused("something other than numbers in a list of numbers")
    try:
        array = np.array(values, np.float64 if float in set(map(type, values)) else np.int64)
    except OverflowError:
        raise Refused("a number that is too large") from None
    return array


def from_rows(rows: Sequence[Any]) -> np.ndarray:
    """Convert a list of rows to a sketch; each row is a list, a tuple or an array of numbers."""
    rows = [row.value if isinstance(row, Array) else row for row in rows]
    if not all(isinstance(row, list | tuple | np.ndarray) for row in rows):
        raise Refused("a list that does not hold rows")
    widths = sorted({np.size(row) if isinstance(row, np.ndarray) else len(row) for row in rows})
    if len(widths) > 1 or (widths and widths[0] > _MAX_ROW):
        raise Refused(f"a list of rows of {widths[0]} to {widths[-1]} numbers")
    rows = [row.ravel().tolist() if isinstance(row, np.ndarray) else row for row in rows]
    return numbers_of(list(chain.from_iterable(rows))).reshape(len(rows), *widths)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40


def _reconstruct(cls: Any, shape: Any, typecode: Any) -> Array:
    if not isinstance(cls, Name) or cls.name != "numpy.ndarray":
        raise Refused("an array of an unknown class")
    return Array()


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    return Array(_array(data, dtype, shape, "F" if text_of(order) == "F" else "C"))


def _scalar(dtype: Any, data: Any) -> int | float:
    return _array(data, dtype, (), "C").item()


def _encode(text: Any, encoding: Any) -> bytes:
    if text_of(encoding) != "latin1":
        raise Refused(f"text encoded as {text_of(encoding)[:40]!r}")
    return text_of(text).encode("latin1")


def _empty_bytes() -> bytes:
    return b""


CALLS = {
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.core.numeric._frombuffer": _frombuffer,
    "numpy._core.numeric._frombuffer": _frombuffer,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.dtype": lambda code, align=0, copy=1: Dtype(text_of(code)),
    "numpy.ndarray": None,  # named, never called
    "_codecs.encode": _encode,  # bytes as Python 3 writes them for Python 2
    "__builtin__.bytes": _empty_bytes,
    "builtins.bytes": _empty_bytes,
}
