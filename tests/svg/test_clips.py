"""What clips, masks, viewports and dashes leave of a drawing; pictures of them are compared to a
browser's in `test_browser_pictures`."""

import numpy as np
import pytest
import shapely

from sketch_rnn.errors import UserError
from sketch_rnn.svg import regions
from sketch_rnn.svg.reader import read_polylines
from sketch_rnn.svg.regions import Region, Work

PEN = 'fill="none" stroke="#000" stroke-width="1"'
CLIP = '<clipPath id="c"><rect width="{0}" height="100"/></clipPath>'
SQUARE = Region(shapely.box(0, 0, 10, 10))


def read(body, **options):
    text = f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">{body}</svg>'
    return read_polylines(text.encode(), **options)


def cut(*points):
    return [piece.tolist() for piece in SQUARE.cut(np.array(points, float), Work())]


def test_a_clip_as_wide_as_the_page_changes_nothing_and_is_not_reported():
    body = f'<path {PEN} d="M10 10C50 90 50 90 90 10"/><circle {PEN} cx="50" cy="50" r="20"/>'
    clipped = read(f'{CLIP.format(100)}<g clip-path="url(#c)">{body}</g>')
    assert clipped.left_out == []
    for line, expected in zip(clipped.lines, read(body).lines, strict=True):
        np.testing.assert_array_equal(line, expected)


def test_pieces_of_a_clipped_line_keep_their_order_and_direction():
    assert cut((-5, 5), (15, 5), (15, 8), (-5, 8)) == [[[0, 5], [10, 5]], [[10, 8], [0, 8]]]
    assert cut((5, 5), (5, 20), (8, 20), (8, 5)) == [[[5, 5], [5, 10]], [[8, 10], [8, 5]]]
    assert cut((1, 1), (9, 9), (1, 9)) == [[[1, 1], [9, 9], [1, 9]]]
    assert cut((11, 1), (12, 9)) == cut((50, 50)) == []
    assert cut((5, 5), (5, 5)) == cut((5, 5)) == [[[5, 5]]]


def test_a_clipped_closed_line_stays_joined_across_its_start():
    around = [(5, 5), (5, 15), (8, 15), (8, 2), (5, 2), (5, 5)]
    assert cut(*around) == [[[8, 10], [8, 2], [5, 2], [5, 5], [5, 10]]]


def test_the_outline_of_a_clipped_fill_is_the_edge_of_the_visible_part():
    body = f'{CLIP.format(50)}<rect clip-path="url(#c)" x="20" y="20" width="60" height="60"/>'
    (line,) = read(body, outline=True).lines
    assert line.min(axis=0).tolist() == [20, 20] and line.max(axis=0).tolist() == [50, 80]
    dot = '<circle clip-path="url(#c)" cx="80" cy="50" r="1"/>'
    assert len(read(f'{CLIP.format(50)}{dot}<path {PEN} d="M0 9h90"/>').lines) == 1


def test_a_completely_clipped_line_is_left_out():
    with pytest.raises(UserError, match="it shows no lines"):
        read(f'{CLIP.format(50)}<path {PEN} clip-path="url(#c)" d="M60 9h30"/>')


@pytest.mark.parametrize(
    ("name", "limit"), [("MAX_EDGES", 10), ("MAX_MEETING", 2), ("MAX_CUTS", 1)]
)
def test_a_clip_that_takes_too_much_work_is_left_out_and_reported(name, limit, monkeypatch):
    monkeypatch.setattr(regions, name, limit)
    monkeypatch.setattr(Work, "__init__", lambda work: vars(work).update(limits()))
    star = '<clipPath id="c"><path d="M50 0L80 90L5 35H95L20 90z"/></clipPath>'
    drawing = read(f'{star}<path {PEN} clip-path="url(#c)" d="M0 50h100"/>')
    assert drawing.left_out == ["1 clip-path left out; what should be hidden is drawn too"]
    np.testing.assert_allclose(drawing.lines[0][[0, -1]], [(0, 50), (100, 50)])


def limits():
    return {"edges": regions.MAX_EDGES, "cuts": regions.MAX_CUTS}


@pytest.mark.parametrize(
    "body",
    [
        '<clipPath id="c"><path clip-path="url(#c)" d="M0 0H90V90z"/></clipPath>',
        '<clipPath id="d" clip-path="url(#c)"/><clipPath id="c" clip-path="url(#d)"/>',
    ],
)
def test_a_clip_that_refers_to_itself_is_left_out_and_reported(body):
    (said,) = read(f'{body}<path {PEN} clip-path="url(#c)" d="M0 9h90"/>').left_out
    assert "left out; what should be hidden is drawn too" in said


def test_a_mask_with_many_colors_counts_as_white_and_is_reported():
    mask = '<linearGradient id="g"/><mask id="m"><rect width="60" height="99" fill="url(#g)"/>'
    drawing = read(f'{mask}</mask><path {PEN} mask="url(#m)" d="M0 0L90 90"/>')
    assert drawing.left_out == ["1 mask left out; what should be hidden is drawn too"]
    assert drawing.lines[0].max() == pytest.approx(60, abs=0.01)


def test_a_line_that_an_animation_reveals_is_read():
    hidden = f'{PEN} pathLength="1" stroke-dasharray="1" stroke-dashoffset="1" d="M0 9h90"'
    seen = f'<path {PEN} d="M0 90h90"/>'
    assert len(read(f"<path {hidden}/>{seen}").lines) == 1
    assert len(read(f'<path {hidden} style="animation: draw 2s"/>{seen}').lines) == 2
    animated = f'<path {hidden}><animate attributeName="stroke-dashoffset" to="0"/></path>'
    assert len(read(f"{animated}{seen}").lines) == 2
