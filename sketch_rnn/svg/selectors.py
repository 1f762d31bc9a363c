"""Match CSS selectors with cssselect2, and limit the work that matching takes.

To test one element, cssselect2 may have to test all its ancestors and siblings. Every element
tested is counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from xml.etree.ElementTree import Element

import cssselect2
import tinycss2

from sketch_rnn.errors import UserError
from sketch_rnn.svg import values
from sketch_rnn.svg.xml import attribute_size

MAX_SELECTOR = 4000  # characters between two commas; longer selectors are not understood
MAX_TESTS = 500_000  # tests of an element against a part of a selector, in one file
MAX_CLASSES = 1000  # characters in an element's `class`; any further ones are ignored
COMPILED = 150  # cost of compiling a selector; the unit is one test
WRAPPED = 4  # cost of finding a child; the unit is one test
TESTED = 40  # characters in a selector that cost as much as one test
READ = 100  # characters in attributes that cost as much as one test

# errors that cssselect2 raises, and that Python raises for deeply nested selectors
_REFUSALS = (
    ArithmeticError,
    AttributeError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)

Selectors = list[tuple[Any, int]]  # compiled by cssselect2, each with the cost of one test


class Matcher:
    """Find the selectors that match an element; each selector carries a payload for the caller.

    All methods raise UserError if there are too many selectors to try.
    """

    def __init__(self, root: Element):
        self._root, self._work = root, _Work()
        self._library = _Library(self._work)

    def compiled(self, text: str, namespaces: Mapping[str | None, str]) -> Selectors:
        """Compile a comma-separated list of selectors; raise ValueError if it is not understood."""
        tokens = tinycss2.parse_component_value_list(text, skip_comments=True)
        lengths = [len(values.serialized(part)) for part in values.parts(tokens)]
        if max(lengths) > MAX_SELECTOR:
            raise ValueError("a selector that is too long")
        self._work.spend(sum(COMPILED + 2 * length for length in lengths))
        try:
            found = cssselect2.compile_selector_list(tokens, namespaces)
        except _REFUSALS as error:
            raise ValueError(f"not a selector ({type(error).__name__})") from None
        costs = [1 + length // TESTED for length in lengths]
        return list(zip(found, costs, strict=True))

    def add(self, selectors: Selectors, payload: object) -> None:
        """Add selectors; `match` returns `payload` with each of them that matches an element."""
        for selector, cost in selectors:
            if selector.pseudo_element is None:
                self._library.add_selector(selector, (payload, cost))

    def match(self, element: Element) -> list[tuple[tuple[int, int, int], int, Any]]:
        """Return the specificity, order, and payload of each selector that matches an element."""
        if not self._library.order:
            return []
        found = self._library.match(self._elements[element])
        return [(specificity, number, payload) for specificity, number, _, (payload, _) in found]

    @cached_property
    def _elements(self) -> dict[Element, "_Element"]:
        kind: Any = type("_Element", (_Element,), {"work": self._work})
        top, self._work.weight = kind.from_xml_root(self._root), 1
        return {wrapped.etree_element: wrapped for wrapped in top.iter_subtree()}


class _Work:
    """The amount of work that matching a file's selectors may still take.

    Attributes:
      weight: how much one test of an element adds to the work; longer selectors weigh more.
    """

    def __init__(self) -> None:
        self.left, self.weight = MAX_TESTS, 1

    def spend(self, looks: int) -> None:
        self.left -= looks * self.weight
        if self.left < 0:
            raise UserError("its style sheet has too many rules, or it has too many elements")


class _Library(cssselect2.Matcher):
    """The matcher of cssselect2, which also counts the selectors that it tests."""

    def __init__(self, work: _Work):
        super().__init__()
        self._work = work

    def add_relevant_selectors(
        self, element: Any, selectors: Any, relevant_selectors: list[Any]
    ) -> None:
        for test, specificity, number, pseudo, payload in selectors:
            self._work.weight = payload[1]
            self._work.spend(element.cost)
            if test(element):
                relevant_selectors.append((specificity, number, pseudo, payload))


class _Element(cssselect2.ElementWrapper):
    """An element in the form that cssselect2 reads; each access to another element is counted."""

    work: _Work

    @cached_property
    def cost(self) -> int:
        """The cost of accessing this element, in units of one selector test."""
        return 1 + attribute_size(self.etree_element.attrib) // READ

    @cached_property
    def classes(self) -> set[str]:
        return set(self.etree_element.get("class", "")[:MAX_CLASSES].split())

    @property
    def ancestors(self) -> Iterator["_Element"]:
        return self._along("parent")

    @property
    def previous_siblings(self) -> Iterator["_Element"]:
        return self._along("previous")

    def _along(self, name: str) -> Iterator["_Element"]:
        element = getattr(self, name)
        while element is not None:
            self.work.spend(element.cost)
            yield element
            element = getattr(element, name)

    def iter_children(self) -> Iterator["_Element"]:
        for child in super().iter_children():
            self.work.spend(WRAPPED * child.cost)
            yield child

    @cached_property
    def etree_children(self) -> "_Children":
        return _Children(self.work, super().etree_children)


class _Children(list):
    """An element's children; each access to a child is counted."""

    def __init__(self, work: _Work, children: Sequence[Element]):
        super().__init__(children)
        self._work = work

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self._work.spend(len(found) if isinstance(key, slice) else 1)
        return found

    def __iter__(self) -> Iterator[Any]:
        self._work.spend(len(self))
        return super().__iter__()
