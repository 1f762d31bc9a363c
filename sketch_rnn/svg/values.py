"""Parse CSS values: lengths, angles, and numbers, with units and calc().

https://www.w3.org/TR/css-values-4/. A value that is not understood raises ValueError.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import tinycss2
from tinycss2.ast import Node

from sketch_rnn.errors import UserError

MAX_VALUE = 2000  # characters in one value; longer ones are not understood
PAGE = (300.0, 150.0)  # default width and height, in pixels
MAX_DEPTH = 32  # levels of calc() within calc()

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_PIXELS = {
    "px": 1.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
    "q": 96 / 101.6,
    "pt": 96 / 72,
    "pc": 16.0,
}
_DEGREES = {"deg": 1.0, "grad": 0.9, "rad": 180 / math.pi, "turn": 360.0}


@dataclass(frozen=True)
class Units:
    """The sizes that relative units refer to, in pixels.

    font, root_font: the font size of the element, and of the outermost element. page: the width
    and height; `vw` and `vh` are one hundredth of them.
    """

    font: float = 16.0
    root_font: float = 16.0
    page: tuple[float, float] = PAGE


Value = tuple[float, str]  # pixels or degrees; and "length", "angle", "number" or "percentage"


def length(
    text: str | None, whole: float, default: float = 0.0, units: Units | None = None
) -> float:
    """Return a length in pixels; a bare number means pixels, a percentage is a share of `whole`."""
    if not text or text == "auto":
        return default
    if _NUMBER.fullmatch(text):
        value = float(text)
    else:
        try:
            value = lengths(text, [whole], units or Units(), unitless=True)[0]
        except ValueError:
            return default
    return value if math.isfinite(value) else default


def lengths(
    text: str, wholes: Sequence[float], units: Units, unitless: bool = False
) -> list[float]:
    """Return space-separated lengths in pixels.

    `wholes` holds the length that 100% means for the first value, for the second value, and so on.
    There may be fewer values than `wholes`, but not more.
    """
    nodes = components(text)
    if not 1 <= len(nodes) <= len(wholes):
        raise ValueError(f"expected up to {len(wholes)} lengths")
    return [
        as_length(node, whole, units, unitless) for node, whole in zip(nodes, wholes, strict=False)
    ]


def as_length(node: Node, whole: float | None, units: Units, unitless: bool = False) -> float:
    """Return a length in pixels; a bare number counts only if it is 0 or `unitless` allows it."""
    value, kind = evaluate(node, units, whole)
    if kind == "length" or (kind == "number" and (unitless or value == 0)):
        return value
    raise ValueError("not a length")


def as_angle(node: Node, units: Units) -> float:
    """Return an angle in degrees."""
    value, kind = evaluate(node, units)
    if kind == "angle" or (kind == "number" and value == 0):
        return value
    raise ValueError("not an angle")


def as_number(node: Node, units: Units, percentage: bool = False) -> float:
    """Return a number; where percentages are allowed, 50% is 0.5."""
    value, kind = evaluate(node, units)
    if kind == "number" or (percentage and kind == "percentage"):
        return value
    raise ValueError("not a number")


@lru_cache(maxsize=1024)
def components(text: str) -> tuple[Node, ...]:
    """Return the parts of a value, without comments and spaces."""
    if len(text) > MAX_VALUE:
        raise ValueError("too long")
    return without_spaces(tinycss2.parse_component_value_list(text, skip_comments=True))


def arguments(function: Node) -> list[Node]:
    """Return the arguments of a function, the parts between its commas."""
    groups: list[list[Node]] = [[]]
    for node in without_spaces(function.arguments):
        if node == ",":
            groups.append([])
        else:
            groups[-1].append(node)
    if any(len(group) != 1 for group in groups):
        raise ValueError("expected commas between arguments")
    return [group[0] for group in groups]


def evaluate(node: Node, units: Units, whole: float | None = None, depth: int = 0) -> Value:
    """Return a number or a dimension, or the result of a calculation.

    Args:
      node: a part of a value.
      units: the sizes that relative units refer to.
      whole: the length in pixels that percentages refer to; if None, they stay percentages.
    """
    if node.type == "number":
        return node.value, "number"
    if node.type == "percentage":
        share = node.value / 100
        return (share, "percentage") if whole is None else (share * whole, "length")
    if node.type == "dimension":
        return _dimension(node.value, node.lower_unit, units)
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if node.type == "() block":
        return _sum(node.content, units, whole, depth)
    if node.type == "function":
        return _calculated(node, units, whole, depth)
    raise ValueError(f"not a number: {node.type}")


def _dimension(value: float, unit: str, units: Units) -> Value:
    if unit in _DEGREES:
        return value * _DEGREES[unit], "angle"
    if unit in _PIXELS:
        return value * _PIXELS[unit], "length"
    width, height = units.page
    relative = {
        "em": units.font,
        "rem": units.root_font,
        "ex": 0.45 * units.font,  # as in browsers' default fonts
        "ch": 0.5 * units.font,
        "vw": width / 100,
        "vh": height / 100,
        "vmin": min(width, height) / 100,
        "vmax": max(width, height) / 100,
    }
    if unit not in relative:
        raise ValueError(f"no unit: {unit}")
    return value * relative[unit], "length"


def _calculated(node: Node, units: Units, whole: float | None, depth: int) -> Value:
    groups: list[list[Node]] = [[]]
    for part in node.arguments:
        if part == ",":
            groups.append([])
        else:
            groups[-1].append(part)
    results = [_sum(group, units, whole, depth) for group in groups]
    values, kinds = zip(*results, strict=True)
    if len({kind for value, kind in results}) > 1:
        raise ValueError("values of different kinds")
    if node.lower_name == "calc" and len(values) == 1:
        return results[0]
    if node.lower_name in ("min", "max"):
        return (min if node.lower_name == "min" else max)(values), kinds[0]
    if node.lower_name == "clamp" and len(values) == 3:
        return max(values[0], min(values[1], values[2])), kinds[0]
    raise ValueError(f"no function: {node.lower_name}")


def _sum(nodes: Sequence[Node], units: Units, whole: float | None, depth: int) -> Value:
    nodes = without_spaces(nodes)
    total, kind = _product(nodes, 0, units, whole, depth)
    at = _end_of_product(nodes, 0)
    while at < len(nodes):
        if nodes[at] not in ("+", "-"):
            raise ValueError("expected + or -")
        value, other = _product(nodes, at + 1, units, whole, depth)
        if other != kind:
            raise ValueError("expected a sum of lengths or a sum of numbers, got a mixture")
        total += value if nodes[at] == "+" else -value
        at = _end_of_product(nodes, at + 1)
    return total, kind


def _end_of_product(nodes: Sequence[Node], at: int) -> int:
    at += 1
    while at < len(nodes) and nodes[at] in ("*", "/"):
        at += 2
    return at


def _product(
    nodes: Sequence[Node], at: int, units: Units, whole: float | None, depth: int
) -> Value:
    if at >= len(nodes):
        raise ValueError("a sign without a value")
    value, kind = evaluate(nodes[at], units, whole, depth + 1)
    for sign, node in zip(nodes[at + 1 :: 2], nodes[at + 2 :: 2], strict=False):
        if sign not in ("*", "/"):
            break
        factor, other = evaluate(node, units, whole, depth + 1)
        if sign == "/":
            if other != "number" or factor == 0:
                raise ValueError("expected a number other than 0 as the divisor")
            value /= factor
        elif "number" not in (kind, other):
            raise ValueError("expected at most one factor with a unit in a product, got two")
        else:
            value, kind = value * factor, other if kind == "number" else kind
    return value, kind


def without_spaces(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return the nodes without whitespace and comments."""
    return tuple(node for node in nodes if node.type not in ("whitespace", "comment"))


@lru_cache(maxsize=1024)
def replace_variables(text: str, variables: tuple[tuple[str, str], ...]) -> str:
    """Replace each `var(--name, fallback)` in a value by the value of its variable.

    If the variable is not set, use the fallback instead.
    """
    known = dict(variables)
    for _ in range(8):  # a variable may refer to another variable
        if "var(" not in text or len(text) > MAX_VALUE:
            break
        text = re.sub(
            r"var\(\s*(--[\w-]+)\s*(?:,([^()]*(?:\([^()]*\)[^()]*)*))?\)",
            lambda match: known.get(match[1], match[2] or ""),
            text,
        )
    return text.strip()


def parts(tokens: Sequence[Node]) -> list[list[Node]]:
    """Split tokens at commas."""
    found: list[list[Node]] = [[]]
    for token in tokens:
        if token == ",":
            found.append([])
        else:
            found[-1].append(token)
    return found


def serialized(nodes: Sequence[Node]) -> str:
    """Return parts of a style sheet as text; raise UserError if brackets are nested too deeply."""
    try:
        return tinycss2.serialize(nodes)
    except RecursionError:
        raise UserError("the brackets in its style are nested too deeply") from None
