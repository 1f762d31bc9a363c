"""Examples in docs/web.md run in Chromium, beside exported files."""

import json
import re
import subprocess

import numpy as np
import pytest
from helpers import ROOT, chromium, node, node_packages

from sketch_rnn.formats import load_model, module, page

VISITOR = ROOT / "tests" / "node" / "visit_examples.js"
OFFLINE = "Without a server"


def blocks(language):
    text = (ROOT / "docs" / "web.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """Return what each example shows, by its title."""
    program, browser, packages = node(), chromium(), node_packages()
    folder = tmp_path_factory.mktemp("examples")
    model = load_model()
    page.save_page(model, folder / "cats.html")
    (folder / "cats.html").rename(folder / "cats.htm")  # no example, which the visitor would open
    module.save_module(model, folder / "cats.js")
    module.save_classic(model, folder / "cats.classic.js")
    (worker,) = (block for block in blocks("js") if "onmessage" in block)
    (folder / "worker.js").write_text(worker)
    for number, block in enumerate(blocks("html")):
        name = "offline" if OFFLINE in block else f"example{number}"
        (folder / f"{name}.html").write_text(block.replace("cats.html", "cats.htm"))
    done = subprocess.run(
        [program, str(VISITOR), browser, str(folder)],
        cwd=packages,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {found["title"]: found for found in json.loads(done.stdout).values()}


def test_every_example_runs_without_console_messages(visited):
    assert set(visited) == set(re.findall("<title>(.*?)</title>", "".join(blocks("html"))))
    assert [found["said"] for found in visited.values() if found["said"]] == []


@pytest.mark.parametrize("title", ["Canvas", "p5.js"])
def test_the_canvas_example_draws(title, visited):
    assert visited[title]["shown"] > 100  # pixels


def test_the_plotter_example_prints_commands_within_the_page(visited):
    lines = visited["Plotter"]["shown"].splitlines()
    assert lines[:3] == ["G21 ; mm", "G90", "M5 ; pen up"] and lines[-1] == "M5"
    drawn = [line for line in lines if line.startswith("G1 X")]
    numbers = np.array([re.findall(r"[XY](-?\d+\.\d\d)", line) for line in drawn], float)
    assert len(numbers) >= 10 and numbers.min() >= 0 and numbers.max() <= 60


def test_the_worker_example_draws(visited):
    assert visited["Worker"]["shown"] == "9 drawings"


def test_the_script_example_draws_without_a_server(visited):
    (drawing,) = json.loads(visited[OFFLINE]["shown"])
    assert all(len(row) == 3 for row in drawing)


def test_the_example_with_an_embedded_page_receives_its_drawing(visited):
    assert visited["A page with a page in it"]["shown"] > 1
