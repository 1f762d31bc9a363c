"""What pyproject.toml cannot say: folders beside the package go into it, and links become absolute.

PROJECT_HOME is the address of the repository that a release is built for; its pages and pictures
are those of the release's tag.
"""

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

BESIDE = {"sketch_rnn.configs": "configs", "sketch_rnn.datasets.doodles": "datasets/doodles"}
HOME = os.environ.get("PROJECT_HOME", "").rstrip("/")
README = Path("README.md").read_text(encoding="utf-8")


def version() -> str:
    """The package's `__version__`."""
    return re.search(
        r'^__version__ = "(.+)"', Path("sketch_rnn/__init__.py").read_text(encoding="utf-8"), re.M
    )[1]


def with_absolute_links(text: str) -> str:
    """The text with links to files of the repository as links to that release's."""

    def absolute(found: re.Match) -> str:
        kind = "raw" if found[1] else "blob"
        return f"{found[1]}[{found[2]}]({HOME}/{kind}/v{version()}/{found[3]})"

    return re.sub(r"(!?)\[([^]]*)\]\((?!https?://|#)([^)]+)\)", absolute, text)


def urls() -> dict[str, str]:
    """Where the project is, as far as it is known, and the paper."""
    paper = {"Paper": "https://arxiv.org/abs/1704.03477"}
    if not HOME:
        return paper
    return {
        "Homepage": HOME,
        "Documentation": f"{HOME}/tree/v{version()}/docs",
        "Changelog": f"{HOME}/blob/v{version()}/CHANGELOG.md",
        "Issues": f"{HOME}/issues",
        **paper,
    }


setup(
    packages=[*find_packages(include=["sketch_rnn*"]), *BESIDE],
    package_dir={"sketch_rnn": "sketch_rnn", **BESIDE},
    long_description=with_absolute_links(README) if HOME else README,
    long_description_content_type="text/markdown",
    project_urls=urls(),
)
