"""A visitor draws on an exported page in Chromium and uses all its controls."""

import json
import re
import subprocess

import numpy as np
import pytest
from formats.test_page import HOSTILE, random_model
from helpers import DOODLES, ROOT, chromium, node, node_packages

from sketch_rnn import strokes
from sketch_rnn.data import npz
from sketch_rnn.formats import page
from sketch_rnn.svg.reader import read_svg

VISITOR = ROOT / "tests" / "node" / "visit_page.js"
SCREENS = ["wide", "narrow"]
NEVER = 30.0  # what the logit of a drawing's end is made smaller by


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """Return the visitor's report on each screen, and the folder with the downloads."""
    program, browser, packages = node(), chromium(), node_packages()
    folder = tmp_path_factory.mktemp("page")
    model = random_model(max_seq_len=30, data_set=[f"{HOSTILE}.npz"])
    model.decoder.output_layer.bias.assign_add([0, 0, -NEVER] + [0] * 18)
    points, lengths = npz.read_split(DOODLES / "cat.npz", "test")
    examples = np.split(points, np.cumsum(lengths))[:12]
    page.save_page(model, folder / "page.html", HOSTILE, examples)
    colored = folder / "colored.html"
    page.save_page(
        model, colored, "Ours", examples, subtitle="By us", color="#0a5", background="navy"
    )
    done = subprocess.run(
        [program, str(VISITOR), browser, str(folder / "page.html"), str(colored), str(folder)],
        cwd=packages,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout), folder


@pytest.fixture(params=SCREENS)
def visit(request, visited):
    """Return the visitor's report on one screen."""
    return visited[0][request.param]


def test_the_page_makes_no_network_requests(visit):
    assert any(url.endswith("page.html") for url in visit["requests"])
    assert all(url.startswith(("file:", "blob:", "data:")) for url in visit["requests"])


def test_the_console_stays_empty(visit):
    assert visit["console"] == []


def test_axe_finds_no_violation(visit):
    assert visit["violations"] == []


def test_the_page_is_as_wide_as_the_screen(visit):
    assert visit["overflows"] == []


def test_a_title_is_shown_as_text(visit):
    assert visit["title"] == visit["heading"] == HOSTILE


def test_nine_endings_continue_the_drawing_of_the_visitor(visit):
    assert len(visit["drawn"]) == 1 and len(visit["endings"]) == 9
    for ending in visit["endings"]:
        assert ending["given"] == visit["drawn"] and ending["added"]
    assert len({ending["markup"] for ending in visit["endings"]}) == 9


def test_a_chosen_ending_becomes_the_drawing(visit):
    third = visit["endings"][2]
    assert visit["taken"] == third["given"] + third["added"]


def test_a_hand_drawn_line_is_shown_as_it_was_drawn(visit):
    """A circle of 41 points; the model reads a simpler one."""
    (line,) = (path.split("L") for path in visit["drawn"])
    assert len(line) > 30
    (sketch,) = json.loads(visit["copied"])["sketches"]
    assert sketch.index(next(row for row in sketch if row[2])) < 25


def test_undo_redo_and_clear_change_the_drawing(visit):
    assert visit["undone"] == visit["drawn"]
    assert visit["redone"] == visit["byKeys"] == visit["taken"]
    assert visit["cleared"] == [] and visit["withoutDrawing"] == 0


def test_a_reload_keeps_the_drawing(visit):
    assert visit["reloaded"] == visit["taken"]


def test_a_slider_describes_its_effect(visit):
    assert visit["temperature"] == "0.50"
    said = "Temperature 1.00: the model is daring"
    assert said in visit["moved"]  # alone, or behind an answer that is there already
    assert visit["after"].startswith("Nine ways") and said in visit["after"]


def test_the_page_fits_a_laptop_screen_without_scrolling(visited):
    assert visited[0]["wide"]["heights"] == [900] * 3


def test_examples_have_the_same_size(visit):
    assert len(visit["examples"]) == 12 and max(visit["examples"]) - min(visit["examples"]) <= 1


def test_a_drawing_can_be_shared_in_a_url(visit):
    address, fragment = visit["address"].split("#d=")
    assert address.endswith("page.html") and len(fragment) < 400
    assert visit["mail"].startswith("mailto:?subject=") and fragment in visit["mail"]
    (sent,), (received,) = visit["shared"], visit["received"]
    numbers = [np.array(re.findall(r"[-\d.]+", line), float) for line in (sent, received)]
    ends = [np.r_[found[:2], found[-2:]] for found in numbers]
    np.testing.assert_allclose(ends[1], ends[0], atol=0.5)
    assert np.ptp(numbers[1]) == pytest.approx(np.ptp(numbers[0]), abs=0.5)
    assert visit["notReceived"].startswith(
        "No drawing: the link does not contain a complete drawing"
    )


def test_in_a_frame_the_page_has_no_scroll_bars_and_sends_its_drawing(visit):
    assert visit["scrollBars"] == [False] * 6
    assert visit["mode"] == "mimic" and visit["embedded"] == 1
    assert visit["told"]["type"] == "sketch_rnn drawing"
    assert visit["told"]["sketch"][-1][2] == 1 and visit["told"]["svg"].startswith("<?xml")


def test_pictures_are_animated_unless_reduced_motion_is_set(visit):
    assert visit["moving"] >= 9


def test_surprise_drawings_start_from_an_empty_page(visit):
    assert len(visit["surprises"]) == 9
    assert all(tile["added"] and not tile["given"] for tile in visit["surprises"])


def test_an_example_becomes_the_drawing(visit):
    points, lengths = npz.read_split(DOODLES / "cat.npz", "test")
    second = np.split(points, np.cumsum(lengths))[1]
    assert len(visit["example"]) == len(strokes.to_polylines(second))


def test_mimicked_drawings_are_drawn_from_the_start(visit):
    assert len(visit["mimics"]) == 9
    assert all(tile["added"] and not tile["given"] for tile in visit["mimics"])


def test_the_slider_interpolates_between_two_drawings(visit):
    assert len({tile["markup"] for tile in visit["between"]}) == 3
    assert visit["ownBetween"]["markup"] != visit["between"][2]["markup"]


def test_an_interpolated_drawing_can_be_chosen(visit):
    assert visit["takenFromBetween"] == visit["ownBetween"]["added"]


@pytest.mark.parametrize("screen", SCREENS)
def test_the_downloaded_files_contain_the_drawing(screen, visited):
    report, folder = visited
    visit = report[screen]
    path = folder / f"{screen}.svg"
    size, box = re.search(r'width="(.*?)".*viewBox="\S+ \S+ (\S+)', path.read_text()).groups()
    lines = [line * float(box) / float(size) for line in read_svg(path)]  # as drawn, not as shown
    (sketch,) = json.loads(visit["copied"])["sketches"]
    assert len(lines) == len(visit["taken"])
    ours = strokes.to_polylines(np.array(sketch))
    for line, copied in zip(lines, ours, strict=True):
        np.testing.assert_allclose(line[-1] - lines[0][0], copied[-1], atol=1)
    assert (folder / f"{screen}.png").read_bytes().startswith(b"\x89PNG")
