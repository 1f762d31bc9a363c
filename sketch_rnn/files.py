"""Write files completely or not at all, so that no data is lost; find the cache folder."""

import os
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sketch_rnn import system
from sketch_rnn.errors import UserError

PICTURES = (".svg", ".png")
WAITS = (0.05, 0.2, 0.5, 1.0)  # seconds between attempts to replace an open file


def check_output(
    path: str | Path,
    inputs: Iterable[str | Path | None] = (),
    model: str | Path | None = None,
    overwrite: bool = False,
    name: str = "output",
) -> None:
    """Refuse, before the work begins, an output that cannot be written or would destroy something.

    An existing picture is replaced; an existing file of another kind only if `overwrite` is set. A
    file that is also an input is never replaced, nor is a folder whose name has a suffix.

    Args:
      path: the file or folder to write.
      inputs: files and folders that are read; None entries are skipped.
      model: file or folder of a model that is read; pictures drawn into that folder are not part
        of the model.
      overwrite: replace an existing file.
      name: the option that named the output.

    Raises:
      UserError: the output cannot be written there.
    """
    path = Path(path)
    system.check_path(path)
    if not path.parent.is_dir():
        raise UserError(f"`{name}={path}`: there is no folder {path.parent}")
    if not os.path.lexists(path):
        return
    is_picture = path.suffix.lower() in PICTURES
    if model is not None and Path(model).is_dir() and path.suffix not in ("", ".json"):
        model = None  # no file that belongs to a model's folder has this suffix
    for source in (*inputs, model):
        if source is not None and _is_part_of(path, Path(source)):
            raise UserError(f"{path} is also an input ({source}); choose another {name}")
    if path.is_dir() and path.suffix:
        raise UserError(f"{path} is a folder; choose another {name}")
    if not overwrite and not is_picture:
        raise UserError(f"{path} exists; replace it with `overwrite`, or choose another {name}")


def _is_part_of(path: Path, source: Path) -> bool:
    """Return whether two paths are the same file or folder, or one lies inside the other.

    Links are followed first.
    """
    try:
        ours, theirs = path.resolve(), source.expanduser().resolve()
        same = theirs.exists() and ours.exists() and ours.samefile(theirs)
    except (OSError, RuntimeError):  # an impossible name, or a loop of links
        return False
    return same or ours.is_relative_to(theirs) or theirs.is_relative_to(ours)


@contextmanager
def naming(path: str | Path, part: str | None = None) -> Iterator[None]:
    """Make OSErrors from this block name `path` if they name no file or the temporary `part`."""
    try:
        yield
    except OSError as error:
        if part is None or error.filename in (None, part):
            error.filename = str(path)
        raise


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` when the block ends without an error.

    Raises:
      OSError: the folder cannot be written to, or the disk is full; `path` is unchanged.
      UserError: another program keeps `path` open (Windows).
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
            set_usual_permissions(part)
            replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
    sync_folder(path.parent)


def set_usual_permissions(part: str | Path) -> None:
    """Give a temporary file or folder the permissions that a new one usually gets."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(part, (0o777 if os.path.isdir(part) else 0o666) & ~umask)


def replace(part: str | Path, path: str | Path) -> None:
    """Move a file or folder to `path`; on Windows, wait for programs that have `path` open.

    Raises:
      UserError: another program keeps `path` open.
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
            f"{path} cannot be replaced while it is open in another program; close it there and "
            "try again"
        ) from None


def remove(path: Path) -> bool:
    """Remove a file; return False where Windows keeps it because a program has it open."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        if not system.IS_WINDOWS:
            raise
        return False
    return True


def exists(path: Path) -> bool:
    """Return whether the file or folder exists; False if its name is impossible."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, completely or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def sync_file(path: Path) -> None:
    """Flush a file to the disk, so that it survives a power failure."""
    with path.open("r+b") as file:  # Windows syncs only what can be written
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush new and renamed entries of a folder to the disk, on systems that support this."""
    if not system.IS_WINDOWS:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def cache_dir() -> Path:
    """Return the cache folder: `$SKETCH_RNN_CACHE`, or a folder where this system keeps caches."""
    return Path(os.environ.get("SKETCH_RNN_CACHE") or imported_pooch().os_cache("sketch_rnn"))


def imported_pooch() -> Any:
    """Import pooch; hide its warning that a package for progress bars in notebooks is missing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        import pooch
    return pooch
