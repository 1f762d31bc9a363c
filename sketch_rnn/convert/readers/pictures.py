"""Read photographs, scans, and pages of PDFs; `sketch_rnn.trace` traces their lines."""

from collections.abc import Iterator
from functools import partial

from sketch_rnn.convert.prepare import Sketch
from sketch_rnn.convert.readers.chunks import Drawing, InputFile, Pending, Reading
from sketch_rnn.trace.installed import check_installed
from sketch_rnn.trace.pixels import PDF_SUFFIXES, PICTURE_SUFFIXES, Picture, pictures

PICTURES = (*PICTURE_SUFFIXES, *PDF_SUFFIXES)


def picture_drawings(file: InputFile, reading: Reading) -> Iterator[Pending]:
    """Yield a drawing for each picture in a file."""
    check_installed()
    if reading.sheet:
        yield from _of_sheets(file, reading)
        return
    found = pictures(file.read(), file.base.endswith(PDF_SUFFIXES))
    first = next(found)
    yield str(file), partial(_sketch, first, reading)
    for number, picture in enumerate(found, 2):
        yield f"{file}:{number}", partial(_sketch, picture, reading)


def _sketch(picture: Picture, reading: Reading) -> Sketch:
    from sketch_rnn.trace.tracer import trace

    traced = trace(picture.pixels, reading.ink)
    width = traced.width / picture.scale
    return Drawing(traced.lines, left_out=traced.left_out, line_width=width).sketch(reading)


def _of_sheets(file: InputFile, reading: Reading) -> Iterator[Pending]:
    """Yield the drawings on each page, numbered across the whole file."""
    number = 0
    for picture in pictures(file.read(), file.base.endswith(PDF_SUFFIXES)):
        for drawing in _of_sheet(picture, reading):
            number += 1
            yield f"{file}:{number}", partial(drawing.sketch, reading)


def _of_sheet(picture: Picture, reading: Reading) -> Iterator[Drawing]:
    """Yield the drawings on a page; the first one also reports what was left out of the page."""
    from sketch_rnn.trace import sheets
    from sketch_rnn.trace.tracer import trace

    traced = trace(picture.pixels, reading.ink)
    size = (picture.pixels.shape[1], picture.pixels.shape[0])
    groups = sheets.drawings(traced.lines, size, sheets.grid_cells(picture.pixels))
    left_out = traced.left_out
    if small := len(traced.lines) - sum(map(len, groups)):
        left_out += (f"{small} line{'s' * (small > 1)} left out (too small for a drawing)",)
    for lines in groups:
        yield Drawing(lines, left_out=left_out, line_width=traced.width / picture.scale)
        left_out = ()
