"""A release has one version everywhere, and its workflows name existing files."""

import re
import subprocess
import sys

import pytest
from helpers import ROOT

import sketch_rnn

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def check(tag):
    command = [sys.executable, ROOT / "scripts" / "check_version", tag]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_tag_with_another_version_is_refused():
    done = check("v99.0")
    assert done.returncode == 1 and "sketch_rnn/__init__.py, CITATION.cff" in done.stderr


def test_the_citation_names_this_version():
    assert "CITATION.cff" not in check(f"v{sketch_rnn.__version__}").stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_existing_scripts_and_tests(path):
    text = path.read_text()
    for name in re.findall(r"\./((?:scripts|\.github)/[\w./]+)", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"\btests/\S+\.py", text):
        assert (ROOT / name).exists(), name


def test_the_oldest_and_newest_python_and_tensorflow_are_tested():
    project = (ROOT / "pyproject.toml").read_text()
    oldest, newest = re.search(r"tensorflow>=([\d.]+),<2\.(\d+)", project).groups()
    workflow = (ROOT / ".github" / "workflows" / "package.yml").read_text()
    tested = re.findall(r'python: "([\d.]+)", tensorflow: "([\d.]+)\.\*"', workflow)
    assert tested == [("3.10", oldest), ("3.13", f"2.{int(newest) - 1}")]
