"""Evaluate `@media` and `@supports` for a screen with a light color scheme.

https://www.w3.org/TR/mediaqueries-5/, https://www.w3.org/TR/css-conditional-3/. Conditions are
True, False, or None if they are not understood.
"""

from collections.abc import Callable, Sequence
from operator import eq, ge, gt, le, lt

from tinycss2.ast import Node

from sketch_rnn.svg import values

MAX_DEPTH = 16  # levels of nested conditions

_TYPES = {"all": True, "screen": True, "print": False, "speech": False}
_WORDS = {  # features whose values are words, with the value for this screen
    "any-hover": "hover",
    "any-pointer": "fine",
    "color-gamut": "srgb",
    "display-mode": "browser",
    "dynamic-range": "standard",
    "forced-colors": "none",
    "hover": "hover",
    "inverted-colors": "none",
    "overflow-block": "scroll",
    "overflow-inline": "scroll",
    "pointer": "fine",
    "prefers-color-scheme": "light",
    "prefers-contrast": "no-preference",
    "prefers-reduced-data": "no-preference",
    "prefers-reduced-motion": "no-preference",
    "prefers-reduced-transparency": "no-preference",
    "scan": "progressive",
    "scripting": "enabled",
    "update": "fast",
}
_COMPARE = {"<": lt, "<=": le, "=": eq, ">=": ge, ">": gt}

Page = tuple[float, float]  # width and height, in pixels
Test = Callable[[Sequence[Node]], bool | None]  # tests the content of brackets
Function = Callable[[Node], bool | None]  # tests a condition written as a function


def media(tokens: Sequence[Node], page: Page) -> bool | None:
    """Return whether any query in an `@media` rule matches a page."""
    queries = [values.without_spaces(part) for part in values.parts(tokens)]
    if queries == [()]:
        return True
    found = [
        _query(query, lambda inner: _has_feature(values.without_spaces(inner), page))
        for query in queries
    ]
    return True if True in found else None if None in found else False


def supports(tokens: Sequence[Node], test: Test, function: Function) -> bool | None:
    """Return whether the condition of an `@supports` rule is true.

    Args:
      tokens: the condition.
      test: returns whether a declaration is supported.
      function: returns whether a condition written as a CSS function is true, such as `selector(a >
        b)`.
    """
    return _condition(values.without_spaces(tokens), test, function)


def _word(tokens: Sequence[Node], at: int = 0) -> str:
    """Return the word at index `at`; "" if there is none."""
    is_word = at < len(tokens) and tokens[at].type == "ident"
    return tokens[at].lower_value if is_word else ""


def _query(tokens: Sequence[Node], test: Test) -> bool | None:
    """Evaluate a media query: a media type, with or without conditions, or only conditions."""
    word = _word(tokens)
    negated = word == "not" and bool(_word(tokens, 1))
    if negated or word == "only":
        tokens = tokens[1:]
        word = _word(tokens)
    if not word or word == "not":
        return _condition(tokens, test, _unknown)
    holds: bool | None = _TYPES.get(word, False)
    if len(tokens) > 1:
        if _word(tokens, 1) != "and":
            return None
        holds = _all([holds, _condition(tokens[2:], test, _unknown)])
    return _not(holds) if negated else holds


def _condition(
    tokens: Sequence[Node], test: Test, function: Function, depth: int = 0
) -> bool | None:
    if depth > MAX_DEPTH or not tokens:
        return None
    if _word(tokens) == "not":
        return _not(_condition(tokens[1:], test, function, depth + 1))
    joint = _word(tokens, 1)
    if any(_word(tokens, at) != joint for at in range(1, len(tokens), 2)):
        return None
    if joint not in ("", "and", "or") or len(tokens) % 2 == 0:
        return None
    found = [_in_brackets(token, test, function, depth + 1) for token in tokens[::2]]
    return _not(_all([_not(value) for value in found])) if joint == "or" else _all(found)


def _in_brackets(token: Node, test: Test, function: Function, depth: int) -> bool | None:
    if token.type == "function":
        return function(token)
    if token.type != "() block":
        return None
    inner = values.without_spaces(token.content)
    if inner and (inner[0].type in ("() block", "function") or _word(inner) == "not"):
        return _condition(inner, test, function, depth)
    return test(token.content)


def _all(found: Sequence[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _unknown(token: Node) -> None:
    return None


def _has_feature(tokens: Sequence[Node], page: Page) -> bool | None:
    """Return whether the page has a media feature: `color`, `width: 9px` or `2px < width`."""
    name = _word(tokens)
    if len(tokens) > 2 and name and tokens[1] == ":":
        return _with_value(name, tokens[2:], page)
    if len(tokens) == 1 and name:
        if name in _WORDS:
            return _WORDS[name] not in ("none", "no-preference")
        value = _number(name, page)
        return None if value is None else value != 0
    return _range(tokens, page)


def _with_value(name: str, tokens: Sequence[Node], page: Page) -> bool | None:
    if name in _WORDS:
        return _word(tokens) == _WORDS[name]
    if name == "orientation":
        return _word(tokens) == ("portrait" if page[1] >= page[0] else "landscape")
    sign = {"min": ">=", "max": "<="}.get(name[:3], "=")
    if name[:4] in ("min-", "max-"):
        name = name[4:]
    return _compared(_number(name, page), sign, _value(tokens))


def _range(tokens: Sequence[Node], page: Page) -> bool | None:
    """Evaluate `width >= 9px`, `9px <= width`, or `1px < width < 9px`."""
    sides: list[list[Node]] = [[]]
    signs: list[str] = []
    for token in tokens:
        sign = token.value if token.type == "literal" else ""
        if sign and sign[0] in "<>=":
            if signs and not sides[-1]:
                signs[-1] += sign
            else:
                signs.append(sign)
                sides.append([])
        else:
            sides[-1].append(token)
    numbers = []
    for side in sides:
        word = _word(side)
        numbers.append(_number(word, page) if word else _value(side))
    if not signs:
        return None
    pairs = zip(numbers[:-1], signs, numbers[1:], strict=True)
    return _all([_compared(a, sign, b) for a, sign, b in pairs])


def _compared(a: float | None, sign: str, b: float | None) -> bool | None:
    if a is None or b is None or sign not in _COMPARE:
        return None
    return _COMPARE[sign](a, b)


def _number(name: str, page: Page) -> float | None:
    """Return the value of a numeric feature for the page; None if it is unknown."""
    return {
        "aspect-ratio": page[0] / page[1],
        "color": 8.0,
        "color-index": 0.0,
        "device-height": page[1],
        "device-width": page[0],
        "grid": 0.0,
        "height": page[1],
        "monochrome": 0.0,
        "resolution": 1.0,
        "width": page[0],
    }.get(name)


def _value(tokens: Sequence[Node]) -> float | None:
    """Parse a length (returned in pixels), a number, a ratio `16 / 9`, or a resolution."""
    if len(tokens) == 3 and tokens[1] == "/":
        parts = [token.value for token in tokens[::2] if token.type == "number"]
        return parts[0] / parts[1] if len(parts) == 2 and parts[1] else None
    if len(tokens) != 1:
        return None
    (token,) = tokens
    scales = {"dppx": 1.0, "x": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}
    if token.type == "dimension" and token.lower_unit in scales:
        return token.value * scales[token.lower_unit]
    try:
        return values.evaluate(token, values.Units())[0]
    except ValueError:
        return None
