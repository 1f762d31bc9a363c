"""Tests of the colors that a page's owner chooses, and of the colors derived from them."""

import re

import pytest

from sketch_rnn.errors import UserError
from sketch_rnn.web import theme


def colors(color=None, background=None):
    found = re.findall(r"--([\w-]+):#(\w{6});", theme.style(color, background))
    return {
        name: theme.Color(*(int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)))
        for name, text in found
    }


def test_a_page_has_default_colors_unless_others_are_chosen():
    assert theme.style(None, None) == ""


def test_contrast_follows_the_wcag_formula():
    assert theme.Color(0, 0, 0).contrast(theme.Color(1, 1, 1)) == pytest.approx(21)
    gray = theme.Color(*[0x77 / 255] * 3)
    assert gray.contrast(theme.Color(1, 1, 1)) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize(
    "background", ["white", "black", "navy", "#c33", "#777", "yellow", "teal", "rgb(0, 128, 0)"]
)
def test_text_has_enough_contrast_on_any_background(background):
    found = colors(background=background)
    for text in ("ink", "quiet"):
        assert found[text].contrast(found["ground"]) >= 4
    assert found["ink"].contrast(found["paper"]) >= 3
    assert found["on-accent"].contrast(found["accent"]) >= 4.5


def test_the_color_option_sets_the_color_of_the_lines_the_model_draws():
    found = colors(color="#0a5")
    assert set(found) == {"accent", "on-accent"} and found["accent"].css() == "#00aa55"


@pytest.mark.parametrize("text", ["no", "none", "currentColor", "rgba(0, 0, 0, 0.5)", "red;}"])
def test_an_invalid_color_is_refused(text):
    with pytest.raises(UserError, match="expected a color"):
        theme.style(text, None)


def test_low_contrast_lines_give_a_warning(caplog):
    theme.style("#fe0", "white")
    assert "hard to see" in caplog.text
