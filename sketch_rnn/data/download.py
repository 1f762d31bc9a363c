"""Where the files of a data set are: in a folder, or at an address, fetched once into a cache."""

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
    "to train on a local file give its folder as `data_dir=FOLDER`, to train on the embedded "
    "drawings `data_dir=doodles`"
)
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416
TIMEOUT = (5, 30)  # seconds to connect, and between two packets


def resolve(data_dir: str | Path, names: Sequence[str]) -> list[Path]:
    """The local paths of a data set's files.

    Args:
      data_dir: a folder, `doodles` for the embedded drawings, or an http(s) address whose files are
        fetched into the cache.
      names: files in it, sub-folders allowed.

    Raises:
      UserError: a name that leaves `data_dir`, no such file, or a download that failed.
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
    """Where files are that come without a `data_dir`: the embedded drawings, or the public set."""
    embedded = all((shipped.drawings(EMBEDDED) / name).is_file() for name in names)
    return EMBEDDED if embedded else DEFAULT_DATA_DIR


def located(data_dir: str | Path | None, names: Sequence[str]) -> tuple[str | Path, list[str]]:
    """Where the files are that a person names: without a `data_dir`, paths that exist are paths.

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
    """The folder nearest to all files, which Windows's drives need not have."""
    for folder in paths[0].parents:
        if all(path.is_relative_to(folder) for path in paths):
            return folder
    names = ", ".join(map(str, paths))
    raise UserError(f"data_set: expected files on one drive, got {names}; copy them to one folder")


def kept(data_dir: str | Path) -> str:
    """Return a run's data folder as the run records it, so that it is found from anywhere."""
    if _is_address(data_dir):
        return str(data_dir)
    path = Path(data_dir).expanduser()
    return os.path.abspath(path) if path.is_dir() else str(data_dir)


def remembered(data_dir: str, names: Sequence[str]) -> str:
    """A run's own `data_dir`, if nothing has to be fetched from an address that is in no request.

    A run's folder may be a stranger's, and so what it says of where its drawings are.

    Raises:
      UserError: it is an address that is neither the default nor in the cache.
    """
    pooch = imported_pooch()
    if not _is_address(data_dir) and not shipped.drawings(Path(data_dir).expanduser()).is_dir():
        raise UserError(
            f"the run's folder says that its drawings are in {data_dir}, and there is no such "
            f"folder in {Path.cwd()}; give the one that holds {', '.join(names)} as `data_dir`"
        )
    urls = _urls(data_dir, names) if _is_address(data_dir) else []
    known = [(cache_dir() / pooch.utils.unique_file_name(url)).is_file() for url in urls]
    if not all(known) and data_dir != DEFAULT_DATA_DIR:
        raise UserError(
            f"the run's folder says that its drawings are at {data_dir}; nothing is fetched from "
            f"there unless you ask for it by `data_dir={data_dir}`"
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
        raise UserError(f"data_dir: expected a folder or an http(s) address, got {str(folder)!r}")
    found = sorted(file.name for file in folder.glob("*.npz"))[:8]
    if found:
        holds = f"{', '.join(found)}; name one or several of them, as in data_set={found[0]}"
    else:
        holds = "no .npz file; `sketch_rnn_dataset build` makes one of drawings"
    raise UserError(f"data_set: no file {name!r} in {str(folder)!r}, which holds {holds}")


def discard_damaged(data_dir: str | Path, paths: Sequence[Path]) -> bool:
    """Takes those of a data set's fetched files from the cache that are no whole `.npz` files.

    Returns:
      Whether there were any, so that `resolve` fetches them again.
    """
    damaged = [path for path in paths if _is_address(data_dir) and not _is_whole_zip(path)]
    for path in damaged:
        warn(f"{path} was damaged; it is fetched again")
        path.unlink(missing_ok=True)
    return bool(damaged)


def _is_whole_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # whatever a damaged file makes zipfile and zlib raise
        return False


def fetch(url: str, offline: str, most: int, anew: bool = False) -> Path:
    """The file of an address in the cache, downloaded if it is not there yet.

    Args:
      url: http(s).
      offline: what works without this file, for the error message.
      most: bytes of the largest file to take.
      anew: download it in any case.

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
    """Pooch's downloader: writes what `url` holds to `file`, or fails.

    What arrived before a failure, even a kill, stays in the cache if the server can tell whether
    the content is still the same, and the next download goes on from there.
    """
    import requests

    with _part(url) as part:
        tag, start, received = _arrived(part)
        headers = {"Accept-Encoding": "identity"}
        if received:
            headers |= {"Range": f"bytes={received}-", "If-Range": tag}
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE:
                part.truncate(0)
            response.raise_for_status()
            if response.status_code == PARTIAL_CONTENT:
                part.truncate(start + received)
                total = _total(response, part, received)
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
def _part(url: str) -> Iterator[BinaryIO]:
    """A file to append to: a line with the ETag of `url`, then what has arrived of its content.

    It goes at the end unless it can be gone on with. While another process fetches the same, it is
    one without a name.
    """
    path = cache_dir() / "parts" / hashlib.sha256(url.encode()).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(f"{path}.lock", timeout=0):
            try:
                with path.open("a+b") as part:
                    yield part
            finally:  # when it is closed: Windows removes no file that is open
                with path.open("rb") as part:
                    arrived = _arrived(part)[2]
                if not arrived:
                    path.unlink()
    except filelock.Timeout:
        with tempfile.TemporaryFile("a+b", dir=path.parent) as part:
            yield part


def _arrived(part: BinaryIO) -> tuple[str, int, int]:
    """The ETag of a part, where its content starts, and how many bytes of that count.

    The last byte does not count, so that there always is one to ask for; none counts under an
    ETag that does not promise the same bytes.
    """
    part.seek(0)
    line = part.readline(1000)
    strong = line.startswith(b'"') and line.endswith(b"\n")
    received = part.seek(0, os.SEEK_END) - len(line) - 1
    return line.decode("latin-1").strip(), len(line), max(received, 0) if strong else 0


def _total(response: Any, part: BinaryIO, received: int) -> int:
    """The bytes of the whole content, of which the response holds those from `received` on."""
    span = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", span)
    if not match or int(match[1]) != received:
        part.truncate(0)
        raise OSError(f"expected the bytes from {received} on, the server sent {span!r}")
    return int(match[2])


def _receive(response: Any, part: BinaryIO, received: int, total: int, most: int) -> None:
    """Appends a response's body to the part; `total` is 0 if it is not known."""
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
        raise OSError(f"{received} bytes of {total} arrived")
