"""Write a pad: a page that asks people for drawings and saves them as a file of strokes."""

import hashlib
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sketch_rnn.errors import UserError
from sketch_rnn.web import assembly

TITLE = "Draw"
LONGEST_PROMPT = 60  # characters

_STYLES = ("base.css", "pad.css")
_MODULES = ("strokes.mjs", "keep.mjs", "paper.mjs", "records.mjs", "store.mjs", "pad.mjs")


def save_pad(
    path: str | Path,
    prompts: Sequence[str] = (),
    count: int = 30,
    seconds: float = 0,
    title: str | None = None,
    model: Mapping[str, Any] | None = None,
    interface: Mapping[str, Any] | None = None,
) -> None:
    """Write a single-file page that people draw on; it sends nothing anywhere.

    The browser stores the drawings under a name made from the title and the prompts, so a pad that
    is written again with the same title and prompts keeps its drawings.

    Args:
      path: the path of the `.html` file.
      prompts: the things to draw; without prompts, the pad asks for any drawing.
      count: the number of drawings to ask for, for each prompt.
      seconds: the time for a drawing, from its first stroke; 0 means no limit.
      title: the page's title; None means `TITLE`.
      model: a model from `formats.module.content`; if given, the pad shows the model's versions of
        each drawing.
      interface: the description of that model, from `formats.page.interface`.

    Raises:
      UserError: a prompt is empty, too long or repeated, or a number is out of range.
      OSError: the file cannot be written; an existing file is unchanged.
    """
    words = _checked(prompts)
    if count < 1:
        raise UserError(f"expected a count of at least 1, got {count}")
    if not 0 <= seconds <= 3600:
        raise UserError(f"expected a time limit of 0 to 3600 seconds, got {seconds:g}")
    title = title or TITLE
    settings = {
        "id": hashlib.sha256("\n".join([title, *words]).encode()).hexdigest()[:16],
        "title": title,
        "words": words,
        "count": count,
        "seconds": seconds,
        "model": interface,
    }
    parts = {
        "title": html.escape(title),
        "pad": assembly.as_json(settings),
        "model": assembly.as_json(model),
        "worker": assembly.script(assembly.WORKER) if model else "",
    }
    assembly.write(path, assembly.page("pad.html", _STYLES, _MODULES, parts))


def _checked(prompts: Sequence[str]) -> list[str]:
    words = [" ".join(prompt.split()) for prompt in prompts]
    for word in words:
        if not 0 < len(word) <= LONGEST_PROMPT:
            raise UserError(f"expected prompts of 1 to {LONGEST_PROMPT} characters, got {word!r}")
        if words.count(word) > 1:
            raise UserError(f"expected each prompt once, got {word!r} twice")
    return words
