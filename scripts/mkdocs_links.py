"""A hook of mkdocs: pages outside of docs/ have a page of the site that includes them."""

from typing import Any

INCLUDED = {
    "../CHANGELOG.md": "changelog.md",
    "../SECURITY.md": "security.md",
    "../configs/README.md": "configurations.md",
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with links to the site's pages."""
    for path, page in INCLUDED.items():
        markdown = markdown.replace(f"]({path}", f"]({page}")
    return markdown
