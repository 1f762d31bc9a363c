"""Find the files of a data set in a folder, or download them from an address into a cache."""

import hashlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import quote

import filelock

from sketch_rnn import shipped
from sketch_rnn.errors import UserError, warn
from sketch_rnn.files import cache_dir, imported_pooch

DEFAULT_DATA_DIR = "https://github.com/hardmaru/sketch-rnn-datasets/raw/master/aaron_sheep"
EMBEDDED = "doodles"
KNOWN_SHA256 = {
    f"{DEFAULT_DATA_DIR}/aaron_sheep.npz": (
        "65f8e51e43587661798ac137a204c9e049e0d11dcd50cba372ae3ca32de8b54c"
    )
}
MAX_DOWNLOAD = 4 << 30  # bytes
_TRAIN_OFFLINE = (
    "without an internet connection, train on local files with `data_dir=FOLDER`, or on the "
    "drawings in the package with `data_dir=doodles`"
)
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416
TIMEOUT = (5, 30)  # seconds to connect, and between two packets


def resolve(data_dir: str | Path, names: Sequence[str]) -> list[Path]:
    """Return the local paths of a data set's files.

    Args:
      data_dir: a folder, `doodles` for the drawings in the package, or an http(s) address whose
        files are downloaded into the cache.
      names: the names of the files in `data_dir`, possibly within subfolders.

    Raises:
      UserError: a name points outside `data_dir`, a file is missing, or a download failed.
    """
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise UserError(f"data_set: expected the name of a file in data_dir, got {name!r}")
    if _is_address(data_dir):
        return [fetch(url, _TRAIN_OFFLINE, MAX_DOWNLOAD) for url in _urls(data_dir, names)]
    folder = shipped.drawings(Path(data_dir).expanduser())
    return [_local(folder, name) for name in names]


def default_data_dir(names: Sequence[str]) -> str:
    """Return "doodles" if the package holds all files given, else the public data's address."""
    embedded = all((shipped.drawings(EMBEDDED) / name).is_file() for name in names)
    return EMBEDDED if embedded else DEFAULT_DATA_DIR


def locate(data_dir: str | Path | None, names: Sequence[str]) -> tuple[str | Path, list[str]]:
    """Find the folder or address of the files that the user names.

    Without a `data_dir`, names that are paths of existing files mean those files.

    Returns:
      A folder or an address, and the names of the files in it.
    """
    if data_dir is not None:
        return data_dir, list(names)
    paths = [Path(os.path.abspath(os.path.expanduser(name))) for name in names]
    if not names or not all(path.is_file() for path in paths):
        return default_data_dir(names), list(names)
    folder = _common_folder(paths)
    return str(folder), [path.relative_to(folder).as_posix() for path in paths]


def _common_folder(paths: Sequence[PurePath]) -> PurePath:
    """Return the deepest folder that contains all files.

    Raises:
      UserError: no folder contains all files, because they are on different Windows drives.
    """
    for folder in paths[0].parents:
        if all(path.is_relative_to(folder) for path in paths):
            return folder
    names = ", ".join(map(str, paths))
    raise UserError(f"data_set: expected files on one drive, got {names}; copy them to one folder")


def data_dir_to_record(data_dir: str | Path) -> str:
    """Return the text that a run records for a `data_dir`; a folder becomes an absolute path."""
    if _is_address(data_dir):
        return str(data_dir)
    path = Path(data_dir).expanduser()
    return os.path.abspath(path) if path.is_dir() else str(data_dir)


def recorded_data_dir(data_dir: str, names: Sequence[str]) -> str:
    """Return a `data_dir` that a run recorded, unless its use would start an unexpected download.

    A run's folder may come from a stranger, who then also chose the address recorded in it.

    Raises:
      UserError: `data_dir` is an address other than the default, and the files at that address
        are not in the cache.
    """
    pooch = imported_pooch()
    if not _is_address(data_dir) and not shipped.drawings(Path(data_dir).expanduser()).is_dir():
        raise UserError(
            f"according to the run's folder, its drawings are in {data_dir}, but there is no such "
            f"folder in {Path.cwd()}; give the folder that holds {', '.join(names)} with "
            "`data_dir`"
        )
    urls = _urls(data_dir, names) if _is_address(data_dir) else []
    known = [(cache_dir() / pooch.utils.unique_file_name(url)).is_file() for url in urls]
    if not all(known) and data_dir != DEFAULT_DATA_DIR:
        raise UserError(
            f"according to the run's folder, its drawings are at {data_dir}; nothing is fetched "
            f"from there unless you ask for it with `data_dir={data_dir}`"
        )
    return data_dir


def _is_address(data_dir: str | Path) -> bool:
    return str(data_dir).startswith(("http://", "https://"))


def _urls(data_dir: str | Path, names: Sequence[str]) -> list[str]:
    return [f"{str(data_dir).rstrip('/')}/{quote(name)}" for name in names]


def _local(folder: Path, name: str) -> Path:
    path = folder / name
    if path.is_file():
        return path
    if not folder.is_dir():
        raise UserError(
            f"data_dir: expected a folder or an http(s) address; there is no folder {str(folder)!r}"
        )
    found = sorted(file.name for file in folder.glob("*.npz"))[:8]
    if found:
        holds = f"{', '.join(found)}; choose one or several of these, as in data_set={found[0]}"
    else:
        holds = "no .npz file; `sketch_rnn_dataset build` makes one from drawings"
    raise UserError(f"data_set: there is no file {name!r} in {str(folder)!r}, which holds {holds}")


def discard_damaged(data_dir: str | Path, paths: Sequence[Path]) -> bool:
    """Remove damaged `.npz` files of a data set from the cache, if they were downloaded.

    Returns:
      Whether any damaged file was removed; `resolve` downloads a removed file again.
    """
    damaged = [path for path in paths if _is_address(data_dir) and not _is_whole_zip(path)]
    for path in damaged:
        warn(f"{path} was damaged; fetching it again")
        path.unlink(missing_ok=True)
    return bool(damaged)


def _is_whole_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged file can make zipfile and zlib raise almost anything
        return False


def fetch(url: str, offline: str, most: int, anew: bool = False) -> Path:
    """Return the cached copy of the file at an address; download it if it is not in the cache.

    Args:
      url: an http(s) address.
      offline: a part of the error message, which tells the user what works without this file.
      most: the largest file to accept, in bytes.
      anew: download the file even if it is in the cache.

    Raises:
      UserError: the download failed.
    """
    import requests

    pooch = imported_pooch()
    pooch.get_logger().setLevel("WARNING")
    download = partial(_download, most=most)
    if anew:
        (cache_dir() / pooch.utils.unique_file_name(url)).unlink(missing_ok=True)
    try:
        return Path(
            pooch.retrieve(url, KNOWN_SHA256.get(url), path=cache_dir(), downloader=download)
        )
    except UserError:
        raise
    except (requests.RequestException, OSError, ValueError) as error:
        unreachable = isinstance(error, requests.ConnectionError)
        reason = "no connection" if unreachable else " ".join(str(error).split())[:200]
        raise UserError(f"cannot fetch {url} ({reason}); {offline}") from None


def _download(url: str, file: str, pooch: object, most: int) -> None:
    """Download `url` to `file`; pooch calls this function.

    If the download fails or the process is killed, the part that has arrived stays in the cache,
    and the next download continues from there, provided that the server can tell whether the
    content is still the same.
    """
    import requests

    with _open_partial(url) as part:
        tag, start, received = _resume_point(part)
        headers = {"Accept-Encoding": "identity"}
        if received:
            headers |= {"Range": f"bytes={received}-", "If-Range": tag}
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE:
                part.truncate(0)
            response.raise_for_status()
            if response.status_code == PARTIAL_CONTENT:
                part.truncate(start + received)
                total = _total_size(response, part, received)
            else:
                part.truncate(0)
                tag = response.headers.get("ETag", "")
                start, received = part.write(f"{tag}\n".encode("latin-1")), 0
                total = int(response.headers.get("Content-Length", 0))
            _receive(response, part, received, total, most)
        part.seek(start)
        with open(file, "wb") as out:
            shutil.copyfileobj(part, out)
        part.truncate(0)


@contextmanager
def _open_partial(url: str) -> Iterator[BinaryIO]:
    """Open the partial download of `url`: a line with its ETag, then the content so far.

    The file is removed at the end unless a later download can continue it. While another process
    is downloading the same file, a nameless temporary file is used instead.
    """
    path = cache_dir() / "parts" / hashlib.sha256(url.encode()).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(f"{path}.lock", timeout=0):
            try:
                with path.open("a+b") as part:
                    yield part
            finally:  # after it is closed, because Windows does not remove an open file
                with path.open("rb") as part:
                    arrived = _resume_point(part)[2]
                if not arrived:
                    path.unlink()
    except filelock.Timeout:
        with tempfile.TemporaryFile("a+b", dir=path.parent) as part:
            yield part


def _resume_point(part: BinaryIO) -> tuple[str, int, int]:
    """Return a partial download's ETag, where its content begins in the file, and its usable bytes.

    Usable bytes need not be downloaded again. The last byte is never usable, so that there is
    always a byte to request. If the ETag is weak, it does not promise identical content, so no byte
    is usable.
    """
    part.seek(0)
    line = part.readline(1000)
    strong = line.startswith(b'"') and line.endswith(b"\n")
    received = part.seek(0, os.SEEK_END) - len(line) - 1
    return line.decode("latin-1").strip(), len(line), max(received, 0) if strong else 0


def _total_size(response: Any, part: BinaryIO, received: int) -> int:
    """Return the size of the whole content; the response contains the bytes after `received`."""
    span = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", span)
    if not match or int(match[1]) != received:
        part.truncate(0)
        raise OSError(f"expected bytes starting at {received}, but the server sent {span!r}")
    return int(match[2])


def _receive(response: Any, part: BinaryIO, received: int, total: int, most: int) -> None:
    """Append a response's body to the partial download; `total` is 0 if it is not known."""
    from tqdm import tqdm

    with tqdm(
        desc=PurePosixPath(response.url).name,
        initial=received,
        total=total or None,
        unit="B",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        for chunk in response.iter_content(1 << 16):
            received += len(chunk)
            if max(received, total) > most:
                part.truncate(0)
                raise ValueError(f"more than {most} bytes")
            part.write(chunk)
            bar.update(len(chunk))
    if total and received != total:
        raise OSError(f"only {received} of {total} bytes arrived")
