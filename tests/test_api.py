"""The Python API: what `import sketch_rnn` gives, and what it waits for."""

import os
import subprocess
import sys

import sketch_rnn


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


def test_every_public_name_is_there():
    for name in sketch_rnn.__all__:
        assert callable(getattr(sketch_rnn, name)), name


def test_train_is_a_function_before_and_after_its_package_is_imported():
    program = """
import sketch_rnn
before = sketch_rnn.train
import sketch_rnn.train.options, sketch_rnn.train
print(callable(before), sketch_rnn.train is before)
"""
    assert run_python(program) == "True True\n"


def test_the_version_has_one_source():
    """The package's metadata is made of `__version__`."""
    from helpers import ROOT

    text = (ROOT / "pyproject.toml").read_text()
    assert 'version = { attr = "sketch_rnn.__version__" }' in text
    assert sketch_rnn.__version__ not in text.split("[project.optional")[0].split("dependencies")[0]
