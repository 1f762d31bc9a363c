"""Where the files of a data set are: in a folder, or at an address, fetched once into a cache."""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from sketch_rnn.errors import UserError

DEFAULT_DATA_DIR = "https://github.com/hardmaru/sketch-rnn-datasets/raw/master/aaron_sheep"
KNOWN_SHA256 = {
    f"{DEFAULT_DATA_DIR}/aaron_sheep.npz": (
        "65f8e51e43587661798ac137a204c9e049e0d11dcd50cba372ae3ca32de8b54c"
    )
}
MAX_DOWNLOAD = 4 << 30  # bytes
PARTIAL_CONTENT = 206
TIMEOUT = (5, 30)  # seconds to connect, and between two packets


def resolve(data_dir: str | Path, names: Sequence[str]) -> list[Path]:
    """The local paths of a data set's files.

    Args:
      data_dir: a folder, or an http(s) address whose files are fetched into the cache.
      names: files in it, sub-folders allowed.

    Raises:
      UserError: a name that leaves `data_dir`, no such file, or a download that failed.
    """
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise UserError(f"data_set: expected the name of a file in data_dir, got {name!r}")
    if str(data_dir).startswith(("http://", "https://")):
        return [_fetch(f"{str(data_dir).rstrip('/')}/{quote(name)}") for name in names]
    return [_local(Path(data_dir).expanduser(), name) for name in names]


def cache_dir() -> Path:
    """The cache folder: `$SKETCH_RNN_CACHE`, or the system's place for one."""
    import pooch

    return Path(os.environ.get("SKETCH_RNN_CACHE") or pooch.os_cache("sketch_rnn"))


def _local(folder: Path, name: str) -> Path:
    path = folder / name
    if path.is_file():
        return path
    if not folder.is_dir():
        raise UserError(f"data_dir: expected a folder or an http(s) address, got {str(folder)!r}")
    found = ", ".join(sorted(file.name for file in folder.glob("*.npz"))[:8]) or "no .npz file"
    raise UserError(f"data_set: no file {name!r} in {str(folder)!r}, which holds {found}")


def _fetch(url: str) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(
            pooch.retrieve(url, KNOWN_SHA256.get(url), path=cache_dir(), downloader=_download)
        )
    except UserError:
        raise
    except (requests.RequestException, OSError, ValueError) as error:
        unreachable = isinstance(error, requests.ConnectionError)
        reason = "no connection" if unreachable else " ".join(str(error).split())[:200]
        raise UserError(
            f"cannot fetch {url} ({reason}); to train on a local file give its folder as "
            "--data_dir=FOLDER, to train on the embedded drawings --data_dir=datasets/doodles"
        ) from error


def _download(url: str, file: str, pooch: object) -> None:
    """Pooch's downloader: writes what `url` holds to `file`, or fails.

    What arrived before a failure is kept if the server can tell whether the file is still the
    same, and the next download goes on from there.
    """
    import requests

    part = cache_dir() / "parts" / hashlib.sha256(url.encode()).hexdigest()
    headers = {"Accept-Encoding": "identity"} | _take_up(part, Path(file))
    tag = ""
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response:
            response.raise_for_status()
            tag = response.headers.get("ETag", "")
            _receive(response, Path(file))
    except (requests.RequestException, OSError, KeyboardInterrupt):
        if (
            tag.startswith('"') and Path(file).stat().st_size
        ):  # a weak one does not promise the same bytes
            _put_aside(part, Path(file), tag)
        raise


def _receive(response: Any, file: Path) -> None:
    """Writes a response's body to `file`, after what it holds if the server goes on from there."""
    from tqdm import tqdm

    received = file.stat().st_size if response.status_code == PARTIAL_CONTENT else 0
    if received and not response.headers.get("Content-Range", "").startswith(f"bytes {received}-"):
        raise OSError("the server sent another part than was asked for")
    length = int(response.headers.get("Content-Length", 0))
    total = received + length if length else 0
    with (
        file.open("ab" if received else "wb") as out,
        tqdm(
            desc=PurePosixPath(response.url).name,
            initial=received,
            total=total or None,
            unit="B",
            unit_scale=True,
            disable=not sys.stderr.isatty(),
        ) as bar,
    ):
        for chunk in response.iter_content(1 << 16):
            received += len(chunk)
            if max(received, total) > MAX_DOWNLOAD:
                raise ValueError(f"more than {MAX_DOWNLOAD} bytes")
            out.write(chunk)
            bar.update(len(chunk))
    if total and received != total:
        raise OSError(f"{received} bytes of {total} arrived")


def _put_aside(part: Path, file: Path, tag: str) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    part.with_suffix(".etag").write_text(tag)
    shutil.move(file, part)


def _take_up(part: Path, file: Path) -> dict[str, str]:
    """Moves what was put aside to `file`; the headers that ask for the rest of it."""
    try:
        tag = part.with_suffix(".etag").read_text()
        shutil.move(part, file)
    except OSError:
        return {}
    part.with_suffix(".etag").unlink(missing_ok=True)
    return {"Range": f"bytes={file.stat().st_size}-", "If-Range": tag}
