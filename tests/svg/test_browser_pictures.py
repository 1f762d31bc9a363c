"""Lines read from SVG files are compared with pictures of the files in a browser."""

import base64
import io
import subprocess

import numpy as np
import pytest
import shapely
from helpers import FIXTURES, chromium

from sketch_rnn.convert.prepare import joined
from sketch_rnn.svg.reader import read_polylines

FILES = sorted((FIXTURES / "browser").glob("*.svg"))  # each 200 by 200
SIDE, ZOOM, COLUMNS = 200, 2, 10
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Return how Chromium draws each file, gray `[n, n]` by path, from one picture of all files."""
    image, browser = pytest.importorskip("PIL.Image"), chromium()
    folder = tmp_path_factory.mktemp("chromium")
    page = "<body style='margin:0;background:white'>"
    for i, path in enumerate(FILES):
        left, top = i % COLUMNS * SIDE, i // COLUMNS * SIDE
        data = base64.b64encode(path.read_bytes()).decode()
        page += (
            f"<img style='position:absolute;left:{left}px;top:{top}px' "
            f"src='data:image/svg+xml;base64,{data}'>"
        )
    (folder / "page.html").write_text(page)
    rows = -(-len(FILES) // COLUMNS)
    size = [f"--force-device-scale-factor={ZOOM}", f"--window-size={COLUMNS * SIDE},{rows * SIDE}"]
    out = [f"--user-data-dir={folder}/profile", f"--screenshot={folder}/page.png"]
    command = [browser, *FLAGS, *size, *out, str(folder / "page.html")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    gray = np.asarray(image.open(io.BytesIO((folder / "page.png").read_bytes())).convert("L"))
    side = SIDE * ZOOM
    places = [(i // COLUMNS * side, i % COLUMNS * side) for i in range(len(FILES))]
    return {
        path: gray[top : top + side, left : left + side]
        for path, (top, left) in zip(FILES, places, strict=True)
    }


def test_there_are_at_least_sixty_files():
    assert len(FILES) >= 60


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_lines_that_are_read_lie_where_the_browser_draws_them(path, pictures):
    lines = joined(read_polylines(path.read_bytes()).lines)
    picture = pictures[path].astype(float)
    page = picture[0, 0]
    pixels = (np.argwhere(np.abs(picture - page) > 90)[:, ::-1] + 0.5) / ZOOM
    assert len(pixels)
    drawn = [shapely.linestrings(line if len(line) > 1 else line[[0, 0]]) for line in lines]
    along = np.concatenate(
        [
            shapely.get_coordinates(
                shapely.line_interpolate_point(line, np.arange(0, max(line.length, 0.1), 0.25))
            )
            for line in drawn
        ]
    )
    along = along[((along >= 0) & (along <= SIDE)).all(axis=1)]
    assert to_box(shapely.points(along), shapely.points(pixels)) < 2
    assert to_box(shapely.points(pixels), drawn) < 2


def to_box(shapes, others):
    """Return the 97th percentile of distances to the nearest other shape, in a box of 255."""
    nearest = shapely.STRtree(others).query_nearest(shapes, return_distance=True, all_matches=False)
    return np.percentile(nearest[1], 97) * 255 / SIDE
