"""Tests of the Python API: what `import sketch_rnn` provides, and what it delays importing."""

import gc
import os
import subprocess
import sys

import sketch_rnn
from sketch_rnn import setup


def run_python(program):
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_can_be_imported():
    for name in sketch_rnn.__all__:
        assert callable(getattr(sketch_rnn, name)), name


def test_python_gets_no_log_lines_and_no_chain_of_errors(tmp_path):
    """Messages that the commands hide, and errors from TensorFlow, do not help in Python either."""
    (tmp_path / "x.keras").write_bytes(b"none")
    program = """
import sys, traceback, sketch_rnn
model = sketch_rnn.load_model()
try:
    sketch_rnn.load_model(sys.argv[1])
except sketch_rnn.errors.UserError as error:
    lines = "".join(traceback.format_exception(error)).splitlines()
    print(len(lines) < 20, lines[-1].startswith("sketch_rnn.errors.UserError"))
"""
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.keras")],
        capture_output=True, text=True, timeout=300, env=kept,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_train_stays_a_function_after_submodules_are_imported():
    program = """
import inspect, sketch_rnn
from sketch_rnn import TrainOptions
before = sketch_rnn.train
import sketch_rnn.training.options
print(inspect.isfunction(before), sketch_rnn.train is before, before.__doc__.startswith("Train "))
"""
    assert run_python(program) == "True True True\n"


def test_the_version_has_one_source():
    """The package's metadata takes the version from `__version__`."""
    from helpers import ROOT

    text = (ROOT / "pyproject.toml").read_text()
    assert 'version = { attr = "sketch_rnn.__version__" }' in text
    assert sketch_rnn.__version__ not in text.split("[project.optional")[0].split("dependencies")[0]


def test_imported_modules_are_excluded_from_garbage_collection():
    gc.unfreeze()
    with setup._nothing_collected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 100_000
