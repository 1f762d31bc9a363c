"""What differs from system to system is said where it matters: here the encoding of text files."""

import ast

import pytest
from helpers import ROOT

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
