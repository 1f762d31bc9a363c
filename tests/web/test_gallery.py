"""Tests of the live pages that the build of the documentation site makes."""

import re
import sys
from types import SimpleNamespace

import pytest
from helpers import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import mkdocs_gallery as gallery

DOCS = ROOT / "docs"


def named_in(page):
    return gallery.LINE.findall((DOCS / page).read_text())


def test_the_home_page_and_the_gallery_of_the_site_have_live_pages():
    assert named_in("index.md") == ["doodles"]
    assert named_in("gallery.md") == list(gallery.PAGES)
    assert not list(DOCS.rglob("*.html"))  # live pages are not in the repository


@pytest.mark.parametrize("url, address", [("", "live/"), ("gallery/", "../live/")])
def test_a_comment_with_a_model_becomes_a_frame(url, address):
    text = "above\n\n<!-- live: doodles -->\n\nbelow"
    found = gallery.on_page_markdown(text, SimpleNamespace(url=url))
    assert re.search(f'<iframe class="live" src="{address}doodles.html" title="[^"]+"', found)
    assert found.startswith("above\n") and found.endswith("\nbelow")


def test_a_comment_with_a_missing_model_is_removed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = gallery.on_page_markdown("<!-- live: kanji -->", SimpleNamespace(url=""))
    assert found == ""
