"""Read a file of drawings, on disk or in a zip; zips are read in place, not unpacked to disk."""

import codecs
import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

from sketch_rnn.errors import UserError

MAX_WHOLE = 64 << 20  # bytes of a file that is read at once, unless its format has another limit
MAX_ON_DISK = 512 << 20  # bytes of a file that is unpacked for a reader that needs a path
MAX_ZIPS = 3  # levels of zips within zips
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class InputFile:
    """A file on disk or in a zip.

    path: the file or zip on disk. members: for a file in a zip, the names of any zips nested in
    that zip, outermost first, and then the name of the file; else empty.
    """

    path: Path
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ":".join([str(self.path), *self.members])

    @property
    def base(self) -> str:
        """The file's own name in lower case, without `.gz`."""
        name = self.members[-1].rpartition("/")[2] if self.members else self.path.name
        return name.lower().removesuffix(".gz")

    @property
    def is_gzip(self) -> bool:
        """True if the file is gzipped, according to its name."""
        return (self.members or (self.path.name,))[-1].lower().endswith(".gz")

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file's bytes, unpacked if its name ends in `.gz`.

        Raises:
          UserError: the file is damaged. Damage may be found only later, while the file is read;
            that raises the same error.
          OSError: the file cannot be opened.
        """
        try:
            with self._open_packed() as packed:
                if not self.is_gzip:
                    yield packed
                    return
                with gzip.open(packed) as file:
                    yield cast(IO[bytes], file)
        except (*_DAMAGES, gzip.BadGzipFile) as error:
            raise UserError(f"damaged ({error})") from None

    def encoding(self) -> str:
        """Return the encoding of a text file: UTF-16 after a UTF-16 byte order mark, else UTF-8."""
        with self.open() as file:
            mark = file.read(2)
        return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"

    def read(self, most: int = MAX_WHOLE) -> bytes:
        """Return the whole file; raise UserError if it is larger than `most` bytes."""
        with self.open() as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise UserError(f"larger than the limit of {most >> 20} MB")
        return content

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Yield a path to the file, for code that reads only paths; a file in a zip is copied."""
        if not self.members and not self.is_gzip:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"copy{Path(self.base).suffix}"
            with path.open("wb") as copy:
                self.copy_to(copy)
            yield path

    def copy_to(self, copy: IO[bytes]) -> None:
        """Write the file's bytes; raise UserError if there are more than `MAX_ON_DISK`."""
        size = 0
        with self.open() as file:
            while part := file.read(1 << 20):
                size += copy.write(part)
                if size > MAX_ON_DISK:
                    raise UserError(f"larger than the limit of {MAX_ON_DISK >> 20} MB")

    def inside(self) -> "list[InputFile]":
        """Return the files in this zip; raise UserError if it cannot be read."""
        names = [name for name in self._archive().namelist() if not name.endswith("/")]
        return [InputFile(self.path, (*self.members, name)) for name in names]

    def _archive(self) -> zipfile.ZipFile:
        return _archive(self.path, self.members)

    def _open_packed(self) -> IO[bytes]:
        if not self.members:
            return self.path.open("rb")
        return _archive(self.path, self.members[:-1]).open(self.members[-1])


@lru_cache(maxsize=2)
def _archive(path: Path, members: tuple[str, ...]) -> zipfile.ZipFile:
    """Open the zip at a path or, if `members` are given, the zip that they lead to inside it."""
    if len(members) >= MAX_ZIPS:
        raise UserError(f"zips inside zips, more than {MAX_ZIPS} levels deep")
    file = io.BytesIO(InputFile(path, members).read()) if members else path
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"not a readable zip file ({error})") from None
