"""Trace pictures whose lines are known."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from trace_pages import ANGLE, CIRCLE, CROSS, apart, page

from sketch_rnn.errors import UserError
from sketch_rnn.trace.smooth import length
from sketch_rnn.trace.tracer import trace


def traced(image, **options):
    return trace(np.asarray(image.convert("RGB")), **options)


@pytest.mark.parametrize("width", [1, 3, 5, 11])
@pytest.mark.parametrize("lines", [CROSS, ANGLE, CIRCLE], ids=["cross", "angle", "circle"])
def test_drawn_lines_are_found(lines, width):
    found = traced(page(lines, width=width))
    assert len(found.lines) == len(lines)
    assert apart(found.lines, lines) < max(2.0, 0.5 * width)
    assert found.width == pytest.approx(width, abs=1 + 0.1 * width)


def test_a_circle_is_closed_and_runs_counterclockwise_from_its_top():
    (line,) = traced(page(CIRCLE)).lines
    assert np.array_equal(line[0], line[-1])
    assert line[0, 1] == line[:, 1].min()
    assert line[len(line) // 4, 0] < line[0, 0]


def test_lines_run_from_top_to_bottom_and_start_at_their_upper_left_end():
    drawn = [[(130, 120), (30, 110)], [(60, 60), (90, 90)], [(120, 20), (140, 40)]]
    found = traced(page(drawn)).lines
    starts = [(120, 20), (60, 60), (30, 110)]
    np.testing.assert_allclose([line[0] for line in found], starts, atol=2)


def test_a_corner_stays_where_it_is():
    (line,) = traced(page(ANGLE)).lines
    assert np.hypot(*(line - ANGLE[0][1]).T).min() < 1.5


def test_a_very_sharp_corner_is_one_line_to_its_tip():
    narrow = [[(20, 40), (145, 60), (20, 80)]]
    for width in (3, 7):
        found = traced(page(narrow, width=width))
        assert len(found.lines) == 1
        assert apart(found.lines, narrow) < 0.5 * width


def test_lines_that_run_side_by_side_lose_no_ink():
    beside = [[(15, 20), (60, 72), (100, 72), (145, 20)], [(15, 125), (60, 78), (145, 80)]]
    assert apart(traced(page(beside, width=7)).lines, beside) < 5


RING = [(80 + 14 * np.sin(t), 96 - 14 * np.cos(t)) for t in np.linspace(0, 2 * np.pi, 50)]
NOTCH = [(30, 15), (80, 65), (80, 105), (80, 65), (130, 15)]
WEDGE = [(40, 145), (74, 110), (76, 20), (80, 20), (83, 110), (118, 145)]
CURL = [(30, 15), (80, 55), (80, 82), *RING, (80, 82), (80, 55), (130, 15)]


@pytest.mark.parametrize(
    ("line", "width", "far"),
    [(NOTCH, 5, 1.5), (WEDGE, 9, 6.5), (CURL, 5, 2)],
    ids=["the same way back", "back side by side", "back from a loop"],
)
def test_a_line_that_turns_back_is_one_line(line, width, far):
    found = traced(page([line], size=(160, 160), width=width)).lines
    assert len(found) == 1
    assert apart(found, [line]) < far
    assert length(found[0]) == pytest.approx(length(np.array(line)), rel=0.06)


def test_lines_that_cross_at_a_small_angle_stay_two_lines():
    crossing = [[(10, 40), (300, 70)], [(10, 70), (300, 40)]]
    found = traced(page(crossing, size=(320, 110))).lines
    assert len(found) == 2
    assert apart(found, crossing) < 2.5
    assert all(abs(line[0, 1] - line[-1, 1]) > 20 for line in found)


def test_a_blob_wider_than_lines_becomes_its_outline():
    image = page([[(20, 40), (80, 75), (140, 40)]], width=6)
    ImageDraw.Draw(image).ellipse([70, 66, 90, 86], fill="black")
    assert traced(image).left_out == ("1 filled area left out (only outlines are traced)",)


def test_lines_separated_by_a_narrow_gap_and_a_faint_line_are_found():
    beside = [[(20, 40), (140, 40)], [(20, 46.5), (140, 46.5)]]
    image = page(beside, width=4)
    faint = [[(20, 100), (140, 100)]]
    pixels = np.minimum(np.asarray(image), np.asarray(page(faint, width=4, ink=(140, 140, 140))))
    found = trace(pixels)
    assert len(found.lines) == 3
    assert apart(found.lines, beside + faint) < 1.5


def test_a_dot_is_one_point():
    found = traced(page([*CROSS, [(80, 20)]]))
    (dot,) = [line for line in found.lines if len(line) == 1]
    assert np.hypot(*(dot[0] - (80, 20))) < 1


def test_a_shadow_is_not_a_line():
    pixels = np.asarray(page(CROSS)).astype(float)
    pixels[:, 90:] *= 0.6
    found = trace(pixels.astype(np.uint8))
    assert len(found.lines) == 2
    assert apart(found.lines, CROSS) < 2


def test_blue_ruled_lines_are_left_out_and_a_red_pen_is_traced():
    ruled = np.array(page(CROSS, size=(320, 300)))
    ruled[10::20] = np.minimum(ruled[10::20], [170, 200, 245])
    assert len(trace(ruled).lines) == 2
    red = traced(page(CROSS, ink=(230, 30, 30)))
    assert apart(red.lines, CROSS) < 2


@pytest.mark.parametrize("grid", [False, True], ids=["ruled", "graph paper"])
@pytest.mark.parametrize("gray", [20, 150, 215], ids=["black", "gray", "pale"])
def test_ruled_lines_of_any_darkness_are_left_out(gray, grid):
    paper = np.array(page(CROSS, size=(320, 300)))
    for first in (0, 1):
        paper[10 + first :: 20] = np.minimum(paper[10 + first :: 20], gray)
        if grid:
            paper[:, 10 + first :: 20] = np.minimum(paper[:, 10 + first :: 20], gray)
    found = trace(paper)
    assert apart(found.lines, CROSS) < 3
    assert len(found.lines) == 2
    assert found.left_out == ("ruled lines of the paper left out",)


def ruled_in_blue(lines, size=(320, 300), **options):
    """Return a page of blue lines with a red margin, like those of a school notebook."""
    paper = np.array(page(lines, size=size, **options))
    for first in (0, 1):
        paper[10 + first :: 20] = np.minimum(paper[10 + first :: 20], [140, 170, 245])
        paper[:, 160 + first] = np.minimum(paper[:, 160 + first], [240, 110, 120])
    return paper


def test_a_margin_is_not_a_line():
    gray = np.array(page(CROSS, size=(320, 300)))
    gray[:, 200:202] = 60
    found = trace(gray)
    assert apart(found.lines, CROSS) < 2
    assert found.left_out == ("ruled lines of the paper left out",)


def test_a_red_pen_beside_a_black_one_is_traced_on_blue_ruled_paper():
    red = [[(200, 180), (290, 275)], [(205, 270), (285, 190)]]
    pixels = np.minimum(
        ruled_in_blue(CROSS), np.asarray(page(red, size=(320, 300), ink=(220, 30, 40)))
    )
    found = trace(pixels)
    assert len(found.lines) == 4
    reached = np.concatenate(found.lines)
    ends = [point for line in CROSS + red for point in line]
    assert max(np.hypot(*(reached - end).T).min() for end in ends) < 13


def test_evenly_spaced_lines_in_a_drawing_are_not_ruled_lines():
    ladder = [[(40, y), (120, y)] for y in range(30, 130, 15)]
    assert len(traced(page(ladder, width=3)).lines) == 7


def test_a_line_continues_across_the_gap_left_by_a_dry_pen():
    gaps = [[(20, 30), (70, 50)], [(79, 54), (140, 90)], [(20, 120), (60, 120)]]
    joined = [[*gaps[0], *gaps[1]], gaps[2]]
    found = traced(page(gaps, width=4))
    assert len(found.lines) == 2
    assert apart(found.lines, joined) < 2


@pytest.mark.parametrize("paper, ink", [("black", "white"), ((30, 60, 40), (220, 220, 210))])
def test_light_ink_on_a_dark_background_is_traced(paper, ink):
    assert apart(traced(page(CROSS, paper=paper, ink=ink)).lines, CROSS) < 2
    with pytest.raises(UserError):
        traced(Image.new("RGB", (80, 80), paper))


def test_surroundings_of_the_paper_are_left_out_and_a_page_without_any_is_complete():
    table = np.full((230, 260, 3), (90, 60, 40), np.uint8)
    table[::7] = (60, 40, 25)
    table[40:190, 50:210] = np.asarray(page(CROSS))
    found = trace(table)
    assert apart([line - (50, 40) for line in found.lines], CROSS) < 3
    assert found.left_out == ("surroundings of the paper left out",)
    assert traced(page(CROSS)).left_out == ()
