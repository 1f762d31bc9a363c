"""Tests of the page that `save_pad` writes, and of the settings that it refuses."""

import json
import re

import pytest

from sketch_rnn.errors import UserError
from sketch_rnn.web.pad import save_pad

HOSTILE = "</script><script>alert('x')</script>"


def settings(page):
    return json.loads(re.search(r'id="pad">(.*?)</script>', page)[1])


def test_a_pad_is_one_file_with_its_settings(tmp_path):
    save_pad(tmp_path / "pad.html", ["cat", "tall  house"], count=12, seconds=20, title="My cats")
    page = (tmp_path / "pad.html").read_text("utf-8")
    written = settings(page)
    assert written.pop("id")
    assert written == {
        "title": "My cats", "words": ["cat", "tall house"], "count": 12, "seconds": 20,
        "model": None,
    }  # fmt: skip
    assert "{{" not in page and not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_a_pad_that_is_written_again_keeps_its_drawings(tmp_path):
    ids = []
    for prompts, count in ((["cat"], 5), (["cat"], 9), (["dog"], 5)):
        save_pad(tmp_path / "pad.html", prompts, count=count)
        ids.append(settings((tmp_path / "pad.html").read_text("utf-8"))["id"])
    assert ids[0] == ids[1] != ids[2]


def test_a_title_and_prompts_are_shown_as_text(tmp_path):
    save_pad(tmp_path / "pad.html", [HOSTILE], title=HOSTILE)
    page = (tmp_path / "pad.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert settings(page)["words"] == [HOSTILE]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"prompts": ["cat", " "]}, "prompts of 1 to 60 characters, got ''"),
        ({"prompts": ["x" * 61]}, "prompts of 1 to 60 characters"),
        ({"prompts": ["cat", "dog", "cat"]}, "each prompt once, got 'cat' twice"),
        ({"count": 0}, "a count of at least 1, got 0"),
        ({"seconds": -1}, "0 to 3600 seconds, got -1"),
    ],
)
def test_a_pad_with_bad_settings_is_refused(tmp_path, options, line):
    with pytest.raises(UserError, match=line):
        save_pad(tmp_path / "pad.html", **options)
    assert not list(tmp_path.iterdir())
