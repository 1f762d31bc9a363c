"""Parse the paints of strokes and fills: their colors and opacity.

Dimensions: C cubic curves in one line.
"""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import tinycss2
from tinycss2 import color5
from tinycss2.ast import Node

from sketch_rnn.svg import values
from sketch_rnn.svg.regions import Region

MAX_PAINT = 200  # characters in a color
MAX_DEPTH = 8  # levels of colors made from other colors
SAME = 2.5 / 255  # the largest difference between colors that look the same

Color = tuple[float, float, float]  # red, green, blue, from 0 to 1

WHITE: Color = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Paint:
    """A color (None if it is unknown or there are several) and its opacity, from 0 to 1."""

    color: Color | None
    opacity: float

    def opaque(self) -> bool:
        return self.opacity > 0.99


@dataclass(frozen=True)
class Painted:
    """A shape as it is painted, in pixels.

    Attributes:
      lines: the subpaths, each as curves `[C, 4, 2]`.
      stroke: the paint of the stroke; None if missing or invisible.
      fill: the paint of the fill; None if missing or invisible.
      width: the stroke's width.
      cap: shapely's name for the shape of the stroke's ends.
      even_odd: whether the fill follows the even-odd rule.
      area: the subpaths of the fill, if they differ from those of the stroke.
      clips: regions of the page; the shape is visible only inside all of them.
    """

    lines: Sequence[np.ndarray]
    stroke: Paint | None
    fill: Paint | None
    width: float = 1.0
    cap: str = "flat"
    even_odd: bool = False
    area: Sequence[np.ndarray] | None = None
    clips: tuple[Region, ...] = ()

    @property
    def filled(self) -> Sequence[np.ndarray]:
        """The subpaths of the fill."""
        return self.lines if self.area is None else self.area


def bounds(painted: Sequence[Painted]) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest coordinates, each `[2]`, of all shapes."""
    lines = [line for shape in painted for line in [*shape.lines, *(shape.area or ())]]
    points = np.concatenate([line.reshape(-1, 2) for line in lines])
    return points.min(axis=0), points.max(axis=0)


def same_color(a: Color | None, b: Color | None) -> bool:
    """Return whether two colors are both known and look the same."""
    if a is None or b is None:
        return False
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= SAME


def understood(text: str) -> bool:
    """Return whether a value is a valid paint in CSS."""
    return text.lower() in ("none", "context-fill", "context-stroke") or (
        text.lower().startswith("url(") or _parsed(text) is not None
    )


def paint(
    text: str, current: str, known_ids: Container[str], scheme: str = "normal"
) -> Paint | None:
    """Return the paint that a property describes; None if it paints nothing.

    Args:
      text: the value of the property `fill` or `stroke`.
      current: the value of the property `color`.
      known_ids: ids that references to gradients and patterns may name.
      scheme: the value of the property `color-scheme`.
    """
    match = re.match(r"\s*url\(\s*['\"]?#([^'\")]*)['\"]?\s*\)(.*)", text, re.DOTALL)
    if match:
        if match[1] in known_ids:
            return Paint(None, 1.0)
        text = match[2].strip() or "none"
    if text.lower() == "none" or text.lower().startswith("url("):
        return None
    is_dark = "dark" in scheme.split() and "light" not in scheme.split()
    parsed = _parsed(text, is_dark)
    if isinstance(parsed, str):
        parsed = _parsed(current, is_dark)
    if not isinstance(parsed, Paint):
        return Paint(None, 1.0)
    return parsed if parsed.opacity > 0 else None


@lru_cache(maxsize=4096)
def _parsed(text: str, is_dark: bool = False) -> Paint | str | None:
    """Return a color, or "currentcolor"; None if the value is not a color."""
    if len(text) > MAX_PAINT:
        return None
    return _of_node(tinycss2.parse_one_component_value(text, skip_comments=True), is_dark)


def _of_node(node: Node, is_dark: bool, depth: int = 0) -> Paint | str | None:
    if node.type == "function" and depth < MAX_DEPTH:
        if node.lower_name == "color-mix":
            return _mixed(node, is_dark, depth)
        if node.lower_name == "light-dark":
            parts = values.parts(node.arguments)
            solid = [values.without_spaces(part) for part in parts]
            if len(solid) != 2 or any(len(part) != 1 for part in solid):
                return None
            return _of_node(solid[is_dark][0], is_dark, depth + 1)
        if any(token.type == "ident" and token.value == "from" for token in node.arguments[:2]):
            return Paint(None, 1.0)  # a color made from another color
    try:
        color = color5.parse_color(node)
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
        return None
    if color is None or isinstance(color, str):
        return color and color.lower()
    try:
        rgb = tuple(color.to("srgb").coordinates)
    except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError):
        rgb = None
    return Paint(rgb, color.alpha)


def _mixed(node: Node, is_dark: bool, depth: int) -> Paint | None:
    """Evaluate `color-mix(in space, color share, color share)`; mix in sRGB, whatever the space."""
    parts = [values.without_spaces(part) for part in values.parts(node.arguments)]
    if parts and parts[0] and parts[0][0].type == "ident" and parts[0][0].lower_value == "in":
        parts = parts[1:]
    if len(parts) != 2:
        return None
    paints: list[Paint] = []
    shares: list[float] = []
    for part in parts:
        colors = [token for token in part if token.type != "percentage"]
        found = _of_node(colors[0], is_dark, depth + 1) if len(colors) == 1 else None
        if found is None:
            return None
        if isinstance(found, str) or found.color is None:
            return Paint(None, 1.0)
        paints.append(found)
        shares += [token.value / 100 for token in part if token.type == "percentage"][:1]
    return _weighted(paints, _both_shares(parts, shares))


def _both_shares(parts: Sequence[Sequence[Node]], said: Sequence[float]) -> tuple[float, float]:
    """Return the percentages of both colors of a `color-mix()`; CSS lets either be omitted."""
    if len(said) == 2:
        return said[0], said[1]
    if not said:
        return 0.5, 0.5
    is_first = any(token.type == "percentage" for token in parts[0])
    return (said[0], 1 - said[0]) if is_first else (1 - said[0], said[0])


def _weighted(paints: Sequence[Paint], shares: tuple[float, float]) -> Paint | None:
    total = sum(shares)
    if min(shares) < 0 or total == 0:
        return None
    weights = np.array(shares) / total * [paint.opacity for paint in paints]
    red, green, blue = weights @ np.array([paint.color for paint in paints]) / (weights.sum() or 1)
    return Paint((float(red), float(green), float(blue)), float(weights.sum()) * min(total, 1.0))
