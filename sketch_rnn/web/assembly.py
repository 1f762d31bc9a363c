"""Puts a page together: one file that asks the network for nothing.

Its Content-Security-Policy allows its own script and style by their hashes, and nothing more.
Names, titles and drawings, which may be a stranger's, enter it as text or as JSON without `<`.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from sketch_rnn import files
from sketch_rnn.errors import UserError

INFERENCE = ("weights.mjs", "mixture.mjs", "cells.mjs", "model.mjs")  # each needs those before it
WORKER = (*INFERENCE, "worker.mjs")
LARGEST_FILE = 100_000_000  # bytes

_IMPORT = re.compile(r"^import [^;]*;\n", re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.M)
_BLANK = re.compile(r"\{\{(\w+)\}\}")


def asset(name: str) -> str:
    """The text of one of the files that pages are made of."""
    return (resources.files(__package__) / "assets" / name).read_text("utf-8")


def script(modules: Sequence[str]) -> str:
    """The modules as one script: in order, without their imports and exports."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", asset(module))) for module in modules)


def as_json(value: Any) -> str:
    """JSON that cannot end the element that it stands in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def page(
    template: str, styles: Sequence[str], modules: Sequence[str], parts: Mapping[str, str]
) -> str:
    """A template's text with its style, its script, their hashes and each `{{part}}` filled in."""
    style = "\n".join(asset(name) for name in styles)
    code = script(modules)
    own = {
        "style": style,
        "style_hash": _hash(style),
        "script": code,
        "script_hash": _hash(code),
    }
    return _BLANK.sub(lambda blank: {**own, **parts}[blank[1]], asset(template))


def write(path: str | Path, text: str) -> None:
    """Writes a page or a module whole.

    Raises:
      UserError: it is larger than 100 MB.
      OSError: the file cannot be written; an earlier one is then as it was.
    """
    data = text.encode()
    if len(data) > LARGEST_FILE:
        raise UserError(
            f"this model would make a file of {len(data) / 1e6:.0f} MB, expected at most "
            f"{LARGEST_FILE / 1e6:.0f} MB; --weights=float16 or int16 makes it smaller, or train a "
            "smaller model"
        )
    with files.replacing(path) as file:
        file.write(data)


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
