"""A pad in Chromium: a visitor draws by mouse, finger and pen, reloads, saves and loads."""

import json
import subprocess

import numpy as np
import pytest
from formats.test_page import random_model
from helpers import ROOT, chromium, node, node_packages

from sketch_rnn.formats import module, page
from sketch_rnn.web.pad import save_pad

VISITOR = ROOT / "tests" / "node" / "visit_pad.js"
SCREENS = ["wide", "narrow"]


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """Return the visitor's report on each screen, and the folder of the downloads."""
    program, browser, packages = node(), chromium(), node_packages()
    folder = tmp_path_factory.mktemp("pad")
    model = random_model(max_seq_len=30)
    content, interface = module.content(model, "int16"), page.interface(model, [])
    save_pad(folder / "pad.html", ["cat", "house"], 2)
    save_pad(folder / "play.html", ["cat", "house"], 2, 1, "Play", content, interface)
    done = subprocess.run(
        [program, str(VISITOR), browser, str(folder / "pad.html"), str(folder / "play.html"),
         str(folder)],
        cwd=packages, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout), folder


@pytest.fixture(params=SCREENS)
def visit(request, visited):
    return visited[0][request.param]


def test_the_page_makes_no_network_requests(visit):
    assert all(url.startswith(("file:", "blob:", "data:")) for url in visit["requests"])


def test_the_console_stays_empty_and_axe_finds_no_violation(visit):
    assert visit["console"] == visit["violations"] == []


def test_the_pad_fits_the_screen(visit):
    assert visit["overflows"] == [] and not visit["scrolls"]


def test_strokes_are_undone_and_redone(visit):
    assert len(visit["drawn"]) == 2
    assert visit["undone"] == visit["drawn"][:1]
    assert visit["redone"] == visit["byKeys"] == visit["drawn"]


def test_a_reload_during_a_stroke_loses_only_that_stroke(visit):
    assert visit["reloaded"] == visit["drawn"]


def test_the_pad_asks_for_the_word_with_the_fewest_drawings(visit):
    assert [visit["prompt"], visit["progress"]] == ["Draw: cat", "1 of 2, 0 in all"]
    assert visit["second"] == ["Draw: house", "1 of 2, 1 in all"]
    assert visit["afterSkip"] == "Draw: cat"
    assert visit["third"][0] == "Draw: house"


def test_two_fingers_or_a_palm_do_not_draw(visit):
    assert visit["fingers"] == []
    assert visit["pen"] == visit["palm"] == ["M200 200L400 400L500 500"]


def test_a_drawing_can_be_drawn_again(visit):
    assert visit["overview"] == ["cat", "cat"]
    assert visit["again"] == ["Draw: cat", "2 of 2, 1 in all"]


def test_a_second_tab_starts_with_an_empty_drawing(visit):
    assert visit["secondTab"] == []


def test_thousands_of_drawings_are_kept_and_shown_page_by_page(visit):
    assert visit["loaded"] == "Loaded 2000 drawings; 0 were here already."
    assert (visit["many"], visit["more"]) == (60, 120)


def test_a_bad_file_is_refused_with_the_number_of_its_line(visit):
    assert visit["notLoaded"].startswith("many.ndjson was not loaded: line 1 is not")


def test_a_time_limit_ends_a_drawing_and_the_model_draws_its_answers(visit):
    assert visit["timed"].endswith("1 in all")
    assert visit["echo"] > 1


def test_the_pad_warns_if_the_browser_stores_nothing(visit):
    assert "cannot keep these drawings (not in this window)" in visit["refused"]


def test_the_pad_warns_if_the_store_is_full_and_saves_once_there_is_room(visit):
    drawn, warning = visit["full"]
    assert drawn == 2
    assert "cannot keep 2 drawings (its storage is full); save before" in warning
    assert visit["hasRoomAgain"] == 3


@pytest.mark.parametrize("screen", SCREENS)
def test_the_saved_file_contains_the_drawings(screen, visited):
    folder = visited[1]
    rows = (folder / f"{screen}.ndjson").read_bytes().splitlines()
    refused = (folder / f"{screen}_refused.ndjson").read_bytes().splitlines()
    assert len(rows) == 2 and len(refused) == 1
    values = [json.loads(row) for row in rows]
    assert len({value["key_id"] for value in values}) == 2
    assert {value["word"] for value in values} == {"cat"}
    circles = [np.column_stack(stroke[:2]) for stroke in values[0]["drawing"]]
    assert len(circles) == 2
    np.testing.assert_allclose(np.ptp(circles[0], axis=0), [600, 600], atol=3)
    for times in (stroke[2] for value in values for stroke in value["drawing"]):
        assert times == sorted(times)
