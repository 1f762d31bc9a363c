"""Paints of strokes and fills: colours, and how much of what is below shows through."""

import re
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache

from tinycss2 import color4

MAX_PAINT = 200  # characters
SAME = 2.5 / 255  # the largest difference of colours that nobody sees

Colour = tuple[float, float, float]  # red, green, blue, from 0 to 1

WHITE: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Paint:
    """A colour, None if it is many or unknown, and its opacity from 0 to 1."""

    colour: Colour | None
    opacity: float

    def opaque(self) -> bool:
        return self.opacity > 0.99


def same(a: Colour | None, b: Colour | None) -> bool:
    """Whether two colours are known and cannot be told apart."""
    if a is None or b is None:
        return False
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= SAME


def understood(text: str) -> bool:
    """Whether a paint is one, in CSS."""
    return text.lower() in ("none", "context-fill", "context-stroke") or (
        text.lower().startswith("url(") or _parsed(text) is not None
    )


def paint(text: str, current: str, known_ids: Container[str]) -> Paint | None:
    """The paint that a property says; None where nothing is painted.

    Args:
      text: the property `fill` or `stroke`.
      current: the property `color`.
      known_ids: those that gradients and patterns may have.
    """
    match = re.match(r"\s*url\(\s*['\"]?#([^'\")]*)['\"]?\s*\)(.*)", text, re.DOTALL)
    if match:
        if match[1] in known_ids:
            return Paint(None, 1.0)
        text = match[2].strip() or "none"
    if text.lower() == "none" or text.lower().startswith("url("):
        return None
    parsed = _parsed(text)
    if isinstance(parsed, str):
        parsed = _parsed(current)
    if not isinstance(parsed, Paint):
        return Paint(None, 1.0)
    return parsed if parsed.opacity > 0 else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Paint | str | None:
    """A colour, "currentcolor", or None for what is no colour."""
    if len(text) > MAX_PAINT:
        return None
    try:
        colour = color4.parse_color(text)
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
        return None
    if colour is None or isinstance(colour, str):
        return colour and colour.lower()
    try:
        rgb = tuple(colour.to("srgb").coordinates)
    except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError):
        rgb = None
    return Paint(rgb, colour.alpha)
