"""An install without the libraries that tracing needs."""

import sys

import pytest
from trace_pages import CROSS, encoded, page

from sketch_rnn.cli import dataset
from sketch_rnn.convert.build import build
from sketch_rnn.convert.inputs import read_named
from sketch_rnn.errors import UserError
from sketch_rnn.trace import installed

LINE = r'pip install "sketch-rnn\[trace\]"'
SVG = '<svg viewBox="0 0 90 90"><path d="M1 1L80 50" stroke="black" fill="none"/></svg>'


@pytest.fixture
def plain_install(monkeypatch):
    for name in [*sys.modules]:
        if name.partition(".")[0] in installed.LIBRARIES:
            monkeypatch.delitem(sys.modules, name)
    for name in installed.LIBRARIES:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("tracer", "sheets", "ribbon"):
        monkeypatch.delitem(sys.modules, f"sketch_rnn.trace.{name}", raising=False)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(page(CROSS)))
    return path


def test_without_the_libraries_a_picture_gives_an_error_that_says_what_to_install(
    plain_install, photo, tmp_path
):
    with pytest.raises(UserError, match=LINE):
        build([photo], tmp_path / "out.npz", processes=1)
    with pytest.raises(UserError, match=LINE):
        read_named(photo, (), 250)


@pytest.mark.parametrize("option", ["centerline", "sheet"])
def test_without_the_libraries_tracing_options_give_the_error_immediately(
    plain_install, tmp_path, option
):
    with pytest.raises(UserError, match=LINE):
        build([tmp_path], tmp_path / "out.npz", **{option: True})


def test_everything_else_works_without_the_libraries(plain_install, photo, tmp_path, capsys):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.svg").write_text(SVG)
    summary = build([tmp_path], tmp_path / "out.npz", processes=1)
    assert summary.drawings == 3
    assert sum(summary.dropped.values()) == 1  # the photograph
    assert dataset.main(["paper", f"--output={tmp_path / 'grid.pdf'}"]) == 0
