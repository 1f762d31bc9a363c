"""What differs from one operating system to another."""

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
LONGEST_PATH = 259  # signs, where Windows is not told to allow longer ones
LONGEST_IN_RUN = 90  # signs that the names of a run's own files add to its folder's
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9¹²³])\s*(\.|$)", re.I)
_GPU_OF_WSL = Path("/usr/lib/wsl/lib/libcuda.so.1")  # is there where Windows has NVIDIA's driver
_DRIVER = Path("/proc/driver/nvidia/version")
_PROCESSOR = Path("/proc/cpuinfo")


def check_path(path: str | Path, more: int = 0) -> None:
    """Refuses a path to write that Windows would refuse, or take for something else.

    Args:
      path: of a file or folder that need not be there.
      more: signs that the names of what will be in the folder add.

    Raises:
      UserError: a part of the path is no name of a file there, or the path is too long.
    """
    if not IS_WINDOWS:
        return
    path = Path(path)
    for part in path.parts[1:] if path.anchor else path.parts:
        if problem := _name_problem(part):
            raise UserError(f"{path}: expected names that Windows has, got {part!r} ({problem})")
    length = len(os.path.abspath(path)) + more
    if length > LONGEST_PATH and not _are_long_paths_enabled():
        raise UserError(
            f"{path}: expected a path of at most {LONGEST_PATH - more} characters, got "
            f"{length - more}; take a folder nearer to the root of the drive, or have Windows "
            "allow long paths (LongPathsEnabled)"
        )


def _name_problem(name: str) -> str:
    """Why Windows has no file of this name; "" where it can."""
    if name in (".", ".."):
        return ""
    if found := _FORBIDDEN.search(name):
        return f"{found[0]!r} is in no name"
    if _DEVICES.match(name):
        return "it is the name of a device"
    return "it ends with a dot or a space" if name.endswith((".", " ")) else ""


def _are_long_paths_enabled() -> bool:
    """Whether Windows takes paths of more than `LONGEST_PATH` signs from this process."""
    if sys.platform != "win32":
        return False
    import ctypes

    try:
        return bool(ctypes.WinDLL("ntdll").RtlAreLongPathsEnabled() & 0xFF)
    except (OSError, AttributeError):  # before Windows 10
        return False


def is_plain(path: Path) -> bool:
    """Whether TensorFlow finds a path that it is told by an environment variable.

    It takes the bytes for UTF-8, which they are not on Windows.
    """
    return "'" not in str(path) and (not IS_WINDOWS or str(path).isascii())


def worker_context() -> "SpawnContext":
    """How worker processes start: anew, which every system and every Python can."""
    import multiprocessing

    return multiprocessing.get_context("spawn")


def quoted(word: str) -> str:
    """A word of a command as the shells here take it: Windows's know double quotes only."""
    if not IS_WINDOWS:
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w./\\:=+,~-]+", word) else f'"{word}"'


def is_closed_pipe(error: OSError) -> bool:
    """Whether nobody reads any more what is written; Windows says so by another error."""
    is_odd = IS_WINDOWS and error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or is_odd


def write_any_text() -> None:
    """Lets stdout write every sign: escaped, where the console's encoding lacks it, as cp1252."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def has_ansi() -> bool:
    """Whether terminals here move the cursor when they are told to by ANSI's codes."""
    return not IS_WINDOWS and os.environ.get("TERM") != "dumb"


def gpu_driver() -> str | None:
    """What tells one NVIDIA driver from another; None where there is none, as on Windows itself."""
    if _DRIVER.exists():
        return _DRIVER.read_text(encoding="utf-8")
    if _GPU_OF_WSL.exists():
        status = _GPU_OF_WSL.stat()
        return f"WSL {status.st_size} {status.st_mtime_ns}"
    return None


def processor() -> list[str]:
    """What tells the processor from others, for which programs are compiled."""
    import platform

    if not _PROCESSOR.exists():
        return [platform.machine(), platform.processor()]
    lines = _PROCESSOR.read_text(encoding="utf-8").splitlines()
    known = sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return [platform.machine(), *known]
