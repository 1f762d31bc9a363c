"""Compute a page's colors: its owner may choose some, and the others are chosen to match."""

from typing import NamedTuple

from tinycss2.color3 import parse_color

from sketch_rnn.errors import UserError, warn

READABLE = 4.5  # the least contrast of text (WCAG 2.2, 1.4.3)
SEEN = 3.0  # the least contrast of lines (WCAG 2.2, 1.4.11)


class Color(NamedTuple):
    """A color as red, green and blue, from 0 to 1."""

    red: float
    green: float
    blue: float

    def mixed(self, other: "Color", share: float) -> "Color":
        """Return this color mixed with a share, from 0 to 1, of another color."""
        return Color(*(a + share * (b - a) for a, b in zip(self, other, strict=True)))

    def contrast(self, other: "Color") -> float:
        """Return the contrast between two colors, 1 to 21 (WCAG 2.2)."""
        dark, light = sorted((self.luminance(), other.luminance()))
        return (light + 0.05) / (dark + 0.05)

    def luminance(self) -> float:
        """Return the relative luminance, 0 to 1 (WCAG 2.2)."""
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in self]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def css(self) -> str:
        """Return the color in CSS notation."""
        return "#" + "".join(f"{round(255 * c):02x}" for c in self)


BLACK, WHITE = Color(0.07, 0.07, 0.07), Color(1, 1, 1)


def style(color: str | None, background: str | None) -> str:
    """Return a style sheet that replaces a page's default colors with chosen ones.

    Args:
      color: the CSS color of the model's lines and of the main button; None means the default.
      background: the CSS color of the page in light and dark mode; None means the default.

    Raises:
      UserError: an argument is not a valid color.
    """
    chosen: dict[str, Color] = {}
    if background is not None:
        chosen = _colors_on(_parsed("background", background))
    if color is not None:
        accent = _parsed("color", color)
        chosen |= {"accent": accent, "on-accent": _text_on(accent)}
        if background is not None and accent.contrast(chosen["paper"]) < SEEN:
            warn(f"lines in {color} are hard to see on {background}")
    if not chosen:
        return ""
    rules = "".join(f"--{name}:{value.css()};" for name, value in chosen.items())
    return f":root:root{{{rules}}}"


def _colors_on(ground: Color) -> dict[str, Color]:
    """Return the page's colors, keyed by name, chosen to be readable on a background."""
    ink = _text_on(ground)
    paper = ground.mixed(WHITE, 0.6 if ink == BLACK else 0.05)
    share = 0.4
    while ink.mixed(ground, share).contrast(ground) < READABLE and share > 0:
        share -= 0.1
    accent = Color(0.72, 0.25, 0.04) if ink == BLACK else Color(1, 0.6, 0.38)
    return {
        "ground": ground,
        "paper": paper,
        "ink": ink,
        "quiet": ink.mixed(ground, max(share, 0)),
        "line": ink.mixed(ground, 0.8),
        "accent": accent,
        "on-accent": _text_on(accent),
    }


def _text_on(color: Color) -> Color:
    """Return black or white, whichever is easier to read on a color."""
    return max((BLACK, WHITE), key=color.contrast)


def _parsed(name: str, text: str) -> Color:
    found = parse_color(text)
    if found is None or isinstance(found, str) or found.alpha < 1:
        raise UserError(f"`{name}`: expected a color, as in red or #c33, got {text!r:.40}")
    return Color(found.red, found.green, found.blue)
