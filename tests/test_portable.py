"""What differs from system to system: the encoding of text, and what Windows does otherwise."""

import ast
import re

import pytest
from helpers import ROOT

from sketch_rnn import files
from sketch_rnn.errors import UserError

PROGRAMS = [
    *(ROOT / "sketch_rnn").rglob("*.py"),
    *(ROOT / "scripts").glob("*.py"),
    ROOT / "setup.py",
]
TEXT = {"read_text", "write_text"}


def mode_of(call, place):
    """The mode that `open` is called with, "r" by default; None where it is not written out."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    given += call.args[place : place + 1]
    if not given:
        return "r"
    return given[0].value if isinstance(given[0], ast.Constant) else None


def says_no_encoding(call):
    """Whether a call opens a text file in the encoding that the system happens to have."""
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
def test_text_files_say_their_encoding(path):
    assert found(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "code",
    ["open(p)", "p.read_text()", "p.write_text(t)", "self.path.open('a')", "open(p, mode='w')"],
)
def test_a_text_file_without_encoding_is_found(code):
    assert found(code) == [1]


@pytest.mark.parametrize(
    "code",
    ["open(p, 'rb')", "p.read_text('utf-8')", "self.path.open('ab')", "open(p, encoding='utf-8')"],
)
def test_what_says_it_or_is_bytes_is_not(code):
    assert found(code) == []


# What Windows lacks, or does otherwise, and the modules that know it.
SYSTEM = {
    r"os\.(replace|rename|fsync|umask|O_\w+)\b": {"files.py", "setup.py", "cli/common.py"},
    r"os\.(fork|kill|killpg|getuid|geteuid|setsid|mkfifo|symlink|statvfs|sysconf)\b": set(),
    r"import (fcntl|termios|pty|pwd|grp|resource)\b": set(),
    r"\bsignal\.(?!Signals|signal\b)[A-Za-z_]+": {"signals.py"},
    r"os\.dup2\b": {"setup.py", "cli/common.py"},
    r"/proc/": {"programs.py"},
}


@pytest.mark.parametrize("pattern", SYSTEM)
def test_what_systems_do_otherwise_stands_in_the_modules_that_know_it(pattern):
    package = ROOT / "sketch_rnn"
    places = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }
    assert places <= SYSTEM[pattern]


@pytest.fixture
def held_open(monkeypatch):
    """Windows, where a program has the file open for so many tries."""
    tries = []

    def hold(count):
        replace = files.os.replace

        def refuse(part, path):
            tries.append(path)
            if len(tries) <= count:
                raise PermissionError(13, "Access is denied", str(path))
            replace(part, path)

        monkeypatch.setattr(files.os, "replace", refuse)
        monkeypatch.setattr(files, "OPEN_STAYS", True)
        monkeypatch.setattr(files, "WAITS", (0, 0))
        return tries

    return hold


def test_a_file_that_is_open_for_a_moment_is_replaced(tmp_path, held_open):
    path = tmp_path / "a.txt"
    path.write_text("before")
    tries = held_open(2)
    files.write_text(path, "after")
    assert path.read_text() == "after" and len(tries) == 3


def test_a_file_that_stays_open_is_left_and_named(tmp_path, held_open):
    path = tmp_path / "a.txt"
    path.write_text("before")
    held_open(9)
    with pytest.raises(UserError, match="another program has it open; close it there"):
        files.write_text(path, "after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_elsewhere_a_file_that_may_not_be_replaced_is_said_at_once(
    tmp_path, held_open, monkeypatch
):
    tries = held_open(9)
    monkeypatch.setattr(files, "OPEN_STAYS", False)
    with pytest.raises(PermissionError):
        files.write_text(tmp_path / "a.txt", "after")
    assert len(tries) == 1
