"""Write the page to draw on: a single file that contains a model and works offline."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.convert.sketches_json import to_lists
from sketch_rnn.errors import UserError
from sketch_rnn.formats import module
from sketch_rnn.model import sampling
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.web import assembly, theme

MOST_EXAMPLES = 12
TITLE = "Draw together"

_STYLES = ("base.css", "page.css")
_INTERFACE = ("strokes.mjs", "keep.mjs", "paper.mjs", "share.mjs", "page.mjs")


def refuse(path: Path, _: str = "") -> SketchRNN:
    """Raise a UserError: a page or module cannot be loaded as a model."""
    raise UserError(
        f"{path} is for browsers and cannot be loaded; load the model that it was made from"
    )


def save_page(
    model: SketchRNN,
    path: str | Path,
    title: str | None = None,
    examples: Sequence[np.ndarray] = (),
    weights: str = "int8",
    subtitle: str | None = None,
    color: str | None = None,
    background: str | None = None,
) -> None:
    """Write a page to draw on with the model.

    Args:
      model: any model with a scale factor.
      path: the path of the `.html` file.
      title: the title of the page; None means `TITLE`.
      examples: drawings that visitors can start from, stroke-3 arrays `[n, 3]` in data units.
      weights: how to store the weights; see `module.content`.
      subtitle: the line under the title, such as a credit; None names the model's data sets.
      color: the CSS color of lines that the model draws; None means the page's default.
      background: the CSS color of the page in light and dark mode; None means the default.

    Raises:
      UserError: the model has no scale factor, the page would be too large, or a color is invalid.
      OSError: the file cannot be written; an existing file is unchanged.
    """
    shown = [to_lists(sketch) for sketch in examples[:MOST_EXAMPLES]]
    drawings = interface(model, examples) | {"examples": shown}
    parts = {
        "title": html.escape(title or TITLE),
        "subtitle": html.escape(subtitle) if subtitle is not None else _subtitle(model),
        "modes_hidden": "" if model.hparams.conditional else " hidden",
        "worker": assembly.script(assembly.WORKER),
        "drawings": assembly.as_json(drawings),
        "model": assembly.as_json(module.content(model, weights)),
    }
    colors = theme.style(color, background)
    assembly.write(path, assembly.page("page.html", _STYLES, _INTERFACE, parts, colors))


def interface(model: SketchRNN, examples: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return what a page needs to know about a model besides its weights.

    Args:
      model: any model.
      examples: stroke-3 arrays `[n, 3]` in data units; their size is used if the model does not
        know its full size.
    """
    return {
        "side": _side(model, examples),
        "maxPoints": model.hparams.max_seq_len,
        "conditional": model.hparams.conditional,
    }


def _subtitle(model: SketchRNN) -> str:
    """Return the default line under the title, as HTML."""
    names = html.escape(module.data_set_names(model))
    return f"A neural network that learned from drawings: <b>{names}</b>"


def _side(model: SketchRNN, examples: Sequence[np.ndarray]) -> float:
    """Return the longer side of a typical drawing, in data units."""
    return model.full_size or strokes.typical_side(examples) or sampling.typical_size(model)
