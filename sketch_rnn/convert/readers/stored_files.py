"""Files of sketches that are stroke-3 already: `.npz` data sets, `.json` of `sketch_rnn_sample`."""

from collections.abc import Iterator

from sketch_rnn.convert.input_file import InputFile
from sketch_rnn.convert.readers.chunks import Chunk, Reading, stored_chunks
from sketch_rnn.convert.sketches_json import sketches_of
from sketch_rnn.convert.stored import read_as
from sketch_rnn.data import npz
from sketch_rnn.data.layout import AS_IT_IS
from sketch_rnn.errors import UserError, warn


def npz_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Chunks of the sketches of an `.npz` file of any layout, all its splits."""
    with file.on_disk() as path:
        try:
            members, others = npz.read_drawings(path)
        except UserError as error:
            raise UserError(str(error).replace(str(path), str(file))) from None
    if others:
        names = ", ".join(others)[:200]
        warn(f"{file}: left out {names}: no drawings ({next(iter(others.values()))})")
    members, form = read_as(members, str(file), reading.layout)
    for name, sketches in members.items():
        yield from stored_chunks(f"{file}:{name}", sketches, form)


def json_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Chunks of the sketches of a `.json` of `sketch_rnn_sample`."""
    members, form = read_as({"": sketches_of(file.read(), str(file))}, str(file), AS_IT_IS)
    yield from stored_chunks(str(file), members[""], form)
