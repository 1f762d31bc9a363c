"""A cache of functions that TensorFlow has compiled, kept from one run to the next."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from sketch_rnn import system
from sketch_rnn.errors import UserError, warn
from sketch_rnn.files import cache_dir, replacing, write_text

LARGEST_CACHE = 40_000_000  # bytes, all of which every command loads into memory
IN_MEMORY = "ram://sketch_rnn/programs"  # TensorFlow's own file system in the process's memory


class KeptPrograms:
    """Compiled programs cached in a folder, and their copies in memory, which TensorFlow uses.

    A compiled program is the machine code into which TensorFlow has compiled a function. TensorFlow
    does not use the folder: it reads and writes these programs in memory. If it used the folder, a
    training step that needs a newly compiled program would fail when the disk is full.

    A damaged file must never be loaded, because its machine code would be executed, and TensorFlow
    does not check it. So each compiled program has a second file beside it, which holds the
    program's checksum.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._is_writable = True
        self._kept: set[str] = set()

    def load(self) -> None:
        """Copy the compiled programs in the folder to TensorFlow's in-memory file system."""
        from tensorflow import io

        io.gfile.makedirs(IN_MEMORY)
        for name, program in self.read():
            with io.gfile.GFile(f"{IN_MEMORY}/{name}", "wb") as file:
                file.write(program)
            self._kept.add(name)

    def save(self) -> None:
        """Write the compiled programs in TensorFlow's in-memory file system to the folder.

        Programs that the folder already holds are not written again.

        If the folder cannot be written to, print one warning and write nothing more.
        """
        from tensorflow import io

        for name in io.gfile.listdir(IN_MEMORY) if self._is_writable else ():
            if name.endswith(".pb") and name not in self._kept:
                with io.gfile.GFile(f"{IN_MEMORY}/{name}", "rb") as file:
                    self.write(name, file.read())

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and content of each undamaged compiled program, the newest first.

        Damaged files are removed from the folder; so are the oldest files if the folder is larger
        than `LARGEST_CACHE`.
        """
        size = 0
        for path in self._newest_first():
            try:
                program = path.read_bytes()
                is_whole = _checksum_file(path).read_bytes() == _sha256(program).encode()
            except OSError:
                program, is_whole = b"", False
            size += len(program)
            if is_whole and size <= LARGEST_CACHE:
                yield path.name, program
            else:
                _remove(path)
        for checksum in self.folder.glob("*.sha256"):
            if not checksum.with_suffix("").exists():
                _remove(checksum)

    def write(self, name: str, program: bytes) -> None:
        """Write a compiled program and its checksum, unless a write has failed before."""
        if not self._is_writable:
            return
        path = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(program)
            write_text(_checksum_file(path), _sha256(program))
        except (OSError, UserError) as error:
            self._is_writable = False
            reason = getattr(error, "strerror", None) or error
            warn(
                f"compiled programs cannot be cached in {self.folder} ({reason}), so the next run "
                "compiles them again; set SKETCH_RNN_CACHE to a folder with free space"
            )
        else:
            self._kept.add(name)

    def _newest_first(self) -> list[Path]:
        times = {}
        for path in self.folder.glob("*.pb"):
            with contextlib.suppress(OSError):
                times[path] = path.stat().st_mtime
        return sorted(times, key=lambda path: -times[path])


def folder_here() -> Path:
    """Return the cache folder for this machine, this version of TensorFlow and its flags."""
    machine, *processor = system.processor()
    parts = [machine, metadata.version("tensorflow"), os.environ.get("XLA_FLAGS", "")]
    if driver := system.gpu_driver():
        parts.append(driver)
    parts += processor
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return cache_dir() / "programs" / name


def _checksum_file(program: Path) -> Path:
    return program.with_name(program.name + ".sha256")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # another process has removed it, or the disk is read-only
        path.unlink()


def _sha256(program: bytes) -> str:
    return hashlib.sha256(program).hexdigest()
