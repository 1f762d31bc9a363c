"""A hook for MkDocs that adds live pages to draw on, made from models when the site is built.

A line `<!-- live: NAME -->` in a page becomes a frame with the live page of that name. If the model
is missing, the line is removed, and the log says so.
"""

import logging
import re
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = "live"
LINE = re.compile(r"^<!-- live: (\w+) -->$", re.M)

log = logging.getLogger("mkdocs.hooks.gallery")


class Live(NamedTuple):
    """A live page: its model, the title of the page, and the line below the title."""

    model: str
    title: str
    subtitle: str | None = None


PAGES = {
    "doodles": Live("doodles", "Draw together"),
    "kanji": Live(
        "models/kanjivg",
        "Invent a kanji",
        "A neural network that learned from KanjiVG, © Ulrich Apel, CC BY-SA 3.0",
    ),
}


def is_there(name: str) -> bool:
    """Return whether the model of a live page exists."""
    model = PAGES[name].model
    return model == "doodles" or (Path(model) / "checkpoints").is_dir()


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put live pages into a page of the site."""
    up = "../" * page.url.count("/")

    def frame(found: re.Match[str]) -> str:
        name = found[1]
        if not is_there(name):
            log.info("the gallery is without %s: there is no %s", name, PAGES[name].model)
            return ""
        address, title = f"{up}{FOLDER}/{name}.html", PAGES[name].title
        return (
            f'<iframe class="live" src="{address}" title="{title}" loading="lazy"></iframe>\n\n'
            f'<a href="{address}">{title} on a page of its own</a>'
        )

    return LINE.sub(frame, markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Write the live pages into the site."""
    from sketch_rnn.formats import load_model, save_model
    from sketch_rnn.formats.examples import examples_for
    from sketch_rnn.formats.full_size import find_full_size

    folder = Path(config["site_dir"]) / FOLDER
    folder.mkdir(exist_ok=True)
    for name in filter(is_there, PAGES):
        path, title, subtitle = PAGES[name]
        model = load_model(path)
        find_full_size(model, path)
        save_model(
            model,
            folder / f"{name}.html",
            title=title,
            subtitle=subtitle,
            examples=examples_for(model, path),
        )
