"""Read the CSS properties that affect how a drawing looks, and check their values."""

import re
from collections.abc import Iterable
from functools import lru_cache

import tinycss2
from tinycss2.ast import Node

from sketch_rnn.svg import basic_shapes, paint, transforms, values

MAX_DECLARATIONS = 4000  # characters in one `style` attribute; any further ones are ignored

# properties that elements inherit from those around them, and their initial values
INHERITED = {
    "clip-rule": "nonzero",
    "color": "black",
    "color-scheme": "normal",
    "fill": "black",
    "fill-opacity": "1",
    "fill-rule": "nonzero",
    "font-size": "16px",
    "marker-end": "none",
    "marker-mid": "none",
    "marker-start": "none",
    "stroke": "none",
    "stroke-dasharray": "none",
    "stroke-dashoffset": "0",
    "stroke-linecap": "butt",
    "stroke-opacity": "1",
    "stroke-width": "1",
    "visibility": "visible",
}
ATTRIBUTES = (  # attributes that are also CSS properties
    *INHERITED,
    "clip-path",
    "display",
    "mask",
    "mask-type",
    "opacity",
    "overflow",
)
_LENGTHS = ("cx", "cy", "height", "r", "rx", "ry", "width", "x", "y")
_PROPERTIES = {
    *ATTRIBUTES,
    *_LENGTHS,
    *transforms.PROPERTIES,
    "animation",
    "animation-name",
    "background",
    "background-color",
    "d",
    "mask-image",
    "transform-box",
    "transform-origin",
}
_MOVES_TOO = ("offset", "offset-path")  # also move elements; not understood
_BOXES = ("border-box", "content-box", "fill-box", "stroke-box", "view-box")
_WIDE = ("inherit", "initial", "revert", "revert-layer", "unset")

Values = dict[str, str]  # property values, keyed by name


def declared(nodes: Iterable[Node]) -> tuple[Values, Values, tuple[str, ...]]:
    """Return the properties that declarations set.

    Returns:
      The properties without `!important`, the properties with `!important`, and the declarations
      that are not understood.
    """
    normal: Values = {}
    important: Values = {}
    odd = []
    for node in nodes:
        if node.type != "declaration":
            continue
        name = node.lower_name
        if name not in _PROPERTIES and name not in _MOVES_TOO and not name.startswith("--"):
            continue
        value = values.serialized(node.value).strip()
        if not understood(name, value):
            odd.append(f"{name}: {value}")
        else:
            (important if node.important else normal)[name] = value
    return normal, important, tuple(odd)


@lru_cache(maxsize=256)
def of_attribute(text: str) -> tuple[Values, Values, tuple[str, ...]]:
    """Return the properties that a `style` attribute sets; see `declared`."""
    nodes = tinycss2.parse_blocks_contents(text[:MAX_DECLARATIONS], skip_comments=True)
    return declared(nodes)


@lru_cache(maxsize=4096)
def understood(name: str, value: str) -> bool:
    """Return whether a value is understood; a value with variables counts as understood."""
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
        if name == "clip-path":
            return basic_shapes.understood(value)
        if name in ("mask", "mask-image"):
            return value.lower() == "none" or value.lower().startswith("url(")
        if name == "d":
            return value == "none" or path_of(value) is not None
    except (ArithmeticError, ValueError):
        return False
    return True


def path_of(value: str) -> str | None:
    """Return the path data in `path("...")`, the form of the property `d`; None if invalid."""
    match = re.fullmatch(r"path\(\s*(?:\"([^\"]*)\"|'([^']*)')\s*\)", value, re.DOTALL)
    return match and (match[1] or match[2] or "")


def plain(name: str, value: str) -> str:
    """Replace the keyword `initial` with the initial value, and keywords like `inherit` with "".

    Other values are returned unchanged.
    """
    word = value.lower()
    if word not in _WIDE:
        return value
    return INHERITED.get(name, "") if word == "initial" else ""
