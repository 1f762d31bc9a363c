"""Models on the Hugging Face Hub: downloading them once into the Hub's cache, and pushing them.

The package `huggingface_hub` downloads and uploads the files. It is optional, and imported only
when it is needed.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import sketch_rnn
from sketch_rnn.errors import UserError, first_line, not_installed

PREFIX = "hf://"
MODEL_FILE = "model.keras"  # the default file in a repository
LARGEST = 4 << 30  # bytes, the largest model to download
_ADDRESS = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/\s]+))?(?:/(?P<file>\S+))?"
)
_LOG_IN = "log in with `hf auth login`"


class Address(NamedTuple):
    """A file on the Hub."""

    repository: str  # user/name
    revision: str | None  # a branch, a tag or a commit; None means the main branch
    file: str


def is_address(name: str | Path | None) -> bool:
    """Return whether this names a model on the Hub, such as `hf://user/name`."""
    return isinstance(name, str) and name.startswith(PREFIX)


def parse(name: str) -> Address:
    """Read an address `hf://user/name`, optionally followed by `@revision` and `/file`.

    Raises:
      UserError: `name` is not an `hf://` address.
    """
    match = _ADDRESS.fullmatch(name.removeprefix(PREFIX))
    if match is None or ".." in name:
        raise UserError(f"expected a model on the Hub, such as {PREFIX}user/name, got {name!r:.80}")
    return Address(match["repository"], match["revision"], match["file"] or MODEL_FILE)


def fetch(name: str, anew: bool = False) -> Path:
    """Return the local copy of a model on the Hub; download it if it is not in the cache.

    A download that was interrupted is continued; a file gets its name only when it is complete.

    Args:
      name: an address such as `hf://user/name`.
      anew: download the file even if it is in the cache.

    Raises:
      UserError: huggingface_hub is not installed, or the model does not exist, is private, is too
        large, or cannot be fetched.
    """
    address, hub = parse(name), _library(name)
    with _one_line(name, hub):
        size = _size(hub, address)
        if size and size > LARGEST:
            raise UserError(f"{name}: expected a model of at most {LARGEST:,} bytes, got {size:,}")
        path = hub.hf_hub_download(
            address.repository,
            address.file,
            revision=address.revision,
            force_download=anew and size is not None,
            local_files_only=size is None,
            endpoint=_endpoint(),
            **_caller(),
        )
    return Path(path)


def push(name: str, folder: Path, private: bool) -> str:
    """Push the files in a folder to a repository as a new commit; create the repository if needed.

    Returns:
      The address of the repository's page.

    Raises:
      UserError: huggingface_hub is not installed, nobody is logged in, or the Hub refuses the push.
    """
    address, hub = check_repository(name), _library(name)
    api = hub.HfApi(endpoint=_endpoint(), **_caller())
    with _one_line(name, hub):
        page = api.create_repo(address.repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=address.repository,
            folder_path=folder,
            commit_message="Push a model of sketch_rnn",
        )
    return str(page)


def check_repository(name: str) -> Address:
    """Check, before the work begins, that `name` is a repository that can be pushed to.

    Raises:
      UserError: `name` is not a repository, or huggingface_hub is not installed.
    """
    address = parse(name)
    if address != Address(address.repository, None, MODEL_FILE):
        raise UserError(
            f"expected the repository to push to, such as {PREFIX}user/name, got {name}"
        )
    _library(name)
    return address


def _library(name: str) -> Any:
    try:
        import_module("huggingface_hub.errors")
        return import_module("huggingface_hub")
    except ImportError:
        raise not_installed(f"{name}: the Hub", ["huggingface_hub"], "hub") from None


def _endpoint() -> str | None:
    """Return the Hub's address that `HF_ENDPOINT` sets, or None.

    The address is passed to each call, because huggingface_hub reads the variable only when it is
    imported.
    """
    return os.environ.get("HF_ENDPOINT")


def _caller() -> dict[str, str]:
    return {"library_name": "sketch_rnn", "library_version": sketch_rnn.__version__}


def _size(hub: Any, address: Address) -> int | None:
    """Return a file's size in bytes; 0 if it is unknown, None if the Hub cannot be reached."""
    url = hub.hf_hub_url(
        address.repository, address.file, revision=address.revision, endpoint=_endpoint()
    )
    try:
        return hub.get_hf_file_metadata(url).size or 0
    except hub.errors.HfHubHTTPError:
        raise
    except _unreachable(hub):  # the cache may still hold the file
        return None


def _unreachable(hub: Any) -> tuple[type[Exception], ...]:
    """Return the classes of network errors; some come from the library's HTTP client."""
    return (OSError, ValueError, *hub.errors.HfHubHTTPError.__bases__)


@contextmanager
def _one_line(name: str, hub: Any) -> Iterator[None]:
    """Turn errors from huggingface_hub into a `UserError` with a message of one line."""
    errors = hub.errors
    try:
        yield
    except UserError:
        raise
    except errors.HFValidationError as error:
        raise UserError(f"{name}: {first_line(error)}") from None
    except errors.GatedRepoError:
        raise UserError(
            f"{name}: its owner has to give you access; ask for it on the model's page, then "
            f"{_LOG_IN}"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"{name}: the Hub has no such repository, or it is private; for a private one, "
            f"{_LOG_IN}"
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{name}: the repository has no such revision; check its branches and tags"
        ) from None
    except errors.LocalEntryNotFoundError:
        raise UserError(
            f"{name}: the Hub cannot be reached, and the model has not been fetched before"
        ) from None
    except errors.EntryNotFoundError:
        raise UserError(
            f"{name}: the repository holds no {parse(name).file}; add the path of its model "
            f"file, as in {PREFIX}{parse(name).repository}/cat.keras"
        ) from None
    except (errors.HfHubHTTPError, errors.LocalTokenNotFoundError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        hint = f"; {_LOG_IN}" if status in (None, 401, 403) else ""
        raise UserError(f"{name}: {first_line(error)[:200]}{hint}") from None
    except _unreachable(hub) as error:
        raise UserError(f"{name}: the Hub cannot be reached: {first_line(error)[:200]}") from None
