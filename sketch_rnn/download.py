"""Where the files of a data set are: in a folder, or at an address, fetched once into a cache."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import quote

from sketch_rnn.errors import UserError

DEFAULT_DATA_DIR = "https://github.com/hardmaru/sketch-rnn-datasets/raw/master/aaron_sheep"
KNOWN_SHA256 = {
    f"{DEFAULT_DATA_DIR}/aaron_sheep.npz": (
        "65f8e51e43587661798ac137a204c9e049e0d11dcd50cba372ae3ca32de8b54c"
    )
}
MAX_DOWNLOAD = 4 << 30  # bytes
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


def _download(url: str, file: BinaryIO | str, pooch: object) -> None:
    """Pooch's downloader: writes what `url` holds to `file`, or fails."""
    import requests
    from tqdm import tqdm

    with requests.get(url, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0))
        received = 0
        with (
            open(file, "wb") as out,
            tqdm(
                desc=PurePosixPath(url).name,
                total=total or None,
                unit="B",
                unit_scale=True,
                disable=not sys.stderr.isatty(),
            ) as bar,
        ):
            for chunk in response.iter_content(1 << 16):
                received += len(chunk)
                if max(received, total) > MAX_DOWNLOAD:
                    raise OSError(f"more than {MAX_DOWNLOAD} bytes")
                out.write(chunk)
                bar.update(len(chunk))
    if total and response.raw.tell() != total:
        raise OSError(f"{response.raw.tell()} bytes of {total} arrived")
