"""The compiled programs that are kept from one run to the next."""

import contextlib
import hashlib
import os
from importlib import metadata
from pathlib import Path

from sketch_rnn import system
from sketch_rnn.files import cache_dir, write_text

LARGEST_CACHE = 100_000_000  # bytes


class KeptPrograms:
    """The folder in which TensorFlow keeps compiled programs.

    Programs are machine code, so a damaged file must never be loaded, and TensorFlow does not check
    them. A file next to each program holds its checksum. Programs whose checksum is missing or
    wrong are removed before TensorFlow reads the folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def check(self) -> None:
        """Remove damaged programs, and the oldest programs if the folder is too large."""
        self.folder.mkdir(parents=True, exist_ok=True)
        size = 0
        for program in sorted(self._programs(), key=lambda path: -path.stat().st_mtime):
            size += program.stat().st_size
            if size > LARGEST_CACHE or not self._is_whole(program):
                program.unlink()
        for checksum in self.folder.glob("*.sha256"):
            if not checksum.with_suffix("").exists():
                checksum.unlink()

    def seal(self) -> None:
        """Write the checksums of new programs."""
        with contextlib.suppress(OSError):  # without a checksum, they are compiled again
            for program in self._programs():
                if not _checksum_file(program).exists():
                    write_text(_checksum_file(program), _sha256(program))

    def _programs(self) -> list[Path]:
        return list(self.folder.glob("*.pb"))

    def _is_whole(self, program: Path) -> bool:
        checksum = _checksum_file(program)
        return checksum.exists() and checksum.read_bytes() == _sha256(program).encode()


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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
