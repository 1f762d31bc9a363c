"""Settings for all tests: how programs are compiled, what tests run first, and the summary.

Tests that compile for minutes or start many processes are marked `long`, by `@pytest.mark.long`,
`pytest.param(marks=...)` or `helpers.long_where`. `.ci/run` leaves them out; `./scripts/test` and
`./scripts/test -m long` run them.
"""

import gc
import os
import sys
from collections import Counter
from importlib import metadata

import like_windows
import numpy as np
import pytest

if like_windows.IS_ASKED_FOR:
    like_windows.install()
    like_windows.cp1252_captured()

from sketch_rnn import files, programs, setup

LARGEST_CACHE = 200_000_000  # bytes

# A test spends more time on compiling programs than on running them, and compiling takes half as
# long without these optimizations. (Without the second flag, minimum and maximum would lose NaN.)
# `XLA_FLAGS= ./scripts/test` compiles with the optimizations that users get.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_cpu_enable_fast_min_max=false"]
if not metadata.version("tensorflow").startswith(("2.18.", "2.19.")):  # they do not know the flag
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))


def shared_programs():
    """Return a folder of compiled programs, which TensorFlow itself reads and writes.

    Users' programs are written only after a few steps or at the end of a process; tests in other
    processes need them at once.
    """
    folder = files.cache_dir() / "test_programs" / programs.folder_here().name
    if "PYTEST_XDIST_WORKER" not in os.environ:
        size = 0
        for path in sorted(folder.glob("*"), key=lambda path: -path.stat().st_mtime):
            size += path.stat().st_size
            if size > LARGEST_CACHE or not path.stat().st_size:
                path.unlink()
    return folder


if sys.platform != "win32":  # TensorFlow compiles nothing there
    name = "tf_xla_persistent_cache_directory"
    setup.add_flags("TF_XLA_FLAGS", {name: str(shared_programs())})
setup.set_environment()  # before the tests' own imports of TensorFlow

# Slow test files run first, so that none of them is left running alone at the end.
FIRST = (
    "test_recorded.py",
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


def pytest_collection_modifyitems(config, items):
    if not like_windows.IS_ASKED_FOR:
        left_out = [item for item in items if item.get_closest_marker("like_windows")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        for mark in list(item.iter_markers("long_where")):
            if mark.args[0](**item.callspec.params):
                item.add_marker(pytest.mark.long)
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else 99)


def pytest_collection_finish():
    """Keep the garbage collector from scanning what was imported, above all TensorFlow."""
    if "tensorflow" in sys.modules:
        setup.setup()
    gc.freeze()


@pytest.fixture
def assert_near(record_property):
    """Return a function that compares our values with the original's; the summary counts them."""

    def check(ours, theirs, name="", atol=0.0, rtol=0.0):
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        largest = np.abs(theirs).max(initial=0)
        if ours.shape == theirs.shape and largest > 0:
            record_property("golden", float(np.abs(ours - theirs).max() / largest))
        np.testing.assert_allclose(ours, theirs, atol=atol, rtol=rtol, err_msg=name)

    return check


def pytest_terminal_summary(terminalreporter):
    """Print a summary of all comparisons, and append it to the file that PROVED names, if set."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call"
    ]
    differences = [
        value for report in reports for key, value in report.user_properties if key == "golden"
    ]
    lines = [f"{len(reports)} tests ran"]
    if differences:
        lines.append(
            f"{len(differences)} comparisons with the original; the largest difference is "
            f"{max(differences):.1g} of a tensor's largest element"
        )
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    lines += [f"{count} skipped: {reason}" for reason, count in reasons.most_common()]
    terminalreporter.section("proved")
    for line in lines:
        terminalreporter.write_line(line)
    if os.environ.get("PROVED"):
        with open(os.environ["PROVED"], "a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
