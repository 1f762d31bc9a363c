"""Read files that hold stroke-3 or stroke-5 arrays: `.npz` and `.npy`."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sketch_rnn.convert.readers.chunks import Chunk, InputFile, Reading, stored_chunks
from sketch_rnn.convert.stored import read_as
from sketch_rnn.data import npz
from sketch_rnn.data.layout import AS_IT_IS
from sketch_rnn.errors import UserError, warn


class Stored(NamedTuple):
    """The sketches in a file, keyed by the name of their array, or "" if there is only one array.

    Attributes:
      is_ours: whether this program wrote the file, so that the meaning of the rows is known.
    """

    members: dict[str, list[np.ndarray]]
    is_ours: bool = False

    def chunks(self, source: str, reading: Reading) -> Iterator[Chunk]:
        """Yield all sketches, as chunks; `source` is the file's name in reports."""
        layout = AS_IT_IS if self.is_ours else reading.layout
        members, form = read_as(self.members, source, layout)
        for name, sketches in members.items():
            yield from stored_chunks(f"{source}:{name}" if name else source, sketches, form)


def array_chunks(file: InputFile, reading: Reading) -> Iterator[Chunk]:
    """Yield the sketches in all splits of a file, as chunks, however they are stored."""
    yield from array_sketches(file).chunks(str(file), reading)


def array_sketches(file: InputFile) -> Stored:
    """Return the sketches in an .npz or .npy file; warn about arrays that hold none.

    Raises:
      UserError: the file is not readable.
    """
    is_one = file.base.endswith(".npy")
    with _as_npz(file) if is_one else file.on_disk() as path:
        try:
            members, others = npz.read_drawings(path)
        except UserError as error:
            raise UserError(str(error).replace(str(path), str(file))) from None
    if others:
        names = ", ".join(others)[:200]
        warn(f"{file}: left out {names}, which hold no drawings ({next(iter(others.values()))})")
    return Stored({"": members["array"]} if is_one else members)


@contextmanager
def _as_npz(file: InputFile) -> Iterator[Path]:
    """Yield the path of an `.npz` that holds only the array in an `.npy` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.npz"
        with zipfile.ZipFile(path, "w") as archive, archive.open("array.npy", "w") as member:
            file.copy_to(member)
        yield path
