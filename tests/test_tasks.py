"""The tasks of a researcher, each a script of `tests/tasks` that uses public names only.

They run one after the other in one process and one folder, and pass mypy's strict checks by the
types of the package.
"""

import re
import runpy
import subprocess
import sys

import pytest
from helpers import ROOT

TASKS = sorted((ROOT / "tests" / "tasks").glob("t*.py"))
SETTINGS = """
[mypy]
strict = true
follow_imports = silent
[mypy-tensorflow.*,keras.*,pandas.*,wandb.*]
follow_imports = skip
ignore_missing_imports = true
"""


@pytest.mark.long
def test_each_task_runs(monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    pytest.importorskip("pandas", reason="pandas is not installed")
    import hub

    monkeypatch.chdir(tmp_path)
    with hub.used(monkeypatch, tmp_path / "cache"):
        for task in TASKS:
            print(task.name)
            runpy.run_path(str(task), run_name="__main__")


def test_each_task_passes_strict_mypy(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", f"--config-file={tmp_path / 'mypy.ini'}", *map(str, TASKS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_examples_on_the_page_pass_strict_type_checks(tmp_path):
    """Functions in the examples have no annotations, to keep them short."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    (tmp_path / "page.py").write_text("".join(examples), encoding="utf-8")
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    lenient = ["--allow-untyped-defs", "--allow-untyped-calls", f"{tmp_path / 'page.py'}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", f"--config-file={tmp_path / 'mypy.ini'}", *lenient],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_each_task_uses_only_public_names():
    import sketch_rnn

    assert len(TASKS) == 25
    for task in TASKS:
        text = task.read_text(encoding="utf-8")
        assert set(re.findall(r"^(?:import|from) sketch_rnn(.*)$", text, re.M)) == {""}, task.name
        assert set(re.findall(r"sketch_rnn\.(\w+)", text)) <= set(sketch_rnn.__all__), task.name
        assert not re.search(r"\._(?!repr_)\w", text), task.name
