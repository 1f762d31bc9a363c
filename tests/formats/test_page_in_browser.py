"""An exported page in Chromium: a visitor draws, and does everything that the page offers."""

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
    """What the visitor reports of each screen, and the folder of the downloads."""
    program, browser, packages = node(), chromium(), node_packages()
    folder = tmp_path_factory.mktemp("page")
    model = random_model(max_seq_len=30, data_set=[f"{HOSTILE}.npz"])
    model.decoder.output_layer.bias.assign_add([0, 0, -NEVER] + [0] * 18)
    points, lengths = npz.read_split(DOODLES / "cat.npz", "test")
    examples = np.split(points, np.cumsum(lengths))[:12]
    page.save_page(model, folder / "page.html", HOSTILE, examples)
    done = subprocess.run(
        [program, str(VISITOR), browser, str(folder / "page.html"), str(folder)],
        cwd=packages,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout), folder


@pytest.fixture(params=SCREENS)
def visit(request, visited):
    """What the visitor reports of one screen."""
    return visited[0][request.param]


def test_nothing_is_requested_from_anywhere(visit):
    own = [url for url in visit["requests"] if url.endswith("page.html")]
    others = [url for url in visit["requests"] if url not in own]
    assert len(own) == 1 and own[0].startswith("file:")
    assert all(url.startswith(("blob:", "data:")) for url in others)


def test_the_console_stays_silent(visit):
    assert visit["console"] == []


def test_axe_finds_no_violation(visit):
    assert visit["violations"] == []


def test_the_page_is_as_wide_as_the_screen(visit):
    assert visit["overflows"] == []


def test_a_title_is_text(visit):
    assert visit["title"] == visit["heading"] == HOSTILE


def test_nine_endings_begin_with_what_was_drawn(visit):
    assert len(visit["drawn"]) == 1 and len(visit["endings"]) == 9
    for ending in visit["endings"]:
        assert ending["given"] == visit["drawn"] and ending["added"]
    assert len({ending["markup"] for ending in visit["endings"]}) == 9


def test_the_ending_that_one_takes_is_the_drawing(visit):
    third = visit["endings"][2]
    assert visit["taken"] == third["given"] + third["added"]


def test_undo_and_clear(visit):
    assert visit["undone"] == visit["drawn"]
    assert visit["cleared"] == [] and visit["withoutDrawing"] == 0


def test_surprises_come_from_nothing(visit):
    assert len(visit["surprises"]) == 9
    assert all(tile["added"] and not tile["given"] for tile in visit["surprises"])


def test_an_example_becomes_the_drawing(visit):
    points, lengths = npz.read_split(DOODLES / "cat.npz", "test")
    second = np.split(points, np.cumsum(lengths))[1]
    assert len(visit["example"]) == len(strokes.to_polylines(second))


def test_mimics_are_drawn_anew(visit):
    assert len(visit["mimics"]) == 9
    assert all(tile["added"] and not tile["given"] for tile in visit["mimics"])


def test_the_slider_leads_from_one_drawing_to_the_other(visit):
    assert len({tile["markup"] for tile in visit["between"]}) == 3
    assert visit["ownBetween"]["markup"] != visit["between"][2]["markup"]


def test_a_drawing_between_two_can_be_taken(visit):
    assert visit["takenFromBetween"] == visit["ownBetween"]["added"]


@pytest.mark.parametrize("screen", SCREENS)
def test_the_downloads_are_the_drawing(screen, visited):
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
