"""Compute the properties that style sheets inside an SVG file give its elements.

If several declarations set the same property of an element, their importance, layers, specificity
and position in the file decide which one wins (https://www.w3.org/TR/css-cascade-5/). If its value
is not understood, the declaration with the next highest rank wins instead.
"""

import re
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from sketch_rnn.svg import properties, transforms, values
from sketch_rnn.svg.properties import understood
from sketch_rnn.svg.selectors import Matcher
from sketch_rnn.svg.sheets import Sheets

MAX_SAID = 100  # different values reported as not understood

_UNITLESS = re.compile(r"(?<![\w.%#-])[-+]?(?:\d+\.?\d*|\.\d+)(?![\w.%])")


class Styles:
    """The properties of a file's elements.

    page: the width and height that media queries test, in pixels. not_understood: declarations,
    selectors and conditions that were ignored.
    """

    def __init__(self, root: Element, page: tuple[float, float] = values.PAGE):
        self.not_understood: dict[str, None] = {}  # in order
        self._matcher = Matcher(root)
        self._sheets = Sheets(self._matcher, page, self._say)
        self._sheets.read(root)

    def own_properties(self, element: Element) -> properties.Values:
        """Return an element's own properties: from attributes, then style sheets, then `style`.

        Position and size are included only if CSS sets them. `transform` is always in the syntax
        of the CSS property. Inherited values are not included.

        Raises:
          UserError: there are too many rules to try.
        """
        style = self._of_attributes(element)
        normal, important, odd = properties.of_attribute(element.get("style", ""))
        self._say(odd)
        rules = [
            (self._sheets.order(rule.layer), specificity, number, rule)
            for specificity, number, rule in self._matcher.match(element)
        ]
        for *_, rule in sorted(rules, key=lambda found: found[:3]):
            style.update(rule.normal)
        style.update(normal)
        # among important declarations, the first layer wins
        rules = [([-n for n in layer], *rest) for layer, *rest in rules]
        for *_, rule in sorted(rules, key=lambda found: found[:3]):
            style.update(rule.important)
        style.update(important)
        style = {name: properties.plain(name, value) for name, value in style.items()}
        return {name: value for name, value in style.items() if value}

    def _of_attributes(self, element: Element) -> properties.Values:
        style = {k: text.strip() for k in properties.ATTRIBUTES if (text := element.get(k))}
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

    def resolved(self, own: Mapping[str, str], inherited: Mapping[str, str]) -> properties.Values:
        """Return the properties with variables (`var(--name)`) replaced by their values."""
        if not any("var(" in value for value in own.values()):
            return dict(own)
        variables = {k: v for k, v in {**inherited, **own}.items() if k.startswith("--")}
        known, result = tuple(variables.items()), {}
        for name, value in own.items():
            if not name.startswith("--"):
                value = values.replace_variables(value, known)
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
