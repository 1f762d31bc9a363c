"""Writing files whole and so that nothing is lost, and where files are kept between runs."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sketch_rnn import system
from sketch_rnn.errors import UserError

PICTURES = (".svg", ".png")
WAITS = (0.05, 0.2, 0.5, 1.0)  # seconds between tries to replace one


def check_output(
    path: str | Path,
    inputs: Iterable[str | Path | None] = (),
    model: str | Path | None = None,
    overwrite: bool = False,
    name: str = "output",
) -> None:
    """Refuses, before the work, an output that has no folder or would cost what is there.

    A picture may take the place of a picture. Anything else that exists stays unless `overwrite`;
    what the work itself reads stays in any case, and so does a folder whose name has a suffix.

    Args:
      path: the file or folder to write.
      inputs: files, and folders of files, that are read; None is none.
      model: file or folder of a model that is read; what was drawn into the folder is no part
        of it.
      overwrite: replace what is there.
      name: of the option that named it.

    Raises:
      UserError: the output cannot be there.
    """
    path = Path(path)
    system.check_path(path)
    if not path.parent.is_dir():
        raise UserError(f"`{name}={path}`: there is no folder {path.parent}")
    if not os.path.lexists(path):
        return
    is_picture = path.suffix.lower() in PICTURES
    if model is not None and Path(model).is_dir() and path.suffix not in ("", ".json"):
        model = None  # no file of its own has another suffix that an output can have
    for source in (*inputs, model):
        if source is not None and _is_part_of(path, Path(source)):
            raise UserError(f"{path} is read here, as {source}; name another {name}")
    if path.is_dir() and path.suffix:
        raise UserError(f"{path} is a folder; name another {name}")
    if not overwrite and not is_picture:
        raise UserError(f"{path} exists; `overwrite` replaces it, or name another {name}")


def _is_part_of(path: Path, source: Path) -> bool:
    """Whether one is the other or lies in it; both as links lead."""
    try:
        ours, theirs = path.resolve(), source.expanduser().resolve()
        same = theirs.exists() and ours.exists() and ours.samefile(theirs)
    except (OSError, RuntimeError):  # a name that no file can have, a circle of links
        return False
    return same or ours.is_relative_to(theirs) or theirs.is_relative_to(ours)


@contextmanager
def naming(path: str | Path, part: str | None = None) -> Iterator[None]:
    """Makes an error of the operating system that names no file, or a part, name the path."""
    try:
        yield
    except OSError as error:
        if part is None or error.filename in (None, part):
            error.filename = str(path)
        raise


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A new file, which takes the place of `path` when the block ends without an error.

    Raises:
      OSError: the folder cannot be written to, or is full; `path` is then as it was.
    """
    path = Path(path)
    with naming(path):
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with naming(path, part):
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            share(part)
            replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
    sync_folder(path.parent)


def share(part: str | Path) -> None:
    """Lets those read a new temporary file or folder who can read what is made here otherwise."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(part, (0o777 if os.path.isdir(part) else 0o666) & ~umask)


def replace(part: str | Path, path: str | Path) -> None:
    """Gives a file or folder the place of `path`; Windows first waits for who has that open.

    Raises:
      UserError: a program keeps it open.
      OSError: the folder cannot be written to.
    """
    for wait in WAITS if system.IS_WINDOWS else ():
        try:
            return os.replace(part, path)
        except PermissionError:
            time.sleep(wait)
    try:
        os.replace(part, path)
    except PermissionError:
        if not system.IS_WINDOWS:
            raise
        raise UserError(
            f"{path} cannot be replaced while another program has it open; close it there, and "
            "try again"
        ) from None


def remove(path: Path) -> bool:
    """Removes a file; False where Windows keeps it, since a program has it open."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        if not system.IS_WINDOWS:
            raise
        return False
    return True


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; there is none of a name that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file in one piece."""
    with replacing(path) as file:
        file.write(text.encode())


def sync_file(path: Path) -> None:
    """Makes a file's content last through a loss of power."""
    with path.open("r+b") as file:  # Windows syncs only what can be written
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes the folder's new names last through a loss of power, where the system can."""
    if not system.IS_WINDOWS:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def cache_dir() -> Path:
    """The cache folder: `$SKETCH_RNN_CACHE`, or the system's place for one."""
    import pooch

    return Path(os.environ.get("SKETCH_RNN_CACHE") or pooch.os_cache("sketch_rnn"))
