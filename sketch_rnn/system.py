"""Everything that differs between Windows, macOS and Linux, apart from files and signals."""

import errno
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sketch_rnn.errors import UserError

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext

IS_WINDOWS = os.name == "nt"
LONGEST_PATH = 259  # characters, unless Windows is set to allow longer paths
LONGEST_IN_RUN = 90  # characters that a run's own files add to the path of its folder
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9¹²³])\s*(\.|$)", re.I)
_GPU_OF_WSL = Path("/usr/lib/wsl/lib/libcuda.so.1")  # exists if Windows has NVIDIA's driver
_DRIVER = Path("/proc/driver/nvidia/version")
_PROCESSOR = Path("/proc/cpuinfo")


def check_path(path: str | Path, more: int = 0) -> None:
    """Refuse a path that Windows cannot write, or would take for something else.

    Args:
      path: a file or folder, which need not exist.
      more: the largest number of characters that a file within the folder adds to the path.

    Raises:
      UserError: Windows allows no such name, or the path is too long.
    """
    if not IS_WINDOWS:
        return
    path = Path(path)
    for part in path.parts[1:] if path.anchor else path.parts:
        if problem := _name_problem(part):
            raise UserError(
                f"{path}: expected a name that Windows allows, got {part!r} ({problem}); choose "
                "another name"
            )
    length = len(os.path.abspath(path)) + more
    if length > LONGEST_PATH and not _are_long_paths_enabled():
        raise UserError(
            f"{path}: expected a path of at most {LONGEST_PATH - more} characters, got "
            f"{length - more}; choose a folder closer to the root of the drive, or make Windows "
            "allow long paths (LongPathsEnabled)"
        )


def _name_problem(name: str) -> str:
    """Return why Windows allows no file of this name, or "" if it does."""
    if name in (".", ".."):
        return ""
    if found := _FORBIDDEN.search(name):
        return f"names cannot contain {found[0]!r}"
    if _DEVICES.match(name):
        return "it is the name of a device"
    return "it ends with a dot or a space" if name.endswith((".", " ")) else ""


def _are_long_paths_enabled() -> bool:
    """Return whether Windows lets this process use paths longer than `LONGEST_PATH`."""
    if sys.platform != "win32":
        return False
    import ctypes

    try:
        return bool(ctypes.WinDLL("ntdll").RtlAreLongPathsEnabled() & 0xFF)
    except (OSError, AttributeError):  # before Windows 10
        return False


def worker_context() -> "SpawnContext":
    """Return the way to start worker processes: spawn, which every system and Python supports."""
    import multiprocessing

    return multiprocessing.get_context("spawn")


def quoted(word: str) -> str:
    """Quote a word of a command for the shells of this system; cmd knows only double quotes."""
    if not IS_WINDOWS:
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w./\\:=+,~-]+", word) else f'"{word}"'


def is_closed_pipe(error: OSError) -> bool:
    """Return whether an error means that the program that read our output has closed the pipe."""
    is_odd = IS_WINDOWS and error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or is_odd


def write_any_text() -> None:
    """Let stdout print any text; characters that its encoding lacks are printed as escapes."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def has_ansi() -> bool:
    """Return whether the terminal understands ANSI escape codes."""
    return not IS_WINDOWS and os.environ.get("TERM") != "dumb"


def gpu_driver() -> str | None:
    """Return a text that identifies the NVIDIA driver; None if TensorFlow cannot use any."""
    if _DRIVER.exists():
        return _DRIVER.read_text(encoding="utf-8")
    if _GPU_OF_WSL.exists():
        status = _GPU_OF_WSL.stat()
        return f"WSL {status.st_size} {status.st_mtime_ns}"
    return None


def processor() -> list[str]:
    """Return lines that identify the processor for which programs are compiled."""
    import platform

    if not _PROCESSOR.exists():
        return [platform.machine(), platform.processor()]
    lines = _PROCESSOR.read_text(encoding="utf-8").splitlines()
    known = sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return [platform.machine(), *known]
