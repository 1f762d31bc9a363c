"""Pages of many drawings."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from trace_pages import CROSS, page

from sketch_rnn.convert.readers.chunks import Reading
from sketch_rnn.convert.readers.pictures import _of_sheet
from sketch_rnn.trace.grid import print_grid
from sketch_rnn.trace.pixels import Picture, pictures
from sketch_rnn.trace.sheets import drawings, grid_cells
from sketch_rnn.trace.tracer import trace

TABLE = (70, 50, 40)


def test_a_page_is_split_into_its_drawings_in_reading_order(tmp_path):
    places = [(40, 50), (330, 20), (60, 330), (340, 350)]
    lines = [[(x + a, y + b) for a, b in line] for x, y in places for line in CROSS]
    image = page(lines, size=(560, 560), width=4, smooth=2)
    found = drawings(trace(np.asarray(image)).lines, image.size)
    assert [len(group) for group in found] == [2, 2, 2, 2]
    for group, place in zip(found, places, strict=True):
        assert np.allclose(np.concatenate(group).min(0) - place, (20, 20), atol=3)


def test_a_printed_grid_is_not_a_drawing(tmp_path):
    print_grid(tmp_path / "grid.pdf", columns=2, rows=3)
    (picture,) = pictures((tmp_path / "grid.pdf").read_bytes(), is_pdf=True)
    drawn = picture.pixels.copy()
    drawn[200:400, 300:306] = 20
    assert len(trace(drawn).lines) == 1


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    path = tmp_path_factory.mktemp("grid") / "grid.pdf"
    print_grid(path, columns=2, rows=3)
    (picture,) = pictures(path.read_bytes(), is_pdf=True)
    return Image.fromarray(picture.pixels)


def photographed(paper, places):
    """Photograph the paper, with a cross drawn at each place, half in the shade, on a table."""
    paper = paper.copy()
    pen = ImageDraw.Draw(paper)
    for x, y in places:
        for line in CROSS:
            pen.line([(x + 2.5 * a, y + 2.5 * b) for a, b in line], "black", 5)
    width, height = paper.size
    shade = 0.7 + 0.2 * np.linspace(0, 1, width)[None, :, None]
    shade = shade * np.where(np.arange(width) > 0.55 * width, 0.8, 1)[None, :, None]
    paper = Image.fromarray((np.asarray(paper) * shade).astype(np.uint8))
    corners = (-60, -50, -90, height + 70, width + 60, height + 40, width + 80, -80)
    size = (width + 100, height + 100)
    image = paper.transform(size, Image.Transform.QUAD, corners, 2, fillcolor=TABLE)
    noise = np.random.default_rng(0).normal(0, 3, (*image.size[::-1], 3))
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "L"], ids=["in color", "in gray"])
def test_a_printed_grid_is_recognized_in_a_photograph(grid, mode):
    wide = 2.5 * 110  # the last cross reaches over the edge of its cell
    places = [(100, 100), (700, 120), (690, 610), (90, 1080), (1132 - 60 - wide, 1080)]
    photo = photographed(grid.convert(mode).convert("RGB"), places)
    cells = grid_cells(photo)
    assert len(cells) == 6
    assert (np.diff(cells[::2, 1]) > 300).all() and (cells[1::2, 0] > cells[::2, 0] + 300).all()
    found = drawings(trace(photo).lines, photo.shape[1::-1], cells)
    assert [len(group) for group in found] == [2, 2, 2, 2, 2]


def test_a_page_without_a_grid_has_no_cells():
    assert grid_cells(np.asarray(page(CROSS, size=(560, 560)))) is None


def test_parts_left_out_of_a_page_are_reported_once():
    places = [(40, 50), (330, 20)]
    lines = [[(x + a, y + b) for a, b in line] for x, y in places for line in CROSS]
    image = page([*lines, [(280, 280)]], size=(560, 400), width=4, smooth=2)
    first, second = _of_sheet(Picture(np.asarray(image)), Reading())
    assert first.left_out == ("1 line left out (too small for a drawing)",)
    assert second.left_out == ()
