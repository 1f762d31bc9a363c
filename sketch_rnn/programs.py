"""The compiled programs that are kept from run to run."""

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

    A program is machine code, so what is not whole must not be loaded, and TensorFlow does not
    check. Each program has a file with its checksum beside it; one without, or with another, is
    removed before TensorFlow looks.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def check(self) -> None:
        """Removes what is not whole, and the oldest where all of it is too large."""
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
        """Writes the checksums of the programs that are new."""
        with contextlib.suppress(OSError):  # then they are compiled again
            for program in self._programs():
                if not _checksum_file(program).exists():
                    write_text(_checksum_file(program), _sha256(program))

    def _programs(self) -> list[Path]:
        return list(self.folder.glob("*.pb"))

    def _is_whole(self, program: Path) -> bool:
        checksum = _checksum_file(program)
        return checksum.exists() and checksum.read_bytes() == _sha256(program).encode()


def folder_here() -> Path:
    """The cache folder for programs of this machine, this TensorFlow and its flags."""
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
