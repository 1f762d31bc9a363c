"""Which properties the style sheets inside of an SVG file give to its elements.

Selectors are understood of names, classes, ids and attributes, also inside one another (`g path`,
`g > path`); specificity, order and `!important` decide (https://www.w3.org/TR/CSS22/cascade.html).
Rules of other selectors, such as pseudo-classes, and at-rules do not count; nor do values that are
not understood, so that what would have counted without them does.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from xml.etree.ElementTree import Element

import tinycss2
from tinycss2.ast import Node

from sketch_rnn.errors import UserError
from sketch_rnn.svg import paint, transforms, values

MAX_SHEET = 512 << 10  # characters; what follows does not count
MAX_DECLARATIONS = 4000  # characters of one element's or rule's; likewise
MAX_CLASSES = 1000  # characters of an element's `class`; likewise
MAX_COMPOUNDS = 16  # of a selector; one with more does not count
MAX_SAID = 100  # different values that are not understood
MAX_TESTS = 500_000  # of an element against a part of a selector, in one file

# properties that elements take from those around them, and what they are at first
INHERITED = {
    "color": "black",
    "fill": "black",
    "fill-opacity": "1",
    "fill-rule": "nonzero",
    "font-size": "16px",
    "marker-end": "none",
    "marker-mid": "none",
    "marker-start": "none",
    "stroke": "none",
    "stroke-linecap": "butt",
    "stroke-opacity": "1",
    "stroke-width": "1",
    "visibility": "visible",
}
_LENGTHS = ("cx", "cy", "height", "r", "rx", "ry", "width", "x", "y")
_ATTRIBUTES = (*INHERITED, "clip-path", "display", "mask", "opacity")  # that are properties
_PROPERTIES = {
    *_ATTRIBUTES,
    *_LENGTHS,
    *transforms.PROPERTIES,
    "background",
    "background-color",
    "d",
    "transform-box",
    "transform-origin",
}
_MOVES_TOO = ("offset", "offset-path")  # elements; not understood
_BOXES = ("border-box", "content-box", "fill-box", "stroke-box", "view-box")
_WIDE = ("inherit", "initial", "revert", "revert-layer", "unset")
_UNITLESS = re.compile(r"(?<![\w.%#-])[-+]?(?:\d+\.?\d*|\.\d+)(?![\w.%])")
_DYNAMIC = re.compile(r"::|:(?:hover|focus|active|visited|link|target|root)\b")


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
    """The properties of a file's elements.

    not_understood: declarations and selectors that do not count.
    """

    def __init__(self, root: Element):
        self.not_understood: dict[str, None] = {}  # in order
        sheet = "\n".join(e.text or "" for e in root.iter("style"))[:MAX_SHEET]
        self._rules: dict[str, list[_Rule]] = defaultdict(list)
        for rule in self._parse(sheet):
            self._rules[rule.key()].append(rule)
        self._parents = {c: p for p in root.iter() for c in p} if self._rules else {}
        self._tests = 0

    def of(self, element: Element) -> dict[str, str]:
        """An element's own properties: attributes, then the sheets' rules, then its `style`.

        Of its place and size only what is said in CSS is among them, and `transform` is always the
        property's value. What is inherited in any case is not.

        Raises:
          UserError: the rules are too many to be tried.
        """
        style = self._of_attributes(element)
        rules = self._rules_for(element) if self._rules else []
        normal, important, odd = _declarations(element.get("style", ""))
        self._say(odd)
        for rule in rules:
            style.update(rule.normal)
        style.update(normal)
        for rule in rules:
            style.update(rule.important)
        style.update(important)
        return {k: v for k, v in map(_plain, style.items()) if v}

    def _of_attributes(self, element: Element) -> dict[str, str]:
        style = {k: text.strip() for k in _ATTRIBUTES if (text := element.get(k))}
        if text := element.get("transform"):
            try:
                style["transform"] = transforms.from_attribute(text)
            except ValueError:
                self._say([f"transform: {text}"])
        if text := element.get("transform-origin"):
            style["transform-origin"] = _UNITLESS.sub(r"\g<0>px", text)
        for name in [k for k, v in style.items() if not understood(k, v)]:
            self._say([f"{name}: {style.pop(name)}"])
        return style

    def resolved(self, own: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
        """Properties with the values of the variables that they name (`var(--name)`)."""
        if not any("var(" in value for value in own.values()):
            return dict(own)
        variables = {k: v for k, v in {**inherited, **own}.items() if k.startswith("--")}
        known, result = tuple(variables.items()), {}
        for name, value in own.items():
            if not name.startswith("--"):
                value = values.with_variables(value, known)
            if value and "var(" not in value and understood(name, value):
                result[name] = value
            elif not name.startswith("--"):
                self._say([f"{name}: {own[name]}"])
        return result

    def _say(self, odd: Sequence[str]) -> None:
        for text in odd:
            if len(self.not_understood) < MAX_SAID:
                text = " ".join(text.split())
                self.not_understood[text if len(text) <= 60 else f"{text[:57]}..."] = None

    def _parse(self, sheet: str) -> Iterator[_Rule]:
        if not sheet.strip():
            return
        number = count()
        for rule in tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True):
            if rule.type != "qualified-rule":
                continue
            normal, important, odd = _declarations(values.serialized(rule.content))
            self._say(odd)
            if not normal and not important:
                continue
            for tokens in _alternatives(rule.prelude):
                try:
                    compounds, children = _selector(tokens)
                except ValueError:
                    text = values.serialized(tokens)
                    if not _DYNAMIC.search(text):
                        self._say([f"selector {text}"])
                    continue
                yield _Rule(compounds, children, next(number), normal, important)

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


def _alternatives(prelude: Sequence) -> Iterator[list]:
    """The tokens between commas, without comments and outer space."""
    tokens: list[Node] = []
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
    groups: list[list[Node]] = [[]]
    children: list[bool] = []
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
def _declarations(text: str) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """The properties of a `style` attribute or a rule's body.

    Returns:
      Those that are not important, those that are, and what is not understood.
    """
    normal: dict[str, str] = {}
    important: dict[str, str] = {}
    odd = []
    for item in tinycss2.parse_declaration_list(text[:MAX_DECLARATIONS], skip_comments=True):
        if item.type != "declaration":
            continue
        name = item.lower_name
        if name not in _PROPERTIES and name not in _MOVES_TOO and not name.startswith("--"):
            continue
        value = values.serialized(item.value).strip()
        if not understood(name, value):
            odd.append(f"{name}: {value}")
        else:
            (important if item.important else normal)[name] = value
    return normal, important, tuple(odd)


@lru_cache(maxsize=4096)
def understood(name: str, value: str) -> bool:
    """Whether a value can be made use of; those that name variables may be."""
    if "var(" in value or value.lower() in _WIDE:
        return True
    try:
        if name in _MOVES_TOO:
            return value == "none"
        if name in ("fill", "stroke", "color"):
            return paint.understood(value)
        if name in transforms.PROPERTIES:
            transforms.property_matrix(name, value, (1.0, 1.0), values.Units())
        if name == "transform-origin":
            transforms.origin(value, (1.0, 1.0), values.Units())
        if name == "transform-box":
            return value in _BOXES
        if name in _LENGTHS and value != "auto":
            (found,) = values.lengths(value, [1.0], values.Units(), unitless=True)
            return found >= 0 or name in ("cx", "cy", "x", "y")
        if name == "d":
            return value == "none" or path_of(value) is not None
    except (ArithmeticError, ValueError):
        return False
    return True


def path_of(value: str) -> str | None:
    """The data of `path("...")`, as the property `d` has it."""
    match = re.fullmatch(r"path\(\s*(?:\"([^\"]*)\"|'([^']*)')\s*\)", value, re.DOTALL)
    return match and (match[1] or match[2] or "")


def _plain(item: tuple[str, str]) -> tuple[str, str]:
    """A property without CSS's general words; "" where it says nothing of its own."""
    name, value = item
    word = value.lower()
    if word not in _WIDE:
        return item
    return name, INHERITED.get(name, "") if word == "initial" else ""
