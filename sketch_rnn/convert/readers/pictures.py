"""Pictures of pixels: photographs, scans, pages of PDFs; `sketch_rnn.trace` finds the lines."""

from collections.abc import Iterator
from functools import partial

from sketch_rnn.convert.input_file import InputFile
from sketch_rnn.convert.prepare import Sketch
from sketch_rnn.convert.readers.chunks import Drawing, Pending, Reading
from sketch_rnn.trace.pixels import PDF_SUFFIXES, PICTURE_SUFFIXES, Picture, pictures

PICTURES = (*PICTURE_SUFFIXES, *PDF_SUFFIXES)


def picture_drawings(file: InputFile, reading: Reading) -> Iterator[Pending]:
    """A drawing for each picture of a file."""
    if reading.sheet:
        yield from _of_sheets(file, reading)
        return
    found = pictures(file.read(), file.base.endswith(PDF_SUFFIXES))
    first = next(found)
    yield str(file), partial(_sketch, first, reading)
    for number, picture in enumerate(found, 2):
        yield f"{file}:{number}", partial(_sketch, picture, reading)


def _sketch(picture: Picture, reading: Reading) -> Sketch:
    from sketch_rnn.trace.tracer import trace  # SciPy and scikit-image: only where needed

    traced = trace(picture.pixels, reading.ink)
    return Drawing(traced.lines, left_out=traced.left_out).sketch(reading)


def _of_sheets(file: InputFile, reading: Reading) -> Iterator[Pending]:
    """The drawings of each page, numbered through the file."""
    from sketch_rnn.trace import sheets
    from sketch_rnn.trace.tracer import trace

    number = 0
    for picture in pictures(file.read(), file.base.endswith(PDF_SUFFIXES)):
        traced = trace(picture.pixels, reading.ink)
        size = (picture.pixels.shape[1], picture.pixels.shape[0])
        for lines in sheets.drawings(traced.lines, size):
            number += 1
            yield f"{file}:{number}", partial(Drawing(lines).sketch, reading)
