"""Draw traced lines over the pictures that they were traced from."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from PIL import Image

from sketch_rnn.convert import sources
from sketch_rnn.convert.readers.chunks import Files, InputFile, Reading
from sketch_rnn.convert.readers.pictures import picture_drawings
from sketch_rnn.errors import UserError
from sketch_rnn.files import replacing
from sketch_rnn.trace.pixels import PDF_SUFFIXES, pictures

MOST = 24  # the most pictures that are shown


def save_preview(inputs: Sequence[str | Path], reading: Reading, path: str | Path) -> None:
    """Write a PNG of the first photographs and scans among the inputs, with their lines on top.

    Raises:
      UserError: no lines were found in any photograph or scan.
    """
    from sketch_rnn.trace.preview import sheet

    found = [
        file
        for chunk in sources.find(inputs, reading)
        if isinstance(chunk, Files) and chunk.read is picture_drawings
        for file in chunk.files
    ]
    shown = list(islice(filter(None, (_overlay(file, reading) for file in found)), MOST))
    if not shown:
        raise UserError("preview: expected photographs or scans with lines in them, found none")
    with replacing(path) as output:
        sheet(shown).save(output, "PNG")


def _overlay(file: InputFile, reading: Reading) -> Image.Image | None:
    """Return a file's first picture with its lines drawn on top; None if it has no lines."""
    from sketch_rnn.trace.preview import overlay
    from sketch_rnn.trace.tracer import trace

    try:
        picture = next(pictures(file.read(), file.base.endswith(PDF_SUFFIXES)))
        return overlay(picture.pixels, trace(picture.pixels, reading.ink).lines)
    except (UserError, OSError):
        return None
