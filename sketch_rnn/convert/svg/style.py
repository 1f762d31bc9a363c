"""Which properties the style sheets inside of an SVG file give to its elements.

Selectors are understood of names, classes, ids and attributes, also inside one another (`g path`,
`g > path`); specificity, order and `!important` decide (https://www.w3.org/TR/CSS22/cascade.html).
Rules of other selectors, such as pseudo-classes, and at-rules do not count.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from xml.etree.ElementTree import Element

import tinycss2

from sketch_rnn.errors import UserError

MAX_SHEET = 512 << 10  # characters; what follows does not count
MAX_DECLARATIONS = 4000  # characters of one element's or rule's; likewise
MAX_CLASSES = 1000  # characters of an element's `class`; likewise
MAX_COMPOUNDS = 16  # of a selector; one with more does not count
MAX_TESTS = 500_000  # of an element against a part of a selector, in one file

INHERITED = (
    "color",
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-opacity",
    "stroke-width",
    "visibility",
)
_PROPERTIES = (*INHERITED, "display", "opacity", "transform", "transform-origin")


@dataclass(frozen=True)
class _Compound:
    """What one element has to be, such as `path.thin[id]`; "" is any name."""

    name: str = ""
    id: str = ""
    classes: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str | None], ...] = ()  # None: any value

    def fits(self, element: Element) -> bool:
        return (
            self.name in ("", element.tag)
            and self.id in ("", element.get("id"))
            and self.classes.issubset(_classes(element))
            and all(
                element.get(name) == value if value is not None else name in element.attrib
                for name, value in self.attributes
            )
        )


def _classes(element: Element) -> set[str]:
    return set(element.get("class", "")[:MAX_CLASSES].split())


@dataclass(frozen=True)
class _Rule:
    """A selector and its declarations.

    compounds: from the outermost to the element itself. children: for each but the last, whether
    the next has to be its child and not just inside of it.
    """

    compounds: tuple[_Compound, ...]
    children: tuple[bool, ...]
    number: int
    normal: Mapping[str, str]
    important: Mapping[str, str]
    weight: tuple[int, int, int, int] = field(init=False)

    def __post_init__(self):
        ids = sum(bool(c.id) for c in self.compounds)
        classes = sum(len(c.classes) + len(c.attributes) for c in self.compounds)
        names = sum(bool(c.name) for c in self.compounds)
        object.__setattr__(self, "weight", (ids, classes, names, self.number))

    def key(self) -> str:
        """A name, `.class` or `#id` that every element has that it selects; "" if there is none."""
        last = self.compounds[-1]
        if last.id:
            return f"#{last.id}"
        return f".{min(last.classes)}" if last.classes else last.name


class Styles:
    """The properties of a file's elements."""

    def __init__(self, root: Element):
        sheet = "\n".join(e.text or "" for e in root.iter("style"))[:MAX_SHEET]
        self._rules: dict[str, list[_Rule]] = defaultdict(list)
        for rule in _parse(sheet):
            self._rules[rule.key()].append(rule)
        self._parents = {c: p for p in root.iter() for c in p} if self._rules else {}
        self._tests = 0

    def of(self, element: Element) -> dict[str, str]:
        """An element's own properties: attributes, then the sheets' rules, then its `style`.

        Raises:
          UserError: the rules are too many to be tried.
        """
        style = {k: element.get(k).strip() for k in _PROPERTIES if element.get(k)}
        rules = self._rules_for(element) if self._rules else []
        normal, important = _declarations(element.get("style", ""))
        for rule in rules:
            style.update(rule.normal)
        style.update(normal)
        for rule in rules:
            style.update(rule.important)
        style.update(important)
        return style

    def _rules_for(self, element: Element) -> list[_Rule]:
        """The rules that select an element, the weightiest last."""
        keys = ["", element.tag, f"#{element.get('id')}"]
        keys += [f".{name}" for name in _classes(element)]
        path = [element]
        while path[-1] in self._parents:
            path.append(self._parents[path[-1]])
        rules = [r for key in keys for r in self._rules.get(key, ()) if self._selects(r, path)]
        return sorted(rules, key=lambda rule: rule.weight)

    def _selects(self, rule: _Rule, path: Sequence[Element]) -> bool:
        """Whether a rule selects the first element of a path to the root."""
        places = self._fitting(rule.compounds[-1], path, [0])
        for compound, child in zip(rule.compounds[-2::-1], rule.children[::-1], strict=True):
            if not places:
                return False
            above = [p + 1 for p in places] if child else range(min(places) + 1, len(path))
            places = self._fitting(compound, path, [p for p in above if p < len(path)])
        return bool(places)

    def _fitting(
        self, compound: _Compound, path: Sequence[Element], places: Sequence[int]
    ) -> list[int]:
        self._tests += len(places)
        if self._tests > MAX_TESTS:
            raise UserError("its style sheet has too many rules for its elements")
        return [place for place in places if compound.fits(path[place])]


def _parse(sheet: str) -> Iterator[_Rule]:
    if not sheet.strip():
        return
    number = count()
    for rule in tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule":
            continue
        normal, important = _declarations(_serialized(rule.content))
        if not normal and not important:
            continue
        for tokens in _alternatives(rule.prelude):
            try:
                compounds, children = _selector(tokens)
            except ValueError:
                continue
            yield _Rule(compounds, children, next(number), normal, important)


def _alternatives(prelude: Sequence) -> Iterator[list]:
    """The tokens between commas, without comments and outer space."""
    tokens = []
    for token in [*prelude, None]:
        if token is None or token == ",":
            while tokens and tokens[-1].type == "whitespace":
                tokens.pop()
            yield tokens
            tokens = []
        elif token.type != "comment" and (tokens or token.type != "whitespace"):
            tokens.append(token)


def _selector(tokens: Sequence) -> tuple[tuple[_Compound, ...], tuple[bool, ...]]:
    """The compounds and combinators of a selector; ValueError for one that is not understood."""
    groups, children = [[]], []
    for token in tokens:
        if token.type == "whitespace" or token == ">":
            if groups[-1]:
                groups.append([])
                children.append(False)
            if not children:
                raise ValueError("a selector that begins with a combinator")
            if token == ">":
                children[-1] = True
        else:
            groups[-1].append(token)
    if len(groups) > MAX_COMPOUNDS:
        raise ValueError("a selector that is too long")
    return tuple(map(_compound, groups)), tuple(children)


def _compound(tokens: Sequence) -> _Compound:
    name, identifier, classes, attributes = "", "", set(), []
    tokens = list(tokens)
    if not tokens:
        raise ValueError("nothing between two combinators")
    if tokens[0].type == "ident":
        name = tokens.pop(0).value
    elif tokens[0] == "*":
        tokens.pop(0)
    while tokens:
        token = tokens.pop(0)
        if token.type == "hash":
            identifier = token.value
        elif token == "." and tokens and tokens[0].type == "ident":
            classes.add(tokens.pop(0).value)
        elif token.type == "[] block":
            attributes.append(_attribute(token.content))
        else:
            raise ValueError(f"a selector with {token.type}")
    return _Compound(name, identifier, frozenset(classes), tuple(attributes))


def _attribute(tokens: Sequence) -> tuple[str, str | None]:
    tokens = [token for token in tokens if token.type != "whitespace"]
    types = [token.type for token in tokens]
    if types == ["ident"]:
        return tokens[0].value, None
    if types[:1] == ["ident"] and tokens[1:2] == ["="] and types[2:] in (["ident"], ["string"]):
        return tokens[0].value, tokens[2].value
    raise ValueError("an attribute's selector that is neither [name] nor [name=value]")


@lru_cache(maxsize=256)
def _declarations(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """The properties of a `style` attribute or a rule's body, and those that are important."""
    normal, important = {}, {}
    for item in tinycss2.parse_declaration_list(text[:MAX_DECLARATIONS], skip_comments=True):
        if item.type == "declaration" and item.lower_name in _PROPERTIES:
            kind = important if item.important else normal
            kind[item.lower_name] = _serialized(item.value).strip()
    return normal, important


def _serialized(nodes: list) -> str:
    """A piece of a style sheet as text; the library follows its brackets by recursion."""
    try:
        return tinycss2.serialize(nodes)
    except RecursionError:
        raise UserError("the brackets in its style are nested too deeply") from None
