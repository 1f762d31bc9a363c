"""A hook of mkdocs: links to files outside of docs/ lead to the pages that include them."""

from typing import Any

INCLUDED = {
    "../CHANGELOG.md": "changelog.md",
    "../SECURITY.md": "security.md",
    "../configs/README.md": "configurations.md",
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with links to the site's pages."""
    for path, page in INCLUDED.items():
        markdown = markdown.replace(f"]({path}", f"]({page}")
    return markdown
