"""Pickled object arrays of numeric arrays, or of lists of numbers, without Python's unpickler.

A pickle is a program for a small stack machine whose words can call any function. The machine
here knows only the words that NumPy's object arrays are written with (Python 2 and 3, NumPy 1 and
2, protocols 0 to 5). It imports and calls nothing that the file names: the names it knows stand
for what `_CALLS` does with them. All else is refused, and so are sizes the file cannot hold.

Lists are refused too, unless asked for: they cost fifty times the bytes of the file that names
them. Those of a sketch become an array, and the memo forgets them, as soon as it is whole.
"""

import codecs
import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import IO, Any, Literal

import numpy as np

MAX_BYTES = 1 << 26  # of one array's data
MAX_LINE = 1 << 20  # of one line of protocol 0
_OPS_PER_ARRAY = 60  # what a hostile file may make of nothing between two arrays
_OPS_OF_LISTS = 6_000_000  # ... where lists are read: a thousand sketches of 800 points
_MOST_AHEAD = 10_000  # arrays that are made and not yet in the list; picklers add 1000 at once
_MAX_ROW = 16  # numbers of a list that is a row


Order = Literal["C", "F"]  # of an array's numbers: rows first, or columns


class Refused(Exception):
    """The pickle holds something other than an object array of numeric arrays."""


class NotAnArray(Refused):
    """The pickle may hold sketches, but as lists."""


class _Name:
    """A name that the file mentions; calling it means `_CALLS[name]`."""

    def __init__(self, name: str):
        self.name = name


class _Dtype:
    """A dtype being built; `value` is None for objects."""

    def __init__(self, code: Any):
        self.value = None if code in ("O", "O4", "O8") else numeric_dtype(code)

    def build(self, state: Any) -> None:
        named = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        order: Any = _text(named)  # one of the letters that NumPy's types name
        if order not in ("<", ">", "|", "=") or state[2] is not None:
            raise Refused("a dtype that is not a plain number")
        if self.value is not None:
            self.value = self.value.newbyteorder(order)


class _Array:
    """An array being built."""

    def __init__(self, value: np.ndarray | None = None):
        self.value = value

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("an array without data")
        _, shape, dtype, fortran, data = state
        self.value = _array(data, dtype, shape, "F" if fortran else "C")


class _Outer:
    """The list of all arrays; those that were handed on are only counted."""

    def __init__(self) -> None:
        self.items: list = []
        self.count = 0


def numeric_dtype(code: Any) -> np.dtype:
    """The dtype of a code such as `<i2`; Refused unless integers or floats of 1 to 8 bytes."""
    if not re.fullmatch(r"[<>|=]?([iu][1248]|f[248])", _text(code)):
        raise Refused(f"values of type {_text(code)[:40]!r}, expected integers or floats")
    return np.dtype(_text(code))


def read_object_array(
    file: IO[bytes], shape: tuple[int, ...], lists: bool = False
) -> Iterator[np.ndarray]:
    """Yields the sketches of a pickled object array.

    Args:
      file: what follows the array's header.
      shape: of the array: `[S]`, of S arrays; where `lists` are read also of S lists or tuples of
        rows of numbers, or `[S, n, k]`, of numbers.
      lists: whether Python's lists and numbers are read, int64 or float64.

    Raises:
      Refused: the pickle is cut short, or holds anything else.
    """
    return _Machine(file, shape, lists).run()


def check_end(file: IO[bytes]) -> None:
    """Raises Refused unless the file ends here; its checksum is then known to be right."""
    if file.read(1):
        raise Refused("more after its end")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if not isinstance(value, str):
        raise Refused("something that is no name")
    return value


def _array(data: Any, dtype: Any, shape: Any, order: Order) -> np.ndarray:
    if not isinstance(dtype, _Dtype) or dtype.value is None:
        raise Refused("objects that are not arrays of numbers")
    if not isinstance(data, (bytes, bytearray)):
        raise Refused("an array without data")
    if not isinstance(shape, tuple) or len(shape) > 8 or not all(_is_size(n) for n in shape):
        raise Refused("an array of no sensible shape")
    if math.prod(shape) * dtype.value.itemsize != len(data):
        raise Refused(f"an array of shape {list(shape)} in {len(data)} bytes")
    return np.frombuffer(data, dtype.value).reshape(shape, order=order)


def _numbers(values: Sequence[Any]) -> np.ndarray:
    """Numbers of Python's as int64 or float64."""
    if not set(map(type, values)) <= {int, float, bool}:
        raise Refused("something else than numbers in a list of numbers")
    try:
        array = np.array(values, np.float64 if float in set(map(type, values)) else np.int64)
    except OverflowError:
        raise Refused("a number that is too large") from None
    return array


def _from_rows(rows: Sequence[Any]) -> np.ndarray:
    """A sketch that is a list of rows; each a list, a tuple or an array of numbers."""
    rows = [row.value if isinstance(row, _Array) else row for row in rows]
    if not all(isinstance(row, list | tuple | np.ndarray) for row in rows):
        raise Refused("a list that is not one of rows")
    widths = sorted({np.size(row) if isinstance(row, np.ndarray) else len(row) for row in rows})
    if len(widths) > 1 or (widths and widths[0] > _MAX_ROW):
        raise Refused(f"a list of rows of {widths[0]} to {widths[-1]} numbers")
    rows = [row.ravel().tolist() if isinstance(row, np.ndarray) else row for row in rows]
    return _numbers(list(chain.from_iterable(rows))).reshape(len(rows), *widths)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40


def _reconstruct(cls: Any, shape: Any, typecode: Any) -> _Array:
    if not isinstance(cls, _Name) or cls.name != "numpy.ndarray":
        raise Refused("an array of an unknown class")
    return _Array()


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    return _Array(_array(data, dtype, shape, "F" if _text(order) == "F" else "C"))


def _scalar(dtype: Any, data: Any) -> int | float:
    return _array(data, dtype, (), "C").item()


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
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.dtype": lambda code, align=0, copy=1: _Dtype(_text(code)),
    "numpy.ndarray": None,  # named, never called
    "_codecs.encode": _encode,  # bytes as Python 3 writes them for Python 2
    "__builtin__.bytes": _empty_bytes,
    "builtins.bytes": _empty_bytes,
}


class _Machine:
    """The stack machine: one method for each word, found by the word's byte in `_WORDS`."""

    def __init__(self, file: IO[bytes], shape: tuple[int, ...], lists: bool):
        self.file, self.shape, self.lists = file, shape, lists
        self.count = math.prod(shape)
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.memoized = 0
        self.forgettable: list[int] = []  # places in the memo of lists
        self.numbers: list[np.ndarray] = []  # of a sketch of an array of numbers
        self.outer: _Outer | None = None
        self.budget = self.most_ops = _OPS_OF_LISTS if lists else 20 * _OPS_PER_ARRAY
        self.built = 0

    def run(self) -> Iterator[np.ndarray]:
        try:
            yield from self._run()
        except Refused as error:
            raise type(error)(f"{error}, at sketch {self.built}") from None

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
                yield from self._hand_on(self.outer)
        if self.outer is None or self.stack != [self.outer] or self.outer.count != self.count:
            found = self.outer.count if self.outer else 0
            raise Refused(f"{found} arrays where the header says {self.count}")
        check_end(self.file)

    def _hand_on(self, outer: _Outer) -> Iterator[np.ndarray]:
        items, outer.items = outer.items, []
        if len(self.shape) > 1:
            yield from self._cut(items)
        else:
            made: dict[int, _Array] = {}
            for number, item in enumerate(items, start=outer.count):
                if self.lists and isinstance(item, list | tuple):
                    self.built = number
                    item = made.setdefault(id(item), _Array(_from_rows(item)))
                if not isinstance(item, _Array) or item.value is None:
                    self.built = number  # the array's items may all have been built before
                    raise Refused("objects that are not arrays")
                yield item.value
            self._forget(made)
        outer.count += len(items)
        if self.lists:
            self.budget = self.most_ops

    def _cut(self, items: list) -> Iterator[np.ndarray]:
        """The sketches of an array of numbers that are whole with some more of them."""
        size = math.prod(self.shape[1:])
        if not 0 < 8 * size <= MAX_BYTES:
            raise Refused(f"an array of shape {list(self.shape)}")
        numbers = np.concatenate([*self.numbers, _numbers(items)])
        whole = len(numbers) - len(numbers) % size
        self.numbers = [numbers[whole:]]
        yield from numbers[:whole].reshape(-1, *self.shape[1:])
        self.built += whole // size

    def _forget(self, made: dict[int, _Array]) -> None:
        """Takes lists out of the memo, or puts the arrays that were made of them in their place."""
        for place in self.forgettable:
            value = self.memo.get(place)
            if id(value) in made:
                self.memo[place] = made[id(value)]
            elif isinstance(value, list | tuple):
                del self.memo[place]
        self.forgettable = []

    # Reading arguments

    def exactly(self, count: int) -> bytes:
        if not 0 <= count <= MAX_BYTES:
            raise Refused(f"an array of {count} bytes")
        data = self.file.read(count)
        if len(data) != count:
            raise Refused("the end of the file")
        return data

    def number(self, form: str) -> int:
        return struct.unpack(form, self.exactly(struct.calcsize(form)))[0]

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
        if self.lists and _is_of_sketch(value):
            self.forgettable.append(key)

    def memoize(self) -> None:
        self.put(self.memoized)
        self.memoized += 1

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
        if isinstance(target, _Array) and isinstance(state, tuple) and self._holds_outer(state):
            dtype, shape = state[2], state[1]
            if not isinstance(dtype, _Dtype) or dtype.value is not None or len(state) != 5:
                raise Refused("a list where numbers should be")
            if shape != self.shape:
                raise Refused(
                    f"an array of shape {list(shape)} where the header says {list(self.shape)}"
                )
            self.push(self.outer)
            return
        if not isinstance(target, (_Array, _Dtype)):
            raise Refused("a state for something that has none")
        target.build(state)
        self.push(target)
        self._count_array(target)

    def _holds_outer(self, state: tuple) -> bool:
        return self.outer is not None and any(item is self.outer for item in state[4:])

    def _count_array(self, value: Any) -> None:
        if isinstance(value, _Array) and value.value is not None:
            self.built += 1
            if self.built > _MOST_AHEAD + (self.outer.count if self.outer else 0):
                raise Refused("arrays that are in no list")
            self.budget = min(self.budget + _OPS_PER_ARRAY, self.most_ops)

    def decimal(self) -> float:
        text = self.line()
        if not re.fullmatch(rb"-?[\d.]{1,30}(e[-+]?\d{1,4})?|-?inf|nan", text):
            raise Refused("a number that is none")
        try:
            return float(text)
        except ValueError:
            raise Refused("a number that is none") from None

    def empty_list(self) -> None:
        if self.outer is None:
            self.outer = _Outer()
            self.push(self.outer)
        elif self.lists:
            self.push([])
        else:
            raise NotAnArray("lists or nested object arrays")

    def extend(self, items: list) -> None:
        target = self.stack[-1] if self.stack else None
        if target is not None and target is self.outer:
            self.outer.items.extend(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise Refused("more items for something that is no list")

    def mark_list(self) -> None:
        items = self.pop_mark()
        self.empty_list()
        self.extend(items)


def _is_of_sketch(value: Any) -> bool:
    """Whether it is a list, or a tuple that is a row or of rows, and not a shape or a state."""
    if isinstance(value, tuple) and len(value) > 2:
        return isinstance(value[0], int | float | list | tuple)
    return isinstance(value, list)


_Word = Callable[[_Machine], Any]  # of the pickle's language: what it does


def _pushes_bytes(form: str) -> _Word:
    return lambda m: m.push(m.exactly(m.number(form)))


def _pushes_text(form: str) -> _Word:
    return lambda m: m.push(m.exactly(m.number(form)).decode("utf-8", "surrogatepass"))


def _pushes_number(form: str) -> _Word:
    return lambda m: m.push(m.number(form))


_WORDS = {
    b"\x80": lambda m: m.exactly(1),  # PROTO
    b"\x95": lambda m: m.exactly(8),  # FRAME
    b"(": lambda m: m.marks.append(len(m.stack)),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": _pushes_number("<B"),
    b"M": _pushes_number("<H"),
    b"J": _pushes_number("<i"),
    b"\x8a": lambda m: m.push(int.from_bytes(m.exactly(m.number("<B")), "little", signed=True)),
    b"I": lambda m: m.push(m.integer()),
    b"L": lambda m: m.push(m.integer()),
    b"G": _pushes_number(">d"),
    b"F": lambda m: m.push(m.decimal()),
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
    b"\x94": _Machine.memoize,
    b"h": lambda m: m.get(m.number("<B")),
    b"j": lambda m: m.get(m.number("<I")),
    b"g": lambda m: m.get(m.integer()),
    b"c": lambda m: m.named(m.line(), m.line()),
    b"\x93": _Machine.stack_global,
    b"R": _Machine.reduce,
    b"b": _Machine.build,
}
