"""Processes follow the rules that `like_windows` imposes, and so does the program."""

import os
import subprocess
import sys

import pytest

from sketch_rnn import files, signals, system
from sketch_rnn.errors import UserError

pytestmark = pytest.mark.like_windows


@pytest.mark.parametrize("call", [os.replace, os.rename])
def test_an_open_file_cannot_be_replaced_or_moved(tmp_path, call):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    for path in (one, two):
        with path.open(), pytest.raises(PermissionError):
            call(one, two)
    call(one, two)
    assert two.read_text() == "1"


def test_an_open_file_and_its_folder_cannot_be_removed(tmp_path):
    path = tmp_path / "a" / "b"
    path.parent.mkdir()
    with path.open("w"):
        with pytest.raises(PermissionError):
            path.unlink()
        with pytest.raises(PermissionError):
            os.replace(path.parent, tmp_path / "c")
    path.unlink()
    path.parent.rmdir()


def test_a_folder_cannot_be_opened(tmp_path):
    with pytest.raises(PermissionError):
        os.open(tmp_path, os.O_RDONLY)
    files.sync_folder(tmp_path)


@pytest.mark.parametrize("name", ["con", "NUL.txt", "a:b", "a.", "what?"])
def test_invalid_names_are_refused_by_the_system_and_by_the_program(tmp_path, name):
    with pytest.raises(OSError):
        (tmp_path / name).write_text("")
    with pytest.raises(OSError):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match="expected a name that Windows allows"):
        files.check_output(tmp_path / name)


def test_child_processes_follow_the_rules(tmp_path):
    code = """
import multiprocessing, os, sys
import sketch_rnn.signals, sketch_rnn.system
print(sketch_rnn.system.IS_WINDOWS, [int(n) for n in sketch_rnn.signals.ENDING])
print(multiprocessing.get_start_method(), sys.stdout.encoding, hasattr(os, "fork"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "[2]", "spawn", "cp1252", "False"]


def test_text_files_have_crlf_and_stdout_is_cp1252(tmp_path, capsys):
    (tmp_path / "a").write_text("1\n")
    assert (tmp_path / "a").read_bytes() == b"1\r\n"
    with pytest.raises(UnicodeEncodeError):
        print("猫")
    capsys.readouterr()


def test_the_program_believes_that_it_runs_on_windows():
    assert system.IS_WINDOWS and len(signals.ENDING) == 1
