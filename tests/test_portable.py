"""Tests of differences between systems: encodings, shells, and the behavior of Windows."""

import ast
import errno
import io
import os
import sys
from pathlib import PureWindowsPath

import pytest
from helpers import DOODLES, ROOT

from sketch_rnn import files, system
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import new_flags
from sketch_rnn.data import download, mapped
from sketch_rnn.errors import UserError
from sketch_rnn.setup import add_flags

PROGRAMS = [
    *(ROOT / "sketch_rnn").rglob("*.py"),
    *(ROOT / "scripts").glob("*.py"),
    ROOT / "setup.py",
]
TEXT = {"read_text", "write_text"}


def mode_of(call, place):
    """Return the mode of a call of `open`, "r" by default; None if it is not a literal."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    given += call.args[place : place + 1]
    if not given:
        return "r"
    return given[0].value if isinstance(given[0], ast.Constant) else None


def says_no_encoding(call):
    """Return whether a call opens a text file in the system's default encoding."""
    if any(keyword.arg in ("encoding", None) for keyword in call.keywords):
        return False
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        return "b" not in (mode_of(call, 1) or "b")
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in TEXT:
        return len(call.args) <= (call.func.attr == "write_text")
    if call.func.attr == "fdopen":
        return "b" not in (mode_of(call, 1) or "b")
    owner = call.func.value  # a path, and no archive, by its name
    is_path = call.func.attr == "open" and (
        not isinstance(owner, ast.Name) or owner.id.endswith("path")
    )
    return is_path and "b" not in (mode_of(call, 0) or "b")


def found(text):
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if says_no_encoding(call)]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_files_are_opened_with_an_encoding(path):
    assert found(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code",
    ["open(p)", "p.read_text()", "p.write_text(t)", "self.path.open('a')", "open(p, mode='w')"],
)
def test_a_text_file_opened_without_an_encoding_is_reported(code):
    assert found(code) == [1]


@pytest.mark.parametrize(
    "code",
    ["open(p, 'rb')", "p.read_text('utf-8')", "self.path.open('ab')", "open(p, encoding='utf-8')"],
)
def test_calls_with_an_encoding_or_in_binary_mode_are_not_reported(code):
    assert found(code) == []


# Names that depend on the system, and the only modules that may use each.
# Attributes are written `module.name`, path methods `.name`, and strings by their first characters.
KNOWN_BY = {
    "os.chmod os.umask os.replace os.fsync os.O_RDONLY": {"files"},
    "os.open os.O_WRONLY": {"files", "setup", "cli.common"},
    "os.dup os.dup2": {"setup", "cli.common"},
    "os.name sys.platform /proc/ /usr/": {"system"},
    "multiprocessing.get_context": {"system"},
    "signal ctypes faulthandler": {"signals", "system"},
    ".is_symlink": {"formats.run_folder"},
    "os.rename os.link os.symlink os.readlink .rename .symlink_to .hardlink_to .chmod": (),
    "os.fork os.kill os.killpg os.setsid os.mkfifo os.getuid os.geteuid os.statvfs os.sysconf": (),
    "os.uname os.nice os.sched_getaffinity os.fchmod os.chown os.pread os.pwrite os.geteuid": (),
    "multiprocessing.set_start_method multiprocessing.Process multiprocessing.Pool": (),
    "fcntl termios tty pty pwd grp resource msvcrt winreg posix syslog": (),
    "/dev/ /tmp/ /etc/ /bin/": (),
}
PLACES = {name: set(rooms) for names, rooms in KNOWN_BY.items() for name in names.split()}
TEXTS = tuple(name for name in PLACES if name.startswith("/"))


def of_one_system(text):
    """Return the names in a program that behave differently from system to system."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            names = {f"{owner}.{node.attr}"} if owner == "os" else {f".{node.attr}"}
            yield from (names | {f"{owner}.{node.attr}"}) & PLACES.keys()
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & PLACES.keys()
        elif isinstance(node, ast.ImportFrom):
            yield from {node.module} & PLACES.keys()
            yield from {f"{node.module}.{alias.name}" for alias in node.names} & PLACES.keys()
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (start for start in TEXTS if node.value.startswith(start))


def test_system_dependent_names_appear_only_in_the_modules_for_them():
    package = ROOT / "sketch_rnn"
    found = {
        (name, ".".join(path.relative_to(package).with_suffix("").parts))
        for path in package.rglob("*.py")
        for name in of_one_system(path.read_text(encoding="utf-8"))
    }
    assert {(name, room) for name, room in found if room not in PLACES[name]} == set()
    assert {room for rooms in PLACES.values() for room in rooms} <= {room for _, room in found}


@pytest.mark.parametrize(
    "code",
    [
        *(
            "import os; os.fork()",
            "from os import fork",
            "import fcntl",
            "from signal import SIGINT",
        ),
        *("path.symlink_to(p)", 'open("/proc/self/status")', "os.kill(n, 9)"),
        *("import multiprocessing as m; from multiprocessing import get_context", "x.chmod(1)"),
    ],
)
def test_system_dependent_names_are_reported(code):
    assert list(of_one_system(code))


@pytest.fixture
def held_open(monkeypatch):
    """Return a function that simulates Windows with a file held open for a number of tries."""
    tries = []

    def hold(count):
        replace = files.os.replace

        def refuse(part, path):
            tries.append(path)
            if len(tries) <= count:
                raise PermissionError(13, "Access is denied", str(path))
            replace(part, path)

        monkeypatch.setattr(files.os, "replace", refuse)
        monkeypatch.setattr(system, "IS_WINDOWS", True)
        monkeypatch.setattr(files, "WAITS", (0, 0))
        return tries

    return hold


def test_a_briefly_open_file_is_replaced(tmp_path, held_open):
    path = tmp_path / "a.txt"
    path.write_text("before")
    tries = held_open(2)
    files.write_text(path, "after")
    assert path.read_text() == "after" and len(tries) == 3


def test_a_file_that_stays_open_is_kept_and_named(tmp_path, held_open):
    path = tmp_path / "a.txt"
    path.write_text("before")
    held_open(9)
    with pytest.raises(UserError, match="it is open in another program; close it there"):
        files.write_text(path, "after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_without_windows_a_refused_replacement_is_an_error_immediately(
    tmp_path, held_open, monkeypatch
):
    tries = held_open(9)
    monkeypatch.setattr(system, "IS_WINDOWS", False)
    with pytest.raises(PermissionError):
        files.write_text(tmp_path / "a.txt", "after")
    assert len(tries) == 1


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(system, "IS_WINDOWS", True)
    monkeypatch.setattr(system, "_are_long_paths_enabled", lambda: False)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("con", "a device"),
        ("Nul.svg", "a device"),
        ("folder/com1.txt", "a device"),
        ("aux .npz", "a device"),
        ("a:b.svg", "names cannot contain ':'"),
        ("why?.svg", r"names cannot contain '\?'"),
        ("end./x.svg", "ends with a dot"),
        ("end ", "ends with a dot or a space"),
    ],
)
def test_a_name_that_windows_refuses_is_named(windows, tmp_path, monkeypatch, name, problem):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=problem):
        files.check_output(name)
    monkeypatch.setattr(system, "IS_WINDOWS", False)
    system.check_path(name)


@pytest.mark.parametrize("name", ["new.svg", "../a b/ü", "console.svg", ".hidden", "com10"])
def test_other_names_are_fine(windows, name):
    system.check_path(name)


def test_a_path_too_long_for_windows_is_refused_before_any_work(windows, monkeypatch):
    system.check_path("/" + "d" * 240)
    with pytest.raises(
        UserError, match="of at most 169 characters, got 241; choose a folder closer"
    ):
        system.check_path("/" + "d" * 240, system.LONGEST_IN_RUN)
    monkeypatch.setattr(system, "_are_long_paths_enabled", lambda: True)
    system.check_path("/" + "d" * 240, system.LONGEST_IN_RUN)


def test_names_in_a_run_fit_the_documented_longest_length():
    step = 10**9
    part = f"checkpoints/latest-{step}_temp/part-00000-of-00001.data-00000-of-00001.tempstate"
    assert len("/" + part) + 5 <= system.LONGEST_IN_RUN


def test_a_file_that_windows_cannot_remove_is_left(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(system, "IS_WINDOWS", False)
    monkeypatch.setattr(type(tmp_path), "unlink", refuse)
    with pytest.raises(PermissionError):
        files.remove(tmp_path / "a")
    monkeypatch.setattr(system, "IS_WINDOWS", True)
    assert files.remove(tmp_path / "a") is False


def test_data_just_converted_by_another_process_is_read(tmp_path, monkeypatch):
    """Windows does not replace a file that another process has mapped into memory."""
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path))
    convert, converted = mapped._convert, []

    def refused(path, cached):
        if path.stem == "cat":
            convert(path, cached)
        converted.append(path)
        raise UserError("it is open in another program")

    monkeypatch.setattr(mapped, "_convert", refused)
    parts = mapped._map(DOODLES / "cat.npz")
    assert len(parts["train"]) > 9 and len(converted) == 1
    with pytest.raises(UserError, match="it is open in another program"):
        mapped._map(DOODLES / "fish.npz")


def test_files_on_different_drives_have_no_common_folder():
    paths = [PureWindowsPath(r"C:\a\b\1.npz"), PureWindowsPath(r"c:\a\2.npz")]
    assert download._common_folder(paths) == PureWindowsPath(r"C:\a")
    with pytest.raises(UserError, match=r"on one drive, got C:\\a\\b\\1.npz, D:\\2.npz"):
        download._common_folder([paths[0], PureWindowsPath(r"D:\2.npz")])


@pytest.mark.parametrize("word", ["--data_dir=C:\\my drawings", "--log_root=a&b", "--x=a'b"])
def test_words_to_type_are_quoted_for_windows(windows, word):
    assert system.quoted(word) == f'"{word}"'
    assert system.quoted("--data_dir=C:\\drawings") == "--data_dir=C:\\drawings"


def test_a_closed_pipe_is_recognized(windows, monkeypatch):
    odd = OSError(errno.EINVAL, "Invalid argument")
    assert system.is_closed_pipe(odd) and system.is_closed_pipe(BrokenPipeError())
    assert not system.is_closed_pipe(OSError(errno.EINVAL, "Invalid argument", "a.svg"))
    monkeypatch.setattr(system, "IS_WINDOWS", False)
    assert not system.is_closed_pipe(odd)


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_console_with_few_characters_shows_every_text(monkeypatch, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, write_through=True))
    flags = new_flags()
    assert common.run("toy", lambda: print("Bär 猫 ✓"), flags, "", []) == 0
    text = written.getvalue().decode(encoding)
    assert r"\u732b \u2713" in text and text.startswith("B")


@pytest.mark.parametrize(("on_windows", "term"), [(True, "xterm"), (False, "dumb")])
def test_a_terminal_without_control_codes_gets_a_plain_status_line(monkeypatch, on_windows, term):
    monkeypatch.setattr(system, "IS_WINDOWS", on_windows)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(common, "columns", lambda: 9)
    assert common.erase_code() == "\r        \r"


def test_wsl_has_a_gpu_if_windows_has_its_driver(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "_DRIVER", tmp_path / "version")
    monkeypatch.setattr(system, "_GPU_OF_WSL", tmp_path / "libcuda.so.1")
    assert system.gpu_driver() is None
    (tmp_path / "libcuda.so.1").write_bytes(b"driver")
    assert system.gpu_driver().startswith("WSL 6 ")


def test_a_tilde_becomes_the_home_folder_without_a_shell(windows, monkeypatch):
    monkeypatch.setenv("HOME", "/home/Jörg Müller")
    monkeypatch.setenv("USERPROFILE", "/home/Jörg Müller")
    seen = []
    argv = ["~/a.svg", "b~/c", "--help=false"]
    common.run("toy", lambda *rest: seen.extend(rest), new_flags(), "", argv, "FILE...")
    assert seen == ["/home/Jörg Müller/a.svg", "b~/c"]


def test_a_folder_with_a_space_is_one_flag_value(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--theirs='a b'")
    add_flags("TF_XLA_FLAGS", {"ours": "/home/Jörg Müller/x", "theirs": "c"})
    assert os.environ["TF_XLA_FLAGS"] == "--theirs='a b' --ours='/home/Jörg Müller/x'"
