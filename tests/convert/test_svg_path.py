"""The files that a drawing passes through, from an SVG to a data set."""

import re

from helpers import ROOT, called_files

from sketch_rnn.convert import build

PAGE = ROOT / "docs" / "architecture.md"
SVG = '<svg viewBox="0 0 9 9"><path d="M1 1C2 5 6 5 8 1" stroke="black" fill="none"/></svg>'
# These hold settings, find or name files, read one property of an element, or check a drawing.
BESIDE_THE_PATH = {
    "convert/readers/memory.py",
    "convert/readers/strokes.py",
    "data/layout.py",
    "errors.py",
    "files.py",
    "setup.py",
    "shipped.py",
    "svg/clips.py",
    "svg/covers.py",
    "svg/dashes.py",
    "svg/paint.py",
    "svg/properties.py",
    "svg/regions.py",
    "svg/ribbons.py",
    "svg/selectors.py",
    "svg/sheets.py",
    "svg/style.py",
    "svg/transforms.py",
    "svg/values.py",
    "svg/viewports.py",
    "system.py",
}


def test_a_drawing_passes_through_the_twelve_files_on_the_page(tmp_path):
    svg, npz = tmp_path / "a.svg", tmp_path / "a.npz"
    svg.write_text(SVG)
    called, _ = called_files(lambda: build.build([svg], npz, valid=0, test=0))
    text = PAGE.read_text().split("## How an SVG becomes a data set\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\d+\. `([\w/]+\.py)`", text, re.M))
    assert called - BESIDE_THE_PATH == named and len(named) == 12
