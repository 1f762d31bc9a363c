"""Tests of `sketch_rnn`, which runs all commands, and of what they have in common."""

import importlib
import os
import re
import subprocess
import sys

import pytest

import sketch_rnn
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import parse
from sketch_rnn.cli.main import COMMANDS, USAGE, main


def test_the_main_command_runs_each_subcommand(capsys):
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"usage: sketch_rnn_{name} ")
    assert main(["dataset", "show", "none.npz"]) == 2
    assert capsys.readouterr().err.startswith("sketch_rnn_dataset show: error: ")


def test_help_lists_all_commands(capsys):
    assert main([]) == main(["--help"]) == main(["help"]) == 0
    text = capsys.readouterr().out
    assert re.findall(r"^  sketch_rnn (\w+)   ", text, re.M) == 3 * list(COMMANDS)
    assert main(["help", "eval"]) == 0
    assert "usage: sketch_rnn_eval" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys):
    assert main(["trian"]) == 2
    assert "sample, train, eval, dataset, export; got 'trian'" in capsys.readouterr().err


def test_the_documented_exit_statuses_are_those_of_the_program():
    text = " ".join(USAGE.split())
    for status in (common.OK, common.FAILED, common.MISUSED, common.INTERRUPTED, 143, 141):
        assert re.search(rf"\b{status}\b", text)


@pytest.mark.parametrize("name", [*COMMANDS, "main"])
def test_every_command_prints_its_version(name, capsys):
    command = importlib.import_module(f"sketch_rnn.cli.{name}")
    assert command.main(["--version"]) == 0
    line = capsys.readouterr().out
    assert line.startswith(f"sketch-rnn {sketch_rnn.__version__}, Python 3.")
    assert line.count("\n") == 1 and "Keras 3." in line


def test_log_root_and_model_dir_are_the_same_flag(capsys):
    for name in ("train", "sample", "eval", "export"):
        flags = importlib.import_module(f"sketch_rnn.cli.{name}").FLAGS
        for spelled, other in (("log_root", "model_dir"), ("model_dir", "log_root")):
            parse(flags, [f"--{spelled}=x"])
            assert flags[other].value in ("x", ["x"])
            parse(flags, [])
            assert not flags[other].value


def test_python_m_runs_the_package():
    done = subprocess.run(
        [sys.executable, "-m", "sketch_rnn", "--version"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.startswith("sketch-rnn "), done.stderr
