"""Pages of many drawings."""

import numpy as np
from trace_pages import CROSS, page

from sketch_rnn.trace.pixels import pictures
from sketch_rnn.trace.sheets import drawings, print_grid
from sketch_rnn.trace.tracer import trace


def test_a_page_is_split_into_its_drawings_in_reading_order(tmp_path):
    places = [(40, 50), (330, 20), (60, 330), (340, 350)]
    lines = [[(x + a, y + b) for a, b in line] for x, y in places for line in CROSS]
    image = page(lines, size=(560, 560), width=4, smooth=2)
    found = drawings(trace(np.asarray(image)).lines, image.size)
    assert [len(group) for group in found] == [2, 2, 2, 2]
    for group, place in zip(found, places, strict=True):
        assert np.allclose(np.concatenate(group).min(0) - place, (20, 20), atol=3)


def test_a_printed_grid_is_no_drawing(tmp_path):
    print_grid(tmp_path / "grid.pdf", columns=2, rows=3)
    (picture,) = pictures((tmp_path / "grid.pdf").read_bytes(), is_pdf=True)
    drawn = picture.pixels.copy()
    drawn[200:400, 300:306] = 20
    assert len(trace(drawn).lines) == 1
