"""Pickled object arrays of numeric arrays, or of lists of numbers, without Python's unpickler.

A pickle is a program for a small stack machine whose opcodes can call any function. The stack
machine in this module knows only the opcodes with which NumPy's object arrays are written (Python 2
and 3, NumPy 1 and 2, protocols 0 to 5). It never imports or calls a function that is named in the
file; `CALLS` holds all known names, with what the stack machine does for each of them. Everything
else is refused, and so are sizes that the file cannot contain.

Lists are also refused unless the caller allows them: they take fifty times as much memory as their
bytes in the file. As soon as the lists of a sketch are complete, they are converted to an array and
removed from the memo, the pickle's table of values that later opcodes can refer to.
"""

import codecs
import math
import re
import struct
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np

from sketch_rnn.data.pickled import (
    CALLS,
    Array,
    Dtype,
    Name,
    NotAnArray,
    Refused,
    from_rows,
    numbers_of,
    text_of,
)

MAX_BYTES = 1 << 26  # in the data of one array
MAX_LINE = 1 << 20  # bytes in one line of protocol 0
_OPS_PER_ARRAY = 60  # opcodes per array; limits what a hostile file can do between two arrays
_OPS_OF_LISTS = 6_000_000  # the limit if lists are read: enough for 1000 sketches with 800 points
_MOST_AHEAD = 10_000  # arrays made but not yet in the list; picklers add 1000 at a time


class _OuterList:
    """The outermost list in a pickle: the items not yet yielded, and the number yielded."""

    def __init__(self) -> None:
        self.items: list = []
        self.count = 0


def read_object_array(
    file: IO[bytes], shape: tuple[int, ...], lists: bool = False
) -> Iterator[np.ndarray]:
    """Yield the sketches of a pickled object array.

    Args:
      file: the file, positioned after the array's header.
      shape: the shape of the object array. It is `[S]` if each element is a sketch, and `[S, n, k]`
        if each element is a number.
      lists: whether an element may also be a number, or a sketch given as a list or tuple of rows;
        numbers become int64 or float64.

    Raises:
      Refused: the pickle is cut short, or contains something other than an array of sketches.
    """
    return _Machine(file, shape, lists).run()


def check_end(file: IO[bytes]) -> None:
    """Raise Refused unless the file ends here; reading to the end also verifies its checksum."""
    if file.read(1):
        raise Refused("more data after the end of its array")


class _Machine:
    """The stack machine: `_WORDS` maps each opcode to the method that runs it."""

    def __init__(self, file: IO[bytes], shape: tuple[int, ...], lists: bool):
        self.file, self.shape, self.lists = file, shape, lists
        self.count = math.prod(shape)
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}  # values that later opcodes can refer to
        self.memoized = 0
        self.forgettable: list[int] = []  # keys of lists in `memo`
        self.numbers: list[np.ndarray] = []  # the incomplete last sketch in an array of numbers
        self.outer: _OuterList | None = None
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
                raise Refused("a pickle of something other than arrays")
            word = words.get(op)
            if word is None:
                raise Refused(
                    f"something else (pickle opcode {op!r})" if op else "the end of the file"
                )
            word(self)
            if self.outer and self.outer.items:
                yield from self._yield_items(self.outer)
        if self.outer is None or self.stack != [self.outer] or self.outer.count != self.count:
            found = self.outer.count if self.outer else 0
            raise Refused(f"{found} arrays where the header says {self.count}")
        check_end(self.file)

    def _yield_items(self, outer: _OuterList) -> Iterator[np.ndarray]:
        items, outer.items = outer.items, []
        if len(self.shape) > 1:
            yield from self._add_numbers(items)
        else:
            made: dict[int, Array] = {}
            for number, item in enumerate(items, start=outer.count):
                if self.lists and isinstance(item, list | tuple):
                    self.built = number
                    item = made.setdefault(id(item), Array(from_rows(item)))
                if not isinstance(item, Array) or item.value is None:
                    self.built = number  # for the message: all items may already have been built
                    raise Refused("objects that are not arrays")
                yield item.value
            self._forget(made)
        outer.count += len(items)
        if self.lists:
            self.budget = self.most_ops

    def _add_numbers(self, items: list) -> Iterator[np.ndarray]:
        """Add numbers to the incomplete last sketch; yield the sketches that are now complete."""
        size = math.prod(self.shape[1:])
        if not 0 < 8 * size <= MAX_BYTES:
            raise Refused(f"an array of shape {list(self.shape)}")
        numbers = np.concatenate([*self.numbers, numbers_of(items)])
        whole = len(numbers) - len(numbers) % size
        self.numbers = [numbers[whole:]]
        yield from numbers[:whole].reshape(-1, *self.shape[1:])
        self.built += whole // size

    def _forget(self, made: dict[int, Array]) -> None:
        """Remove each list from the stored values, or replace it with the array made from it."""
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
            raise Refused("a pickle that takes a value from an empty stack")
        return self.stack.pop()

    def pop_mark(self) -> list:
        if not self.marks:
            raise Refused("a pickle that uses a mark which it has not set")
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
            raise Refused("a pickle that refers to a value which it has not stored")
        self.push(self.memo[key])

    # Opcodes that do more

    def integer(self) -> int:
        text = self.line()
        if not re.fullmatch(rb"-?\d{1,19}L?", text):
            raise Refused("a malformed number")
        return int(text.rstrip(b"L"))

    def string(self) -> None:
        text = self.line().strip()
        if len(text) < 2 or text[0] != text[-1] or text[:1] not in b"'\"":
            raise Refused("text without quotes")
        self.push(codecs.escape_decode(text[1:-1])[0])

    def named(self, module: Any, name: Any) -> None:
        name = f"{text_of(module)}.{text_of(name)}"
        if name not in CALLS:
            raise Refused(f"a call of {name[:80]!r}")
        self.push(Name(name))

    def stack_global(self) -> None:
        name = self.pop()
        self.named(self.pop(), name)

    def reduce(self) -> None:
        args, name = self.pop(), self.pop()
        call = CALLS.get(name.name) if isinstance(name, Name) else None
        if call is None or not isinstance(args, tuple):
            raise Refused("a call of something that cannot be called")
        try:
            result = call(*args)
        except TypeError:
            raise Refused(f"a call of {name.name} with wrong arguments") from None
        self.push(result)
        self._count_array(result)

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        if isinstance(target, Array) and isinstance(state, tuple) and self._holds_outer(state):
            dtype, shape = state[2], state[1]
            if not isinstance(dtype, Dtype) or dtype.value is not None or len(state) != 5:
                raise Refused("a list where numbers should be")
            if shape != self.shape:
                raise Refused(
                    f"an array of shape {list(shape)} where the header says {list(self.shape)}"
                )
            self.push(self.outer)
            return
        if not isinstance(target, (Array, Dtype)):
            raise Refused("a pickle that sets the state of an object that is not an array")
        target.build(state)
        self.push(target)
        self._count_array(target)

    def _holds_outer(self, state: tuple) -> bool:
        return self.outer is not None and any(item is self.outer for item in state[4:])

    def _count_array(self, value: Any) -> None:
        if isinstance(value, Array) and value.value is not None:
            self.built += 1
            if self.built > _MOST_AHEAD + (self.outer.count if self.outer else 0):
                raise Refused("arrays outside the list of sketches")
            self.budget = min(self.budget + _OPS_PER_ARRAY, self.most_ops)

    def decimal(self) -> float:
        text = self.line()
        if not re.fullmatch(rb"-?[\d.]{1,30}(e[-+]?\d{1,4})?|-?inf|nan", text):
            raise Refused("a malformed number")
        try:
            return float(text)
        except ValueError:
            raise Refused("a malformed number") from None

    def empty_list(self) -> None:
        if self.outer is None:
            self.outer = _OuterList()
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
            raise Refused("a pickle that adds items to an object that is not a list")

    def mark_list(self) -> None:
        items = self.pop_mark()
        self.empty_list()
        self.extend(items)


def _is_of_sketch(value: Any) -> bool:
    """Return whether a value can be part of a sketch: a list, or a tuple of numbers or points.

    Any other tuple is the shape of an array, or the state from which a pickle restores an array.
    """
    if isinstance(value, tuple) and len(value) > 2:
        return isinstance(value[0], int | float | list | tuple)
    return isinstance(value, list)


_Word = Callable[[_Machine], Any]  # runs one opcode


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
