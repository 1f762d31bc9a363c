"""The rules of Windows, as far as they can be imposed on Linux.

  LIKE_WINDOWS=1 ./scripts/test tests/convert/test_build.py

runs tests, and all Python processes that they start, under these rules:

- a file that the process has open cannot be replaced or removed, nor can a folder that contains it;
- a folder cannot be opened, and names such as `con`, `a:b` and `a.` are refused;
- text files have CRLF, and stdout is cp1252;
- symbolic links cannot be made;
- there is no fork, and no signal except SIGINT; processes start by spawn;
- `sketch_rnn.system` believes that the system is Windows.

Tests of features that Windows lacks are marked `unix_only` (see `helpers`).
"""

import builtins
import errno
import importlib.abc
import io
import multiprocessing
import os
import re
import shutil
import signal
import sys
import types
from contextlib import suppress
from functools import wraps
from pathlib import Path

IS_ASKED_FOR = os.environ.get("LIKE_WINDOWS", "0") not in ("", "0")
START = Path(__file__).parent / "start_like_windows"  # Python runs its sitecustomize.py first
MISSING = ("fork", "mkfifo", "setsid", "killpg", "statvfs")
SIGNALS = ("SIGINT", "SIG_DFL", "SIG_IGN", "Signals", "Handlers", "default_int_handler")
CALLS = ("signal", "getsignal", "raise_signal", "set_wakeup_fd")
FORBIDDEN = re.compile(r'[<>:"|?*\x01-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.I)
LIKE = {"sketch_rnn.system", "sketch_rnn.signals"}  # modules that believe they run on Windows


def install() -> None:
    """Impose the rules on this process and on the processes that it starts, once."""
    if any(isinstance(finder, _Telling) for finder in sys.meta_path):
        return
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(START), os.environ.get("PYTHONPATH")])
    )
    os.environ["PYTHONIOENCODING"] = "cp1252"
    multiprocessing.set_start_method("spawn", force=True)
    shutil._use_fd_functions = False
    for name in MISSING:
        if hasattr(os, name):
            delattr(os, name)
    _guard_names_and_open_files()
    builtins.open = io.open = _opening(io.open)
    sys.meta_path.insert(0, _Telling())


def open_files() -> set[str]:
    """Return the paths that this process has open, including memory-mapped files."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return found


def _in_use(path: object) -> bool:
    place = os.path.join(
        os.path.realpath(os.path.dirname(_text(path))), os.path.basename(_text(path))
    )
    return any(name == place or name.startswith(place + "/") for name in open_files())


def _text(path: object) -> str:
    return os.path.normpath(os.path.abspath(os.fsdecode(os.fspath(path))))


def _check_name(path: object) -> None:
    if not isinstance(path, int) and FORBIDDEN.search(os.path.basename(_text(path))):
        raise OSError(errno.EINVAL, "Invalid argument", os.fsdecode(path))


def _denied(path: object) -> PermissionError:
    return PermissionError(errno.EACCES, "Access is denied", os.fsdecode(path))


def _guard_names_and_open_files() -> None:
    for name in ("replace", "rename"):
        setattr(os, name, _moving(getattr(os, name)))
    for name in ("unlink", "remove", "rmdir"):
        setattr(os, name, _removing(getattr(os, name)))
    os.open, os.mkdir = _opening_descriptor(os.open), _making(os.mkdir)
    os.symlink = _linking


def _moving(call):
    @wraps(call)
    def move(source, target, **options):
        _check_name(target)
        for path in (source, target):
            if _in_use(path):
                raise _denied(path)
        return call(source, target, **options)

    return move


def _removing(call):
    @wraps(call)
    def remove(path, *, dir_fd=None):
        if dir_fd is None and _in_use(path):
            raise _denied(path)
        return call(path) if dir_fd is None else call(path, dir_fd=dir_fd)

    return remove


def _opening_descriptor(call):
    @wraps(call)
    def open_descriptor(path, flags, *arguments, **options):
        is_nameless = flags & os.O_TMPFILE == os.O_TMPFILE  # a temporary file, not a folder
        if os.path.isdir(path) and not is_nameless:
            raise _denied(path)
        if flags & os.O_CREAT:
            _check_name(path)
        return call(path, flags, *arguments, **options)

    return open_descriptor


def _making(call):
    @wraps(call)
    def make(path, *arguments, **options):
        _check_name(path)
        return call(path, *arguments, **options)

    return make


def _linking(source, target, *_, **__):
    raise OSError(errno.EPERM, "A required privilege is not held by the client", str(target))


def _opening(call):
    @wraps(call)
    def open_file(
        file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest, **more
    ):
        if set(mode) & set("wax+"):
            _check_name(file)
            if "b" not in mode and newline is None:
                newline = "\r\n"
        return call(file, mode, buffering, encoding, errors, newline, *rest, **more)

    return open_file


class _Telling(importlib.abc.MetaPathFinder):
    """An import hook that makes the modules in `LIKE` believe that they run on Windows."""

    def find_spec(self, name, path, target=None):
        if name not in LIKE:
            return None
        spec = self._found(name, path)
        load = spec.loader.exec_module

        def execute(module):
            with _signals_of_windows():
                load(module)
            if hasattr(module, "IS_WINDOWS"):
                module.IS_WINDOWS = True

        spec.loader.exec_module = execute
        return spec

    def _found(self, name, path):
        return next(
            found
            for finder in sys.meta_path
            if finder is not self and (found := finder.find_spec(name, path)) is not None
        )


class _signals_of_windows:
    """A context in which `import signal` gives what Windows has, except for SIGBREAK."""

    def __enter__(self):
        module = types.ModuleType("signal")
        for name in (*SIGNALS, *CALLS):
            setattr(module, name, getattr(signal, name))
        sys.modules["signal"] = module

    def __exit__(self, *_):
        sys.modules["signal"] = signal


def cp1252_captured() -> None:
    """Give the stdout and stderr that pytest captures the encoding of a Western console, cp1252."""
    from _pytest import capture

    class Narrow(capture.CaptureIO):
        def __init__(self):
            io.TextIOWrapper.__init__(
                self, io.BytesIO(), encoding="cp1252", newline="", write_through=True
            )

        def getvalue(self):
            return self.buffer.getvalue().decode("cp1252")

    capture.CaptureIO = Narrow
