"""A hook for MkDocs that makes links to files outside of docs/ lead to pages that include them."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
INCLUDED = {
    "../CHANGELOG.md": "changelog.md",
    "../SECURITY.md": "security.md",
    "../configs/README.md": "configurations.md",
}
SNIPPET = re.compile(r'^--8<-- "(.+)"$', re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with its included files inserted, and with links to the site's pages."""
    markdown = SNIPPET.sub(_included, markdown)
    for path, page in INCLUDED.items():
        markdown = markdown.replace(f"]({path}", f"]({page}")
    return markdown


def _included(snippet: re.Match[str]) -> str:
    """Return the text of the file that a line includes, with links relative to docs/."""
    text = (ROOT / snippet.group(1)).read_text(encoding="utf-8")
    return re.sub(r"\]\((?:\.\./)?docs/", "](", text)
