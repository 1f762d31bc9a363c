"""Turn style sheets into rules: resolve at-rules, layers, and nested rules.

https://www.w3.org/TR/css-cascade-5/, https://www.w3.org/TR/css-nesting-1/. Whatever is not
understood is ignored and reported.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from xml.etree.ElementTree import Element

import tinycss2
from tinycss2.ast import Node

from sketch_rnn.svg import media, properties, values
from sketch_rnn.svg.selectors import Matcher

MAX_SHEET = 512 << 10  # characters in all style sheets; any further ones are ignored
MAX_NESTED = 16  # levels of nested rules
MAX_LIST = 1_000_000  # product of the lengths of a rule's selector and the outer rule's selector

_SVG = re.compile(r"https?://www\.w3\.org/(2000/svg|1999/xlink)")
_SAY_NOTHING = re.compile(r"::|:-")  # selectors that only some browsers know; ignored silently
_WITHOUT_RULES = (  # at-rules that do not style elements; ignored silently
    "charset",
    "color-profile",
    "counter-style",
    "font-face",
    "font-feature-values",
    "font-palette-values",
    "keyframes",
    "page",
    "position-try",
    "property",
    "starting-style",
    "view-transition",
)

Layer = tuple[str, ...]  # the names of a layer and the layers around it, outermost first


@dataclass(frozen=True)
class Rule:
    """The declarations in a rule, and the rule's layer."""

    layer: Layer
    normal: properties.Values
    important: properties.Values


@dataclass
class Sheets:
    """The style sheets of a file.

    Attributes:
      matcher: receives the rules.
      page: the width and height that media queries test.
      say: a function that is called with everything that is not understood.
    """

    matcher: Matcher
    page: media.Page
    say: Callable[[Sequence[str]], None]
    layers: dict[Layer, int] = field(default_factory=dict)  # numbered in order of first mention
    namespaces: dict[str | None, str] = field(default_factory=dict)

    def read(self, root: Element) -> None:
        """Add the rules from all `style` elements."""
        left = MAX_SHEET
        for element in root.iter("style"):
            text = (element.text or "")[:left]
            left -= len(text)
            if not text.strip() or element.get("type", "text/css").strip() not in ("", "text/css"):
                continue
            query = tinycss2.parse_component_value_list(element.get("media", ""))
            if self._holds(media.media(query, self.page), "media", query):
                self._add_rules(tinycss2.parse_stylesheet(text, skip_comments=True), "", (), 0)

    def order(self, layer: Layer) -> tuple[float, ...]:
        """Return a sort key for a layer: stronger layers sort later, rules outside layers last."""
        numbers = [self.layers[layer[: depth + 1]] for depth in range(len(layer))]
        return (*numbers, math.inf)

    def _add_rules(self, nodes: Sequence[Node], parent: str, layer: Layer, depth: int) -> None:
        """Add rules to the sheet, and declarations as rules for the selector `parent`."""
        if depth > MAX_NESTED:
            self.say(["rules that are nested too deeply"])
            return
        for is_declaration, group in groupby(nodes, lambda node: node.type == "declaration"):
            if is_declaration:
                self._declare(parent, list(group), layer)
                continue
            for node in group:
                if node.type == "qualified-rule":
                    self._add_rules(_content(node), _within(parent, node.prelude), layer, depth + 1)
                elif node.type == "at-rule":
                    self._add_at_rule(node, parent, layer, depth)

    def _declare(self, selector: str, nodes: Sequence[Node], layer: Layer) -> None:
        normal, important, odd = properties.declared(nodes)
        self.say(odd)
        if not selector or not (normal or important):
            return
        try:
            selectors = self.matcher.compiled(selector, self.namespaces)
        except ValueError:
            if not _SAY_NOTHING.search(selector):
                self.say([f"selector {selector}"])
            return
        self.matcher.add(selectors, Rule(layer, normal, important))

    def _add_at_rule(self, node: Node, parent: str, layer: Layer, depth: int) -> None:
        name, prelude = node.lower_at_keyword, node.prelude
        if name == "namespace":
            self._name_space(prelude)
        elif name == "layer":
            self._add_layer(node, parent, layer, depth)
        elif name in ("media", "supports"):
            if name == "media":
                holds = media.media(prelude, self.page)
            else:
                holds = media.supports(prelude, _supported, self._supported_function)
            if self._holds(holds, name, prelude):
                self._add_rules(_content(node), parent, layer, depth + 1)
        elif name.rpartition("-")[2] not in _WITHOUT_RULES and name not in _WITHOUT_RULES:
            self.say([f"@{name} {values.serialized(prelude).strip()}"])

    def _holds(self, found: bool | None, name: str, prelude: Sequence[Node]) -> bool:
        if found is None:
            self.say([f"@{name} {values.serialized(prelude).strip()}"])
        return bool(found)

    def _add_layer(self, node: Node, parent: str, layer: Layer, depth: int) -> None:
        """Add a layer with its rules; for `@layer a, b;`, add the named layers in this order."""
        text = values.serialized(node.prelude)
        names = [name.strip() for name in text.split(",")] if text.strip() else []
        if node.content is None:
            for name in names:
                self._named(layer, name)
        else:
            inner = self._named(layer, names[0] if names else f" {len(self.layers)}")
            self._add_rules(_content(node), parent, inner, depth + 1)

    def _named(self, layer: Layer, name: str) -> Layer:
        for part in name.split("."):
            layer = (*layer, part)
            self.layers.setdefault(layer, len(self.layers))
        return layer

    def _name_space(self, prelude: Sequence[Node]) -> None:
        """Read `@namespace prefix url(...)`; map prefixes of SVG and XLink to ""."""
        words = [token.value for token in prelude if token.type == "ident"]
        rest = values.serialized([token for token in prelude if token.type != "ident"])
        self.namespaces[words[0] if words else None] = "" if _SVG.search(rest) else "other"

    def _supported_function(self, node: Node) -> bool | None:
        if node.lower_name != "selector":
            return None
        try:
            text = values.serialized(node.arguments)
            return bool(self.matcher.compiled(text, self.namespaces))
        except ValueError:
            return False


def _content(node: Node) -> Sequence[Node]:
    return tinycss2.parse_blocks_contents(node.content or [], skip_comments=True)


def _within(parent: str, prelude: Sequence[Node]) -> str:
    """Return the full selector of a nested rule; `&` stands for the outer rule's selector.

    If it is too long, return only its beginning, which is then reported as not understood.
    """
    text, outer = values.serialized(prelude).strip(), f":is({parent})" if parent else ":root"
    if len(text) * len(outer) > MAX_LIST:
        return f"{text[:50]}..."
    parts = [values.serialized(part).strip() for part in values.parts(prelude)]
    return ", ".join(
        part.replace("&", outer) if "&" in part or not parent else f"{outer} {part}"
        for part in parts
    )


def _supported(tokens: Sequence[Node]) -> bool | None:
    """Return whether a declaration is supported; an unknown property counts as supported."""
    found = tinycss2.parse_one_declaration(list(tokens))
    if found.type != "declaration":
        return None
    return properties.understood(found.lower_name, values.serialized(found.value).strip())
