"""What all tests share: how programs are compiled, and which tests begin.

Programs that take minutes to compile, and runs of many processes, are marked `long` where they
stand, by `@pytest.mark.long`, `pytest.param(marks=...)` or `helpers.long_where`: `.ci/run` leaves
them out; `./scripts/test` and `./scripts/test -m long` do not.
"""

import gc
import os
import sys
from importlib import metadata

import pytest

from sketch_rnn import setup

# Compiling takes a test more time than running what was compiled: half as long without these
# optimizations. (Without the second flag, what is then used loses NaN in a minimum or maximum.)
# `XLA_FLAGS= ./scripts/test` compiles as for users.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_cpu_enable_fast_min_max=false"]
if not metadata.version("tensorflow").startswith(("2.18.", "2.19.")):  # which do not know it
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))
setup.set_environment()  # before the tests' own imports of TensorFlow

# Files of long tests, so that none of them is begun when all others have ended.
FIRST = (
    "test_golden.py",
    "test_readme.py",
    "test_run.py",
    "test_faults.py",
    "test_step.py",
    "test_recurrent.py",
    "test_sample.py",
    "test_devices.py",
    "test_export.py",
    "test_npz.py",
)


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in list(item.iter_markers("long_where")):
            if mark.args[0](**item.callspec.params):
                item.add_marker(pytest.mark.long)
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else 99)


def pytest_collection_finish():
    """Nothing looks for garbage in what was imported, TensorFlow above all."""
    if "tensorflow" in sys.modules:
        setup.setup()
    gc.freeze()
