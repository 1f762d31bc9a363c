"""Pickled object arrays of numeric arrays, read without Python's own unpickler.

A pickle is a program for a small stack machine whose words can call any function. The machine
here knows only the words that NumPy's object arrays are written with (Python 2 and 3, NumPy 1 and
2, protocols 0 to 5). It imports and calls nothing that the file names: the names it knows stand
for what `_CALLS` does with them. All else is refused, and so are sizes the file cannot hold.
"""

import codecs
import math
import re
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

MAX_BYTES = 1 << 26  # of one array's data
MAX_LINE = 1 << 20  # of one line of protocol 0
_OPS_PER_ARRAY = 60  # what a hostile file may make of nothing between two arrays
_MOST_AHEAD = 10_000  # arrays that are made and not yet in the list; picklers add 1000 at once


class Refused(Exception):
    """The pickle holds something other than an object array of numeric arrays."""


class _Name:
    """A name that the file mentions; calling it means `_CALLS[name]`."""

    def __init__(self, name: str):
        self.name = name


class _Dtype:
    """A dtype being built; `value` is None for objects."""

    def __init__(self, code: Any):
        self.value = None if code in ("O", "O4", "O8") else numeric_dtype(code)

    def build(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if _text(order) not in ("<", ">", "|", "=") or state[2] is not None:
            raise Refused("a dtype that is not a plain number")
        if self.value is not None:
            self.value = self.value.newbyteorder(_text(order))


class _Array:
    """An array being built."""

    value: np.ndarray | None = None

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("an array without data")
        _, shape, dtype, fortran, data = state
        self.value = _array(data, dtype, shape, "F" if fortran else "C")


class _Outer:
    """The list of all arrays; those that were handed on are only counted."""

    def __init__(self):
        self.items: list = []
        self.count = 0


def numeric_dtype(code: Any) -> np.dtype:
    """The dtype of a code such as `<i2`; Refused unless integers or floats of 1 to 8 bytes."""
    if not re.fullmatch(r"[<>|=]?([iu][1248]|f[248])", _text(code)):
        raise Refused(f"values of type {_text(code)[:40]!r}, expected integers or floats")
    return np.dtype(_text(code))


def read_object_array(file: BinaryIO, count: int) -> Iterator[np.ndarray]:
    """Yields the arrays of a pickled one-dimensional object array of `count` arrays.

    Raises:
      Refused: the pickle is cut short, or holds anything else.
    """
    return _Machine(file, count).run()


def check_end(file: BinaryIO) -> None:
    """Raises Refused unless the file ends here; its checksum is then known to be right."""
    if file.read(1):
        raise Refused("more after its end")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if not isinstance(value, str):
        raise Refused("something that is no name")
    return value


def _array(data: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    if not isinstance(dtype, _Dtype) or dtype.value is None:
        raise Refused("objects that are not arrays of numbers")
    if not isinstance(data, (bytes, bytearray)):
        raise Refused("an array without data")
    if not isinstance(shape, tuple) or len(shape) > 8 or not all(_is_size(n) for n in shape):
        raise Refused("an array of no sensible shape")
    if math.prod(shape) * dtype.value.itemsize != len(data):
        raise Refused(f"an array of shape {shape} in {len(data)} bytes")
    return np.frombuffer(data, dtype.value).reshape(shape, order=order)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40


def _reconstruct(cls: Any, shape: Any, typecode: Any) -> _Array:
    if not isinstance(cls, _Name) or cls.name != "numpy.ndarray":
        raise Refused("an array of an unknown class")
    return _Array()


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    array = _Array()
    array.value = _array(data, dtype, shape, "F" if _text(order) == "F" else "C")
    return array


def _encode(text: Any, encoding: Any) -> bytes:
    if _text(encoding) != "latin1":
        raise Refused(f"text encoded as {_text(encoding)[:40]!r}")
    return _text(text).encode("latin1")


def _empty_bytes() -> bytes:
    return b""


_CALLS = {
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.core.numeric._frombuffer": _frombuffer,
    "numpy._core.numeric._frombuffer": _frombuffer,
    "numpy.dtype": lambda code, align=0, copy=1: _Dtype(_text(code)),
    "numpy.ndarray": None,  # named, never called
    "_codecs.encode": _encode,  # bytes as Python 3 writes them for Python 2
    "__builtin__.bytes": _empty_bytes,
    "builtins.bytes": _empty_bytes,
}


class _Machine:
    """The stack machine: one method for each word, found by the word's byte in `_WORDS`."""

    def __init__(self, file: BinaryIO, count: int):
        self.file, self.count = file, count
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.outer: _Outer | None = None
        self.budget = 20 * _OPS_PER_ARRAY
        self.built = 0

    def run(self) -> Iterator[np.ndarray]:
        try:
            yield from self._run()
        except Refused as error:
            raise Refused(f"{error}, at sketch {self.built}") from None

    def _run(self) -> Iterator[np.ndarray]:
        read, words = self.file.read, _WORDS
        while (op := read(1)) != b".":
            self.budget -= 1
            if self.budget < 0:
                raise Refused("a pickle of something else")
            word = words.get(op)
            if word is None:
                raise Refused(
                    f"something else (pickle opcode {op!r})" if op else "the end of the file"
                )
            word(self)
            if self.outer and self.outer.items:
                yield from self._hand_on()
        if self.outer is None or self.stack != [self.outer] or self.outer.count != self.count:
            found = self.outer.count if self.outer else 0
            raise Refused(f"{found} arrays where the header says {self.count}")
        check_end(self.file)

    def _hand_on(self) -> Iterator[np.ndarray]:
        for number, item in enumerate(self.outer.items, start=self.outer.count):
            if not isinstance(item, _Array) or item.value is None:
                self.built = number  # the array's items may all have been built before
                raise Refused("objects that are not arrays")
            yield item.value
        self.outer.count += len(self.outer.items)
        self.outer.items = []

    # Reading arguments

    def bytes(self, count: int) -> bytes:
        if not 0 <= count <= MAX_BYTES:
            raise Refused(f"an array of {count} bytes")
        data = self.file.read(count)
        if len(data) != count:
            raise Refused("the end of the file")
        return data

    def number(self, form: str) -> int:
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        line = self.file.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise Refused("a line without an end")
        return line[:-1]

    # The stack

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Refused("a stack that is empty")
        return self.stack.pop()

    def pop_mark(self) -> list:
        if not self.marks:
            raise Refused("a stack without a mark")
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def pop_tuple(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def put(self, key: int) -> None:
        value = self.pop()
        self.push(value)
        self.memo[key] = value

    def get(self, key: int) -> None:
        if key not in self.memo:
            raise Refused("a value that was not there")
        self.push(self.memo[key])

    # Words with more to them

    def integer(self) -> int:
        text = self.line()
        if not re.fullmatch(rb"-?\d{1,19}L?", text):
            raise Refused("a number that is none")
        return int(text.rstrip(b"L"))

    def string(self) -> None:
        text = self.line().strip()
        if len(text) < 2 or text[0] != text[-1] or text[:1] not in b"'\"":
            raise Refused("text without quotes")
        self.push(codecs.escape_decode(text[1:-1])[0])

    def named(self, module: Any, name: Any) -> None:
        name = f"{_text(module)}.{_text(name)}"
        if name not in _CALLS:
            raise Refused(f"a call of {name[:80]!r}")
        self.push(_Name(name))

    def stack_global(self) -> None:
        name = self.pop()
        self.named(self.pop(), name)

    def reduce(self) -> None:
        args, name = self.pop(), self.pop()
        call = _CALLS.get(name.name) if isinstance(name, _Name) else None
        if call is None or not isinstance(args, tuple):
            raise Refused("a call of something that cannot be called")
        try:
            result = call(*args)
        except TypeError:
            raise Refused(f"a wrong call of {name.name}") from None
        self.push(result)
        self._count_array(result)

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        if isinstance(target, _Array) and isinstance(state, tuple) and self.outer in state[4:]:
            dtype, shape = state[2], state[1]
            if not isinstance(dtype, _Dtype) or dtype.value is not None or len(state) != 5:
                raise Refused("a list where numbers should be")
            if shape != (self.count,):
                raise Refused(f"an array of shape {shape} where the header says {self.count}")
            self.push(self.outer)
            return
        if not isinstance(target, (_Array, _Dtype)):
            raise Refused("a state for something that has none")
        target.build(state)
        self.push(target)
        self._count_array(target)

    def _count_array(self, value: Any) -> None:
        if isinstance(value, _Array) and value.value is not None:
            self.built += 1
            if self.built > _MOST_AHEAD + (self.outer.count if self.outer else 0):
                raise Refused("arrays that are in no list")
            self.budget = min(self.budget + _OPS_PER_ARRAY, 20 * _OPS_PER_ARRAY)

    def empty_list(self) -> None:
        if self.outer is not None:
            raise Refused("lists or nested object arrays")
        self.outer = _Outer()
        self.push(self.outer)

    def extend(self, items: list) -> None:
        if not self.stack or self.stack[-1] is not self.outer:
            raise Refused("lists that are not the outer one")
        self.outer.items.extend(items)

    def mark_list(self) -> None:
        items = self.pop_mark()
        self.empty_list()
        self.extend(items)


def _pushes_bytes(form: str):
    return lambda m: m.push(m.bytes(m.number(form)))


def _pushes_text(form: str):
    return lambda m: m.push(m.bytes(m.number(form)).decode("utf-8", "surrogatepass"))


def _pushes_number(form: str):
    return lambda m: m.push(m.number(form))


_WORDS = {
    b"\x80": lambda m: m.bytes(1),  # PROTO
    b"\x95": lambda m: m.bytes(8),  # FRAME
    b"(": lambda m: m.marks.append(len(m.stack)),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": _pushes_number("<B"),
    b"M": _pushes_number("<H"),
    b"J": _pushes_number("<i"),
    b"\x8a": lambda m: m.push(int.from_bytes(m.bytes(m.number("<B")), "little", signed=True)),
    b"I": lambda m: m.push(m.integer()),
    b"L": lambda m: m.push(m.integer()),
    b"U": _pushes_bytes("<B"),  # strings of Python 2 are bytes
    b"T": _pushes_bytes("<i"),
    b"C": _pushes_bytes("<B"),
    b"B": _pushes_bytes("<I"),
    b"\x8e": _pushes_bytes("<Q"),
    b"\x96": _pushes_bytes("<Q"),  # a bytearray
    b"S": _Machine.string,
    b"\x8c": _pushes_text("<B"),
    b"X": _pushes_text("<I"),
    b"\x8d": _pushes_text("<Q"),
    b"V": lambda m: m.push(m.line().decode("raw-unicode-escape")),
    b")": lambda m: m.push(()),
    b"\x85": lambda m: m.pop_tuple(1),
    b"\x86": lambda m: m.pop_tuple(2),
    b"\x87": lambda m: m.pop_tuple(3),
    b"t": lambda m: m.push(tuple(m.pop_mark())),
    b"]": _Machine.empty_list,
    b"l": _Machine.mark_list,
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.pop_mark()),
    b"q": lambda m: m.put(m.number("<B")),
    b"r": lambda m: m.put(m.number("<I")),
    b"p": lambda m: m.put(m.integer()),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"h": lambda m: m.get(m.number("<B")),
    b"j": lambda m: m.get(m.number("<I")),
    b"g": lambda m: m.get(m.integer()),
    b"c": lambda m: m.named(m.line(), m.line()),
    b"\x93": _Machine.stack_global,
    b"R": _Machine.reduce,
    b"b": _Machine.build,
}
