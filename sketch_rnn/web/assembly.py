"""Assemble a page: a single file that works offline.

Its Content-Security-Policy allows only its own script and style, by their hashes. Names, titles and
drawings may be untrusted, so they enter the page as escaped text or as JSON without `<`.
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

INFERENCE = (  # each module needs the ones before it
    "checks.mjs",
    "products.mjs",
    "weights.mjs",
    "mixture.mjs",
    "cells.mjs",
    "latent.mjs",
    "model.mjs",
)
WORKER = (*INFERENCE, "worker.mjs")
LARGEST_FILE = 100_000_000  # bytes

_IMPORT = re.compile(r"^import [^;]*;\n", re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.M)
_BLANK = re.compile(r"\{\{(\w+)\}\}")


def asset(name: str) -> str:
    """Return the text of one of the files from which pages are made."""
    return (resources.files(__package__) / "assets" / name).read_text("utf-8")


def script(modules: Sequence[str]) -> str:
    """Join modules into one script, in order, without their imports and exports."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", asset(module))) for module in modules)


def as_json(value: Any) -> str:
    """Return a value as JSON that cannot close the HTML element around it."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def page(
    template: str,
    styles: Sequence[str],
    modules: Sequence[str],
    parts: Mapping[str, str],
    colors: str = "",
) -> str:
    """Return a template with its style, its script, their hashes and each `{{part}}` filled in.

    `colors` is a style sheet that is appended to the page's style sheets.
    """
    style = "\n".join([*(asset(name) for name in styles), colors])
    code = script(modules)
    own = {
        "style": style,
        "style_hash": _hash(style),
        "script": code,
        "script_hash": _hash(code),
    }
    return _BLANK.sub(lambda blank: {**own, **parts}[blank[1]], asset(template))


def write(path: str | Path, text: str) -> None:
    """Write a page or a module, completely or not at all.

    Raises:
      UserError: the page or module is larger than 100 MB.
      OSError: the file cannot be written; an existing file is unchanged.
    """
    data = text.encode()
    check_size(len(data))
    with files.replacing(path) as file:
        file.write(data)


def check_size(size: int) -> None:
    """Raise UserError for a file of more than 100 MB."""
    if size > LARGEST_FILE:
        raise UserError(
            f"this model would make a file of {size / 1e6:.0f} MB, expected at most "
            f"{LARGEST_FILE / 1e6:.0f} MB; --weights=float16 or int8 makes it smaller, or train a "
            "smaller model"
        )


def _hash(text: str) -> str:
    """Return a string's hash in the form that a Content-Security-Policy uses."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
