"""Read picture files of every common kind."""

import numpy as np
import pytest
from PIL import Image
from trace_pages import CROSS, apart, encoded, page

from sketch_rnn.errors import UserError
from sketch_rnn.trace import pixels
from sketch_rnn.trace.tracer import trace

PAGE = page(CROSS)


def lines_of(content, is_pdf=False):
    (picture,) = pixels.pictures(content, is_pdf)
    return [line / picture.scale for line in trace(picture.pixels).lines]


def sixteen_bits():
    return Image.fromarray(np.asarray(PAGE.convert("L")).astype(np.uint16) * 257)


def transparent(ink):
    alpha = PAGE.convert("L").point(lambda value: 255 - value)
    image = Image.new("RGBA", PAGE.size, ink)
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize(
    "content",
    [
        encoded(PAGE.convert("P")),
        encoded(PAGE.convert("1")),
        encoded(sixteen_bits()),
        encoded(transparent("black")),
        encoded(transparent("white")),
        encoded(PAGE.convert("CMYK"), "JPEG"),
        encoded(PAGE, "WEBP"),
        encoded(PAGE, "TIFF"),
    ],
    ids=[
        "palette",
        "1-bit",
        "16-bit",
        "black on nothing",
        "white on nothing",
        "CMYK",
        "WebP",
        "TIFF",
    ],
)
def test_every_kind_of_picture_gives_the_same_lines(content):
    assert apart(lines_of(content), CROSS) < 2


def test_a_page_of_a_pdf_is_a_picture():
    assert apart(lines_of(encoded(PAGE, "PDF", resolution=72), is_pdf=True), CROSS) < 2


def test_a_photograph_is_rotated_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    content = encoded(PAGE.transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert apart(lines_of(content), CROSS) < 2


def test_each_page_of_a_tiff_is_a_picture():
    content = encoded(PAGE, "TIFF", save_all=True, append_images=[PAGE, PAGE])
    assert len(list(pixels.pictures(content))) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encoded(PAGE)[:200], "damaged"),
        (b"", "damaged"),
        (encoded(Image.new("L", (4, 4))), "expected at least 16 pixels per side"),
        (encoded(Image.new("1", (9000, 9000))), "at most 50 million pixels"),
    ],
)
def test_an_unusable_picture_gives_a_one_line_error(content, message):
    with pytest.raises(UserError, match=message):
        list(pixels.pictures(content))
