"""A pad in Firefox and in WebKit: drawings are kept, saved and loaded there too."""

import json
import time

import pytest
from webdriver import PATIENCE, Firefox, WebKit

from sketch_rnn.web.pad import save_pad

PIXEL = 4  # in units of the paper, at most
LOADED = '{"word": "house", "drawing": [[[1, 2, 9], [3, 4, 8]]]}'
DRAWN = "return [...document.querySelectorAll('#paper path')].map((each) => each.getAttribute('d'))"
READY = "document.querySelector('#next').onclick"


@pytest.fixture(scope="module", params=[Firefox, WebKit], ids=["firefox", "webkit"])
def browser(request, tmp_path_factory):
    started = request.param(tmp_path_factory.mktemp("browser"))
    try:
        started.begin()
        yield started
    finally:
        started.close()


def test_a_drawing_is_kept_and_saved_and_a_file_is_loaded(browser, tmp_path):
    save_pad(tmp_path / "pad.html", ["cat", "house"], 2)
    browser.open((tmp_path / "pad.html").as_uri())
    browser.wait(READY)
    _draw_line(browser)
    drawn = browser.run(DRAWN)
    assert len(drawn) == 1

    browser.send("Refresh")
    browser.wait("document.querySelector('#paper path')")
    assert browser.run(DRAWN) == drawn

    browser.click("#next")
    assert _text(browser, "#prompt") == "Draw: house"
    (tmp_path / "house.ndjson").write_text(LOADED)
    browser.run(
        "document.querySelector('#file').hidden = false"
    )  # a driver types into what it sees
    browser.type("#file", str(tmp_path / "house.ndjson"))
    browser.wait("document.querySelector('#status').textContent.startsWith('Loaded 1')")

    browser.click("#save")
    rows = [json.loads(line) for line in _saved(browser.folder).splitlines()]
    assert {row["word"] for row in rows} == {"cat", "house"}
    xs, ys, times = next(row["drawing"][0] for row in rows if row["word"] == "cat")
    assert len(xs) > 10
    assert [xs[0], ys[0], xs[-1], ys[-1]] == pytest.approx([200, 200, 800, 800], abs=PIXEL)
    assert times[0] == 0 and times == sorted(times)
    assert _text(browser, "#warning") == ""


def test_a_full_browser_store_loses_no_drawing(browser, tmp_path):
    save_pad(tmp_path / "pad.html")
    browser.open((tmp_path / "pad.html").as_uri())
    browser.wait(READY)
    browser.run(
        "window.put = IDBObjectStore.prototype.put;"
        "IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); }"
    )
    _draw_line(browser)
    browser.click("#next")
    browser.wait("!document.querySelector('#warning').hidden")
    assert "cannot keep 1 drawing (its storage is full)" in _text(browser, "#warning")
    browser.run("IDBObjectStore.prototype.put = window.put")
    _draw_line(browser)
    browser.wait("document.querySelector('#warning').hidden")
    browser.send("Refresh")
    browser.wait(f"{READY} && document.querySelector('#paper path')")
    assert _text(browser, "#progress") == "1 drawing"


def _draw_line(browser):
    """Draw from a fifth to four fifths of the paper's diagonal."""
    x, y, width = browser.run(
        "const box = document.querySelector('#paper').getBoundingClientRect();"
        "return [box.x, box.y, box.width]"
    )
    places = [(0.2 + 0.03 * i) * width for i in range(21)]
    browser.drag([(x + at, y + at) for at in places])


def _text(browser, selector):
    return browser.run("return document.querySelector(arguments[0]).textContent", selector)


def _saved(folder):
    """Return the text of the file that the browser saves."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for path in folder.rglob("pad-*.ndjson"):
            if text := path.read_text():
                return text
        time.sleep(0.05)
    raise AssertionError("nothing was saved")
