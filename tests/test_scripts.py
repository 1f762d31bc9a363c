"""The demo and the tests in a clone start on every system, without a shell."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT, unix_only


@pytest.fixture
def script(monkeypatch):
    """Import a script from the folder as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))

    def load(name):
        sys.modules.pop(name, None)
        spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_the_demo_trains_and_draws_and_resumes_the_next_time(script, tmp_path, monkeypatch, capsys):
    demo, called = script("demo"), []
    monkeypatch.setattr(demo, "make", lambda: "python")
    monkeypatch.setattr(demo, "call", lambda *words: called.append(words))
    run = tmp_path / "Jörgs Zeichnungen"
    monkeypatch.setenv("DEMO_RUN", str(run))
    demo.main(["--hparams=num_steps=2"])
    (run / "checkpoints").mkdir(parents=True)
    demo.main([])
    assert [words[3] for words in called] == ["train", "sample"] * 2
    assert f"--log_root={run}" in called[0] and called[0][-1] == "--hparams=num_steps=2"
    assert f"--output={run / 'drawings.svg'}" in called[1]
    assert ["--resume_training" in words for words in called] == [False, False, True, False]
    assert str(run / "drawings.svg") in capsys.readouterr().out


def test_a_script_ends_with_the_status_of_a_failed_program(script, capfd):
    environment = script("environment")
    environment.call(sys.executable, "-c", "print('ran')")
    with pytest.raises(SystemExit) as ended:
        environment.call(sys.executable, "-c", "raise SystemExit(7)")
    assert ended.value.code == 7 and capfd.readouterr().out.split() == ["ran"]


def test_an_environment_is_made_once_and_again_if_dependencies_change(
    script, tmp_path, monkeypatch
):
    environment, done = script("environment"), []
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(environment, "PYTHON", tmp_path / ".venv" / "python")
    monkeypatch.setattr(environment, "begin", lambda: (tmp_path / ".venv").mkdir(exist_ok=True))
    monkeypatch.setattr(environment, "install", done.append)
    (tmp_path / "pyproject.toml").write_text("")
    for extras in ("[dev]", "[dev]", "", "[docs]"):  # [dev] includes all that "" needs
        environment.make(extras)
    assert done == [".[dev]", ".[docs]"]
    later = (tmp_path / ".venv" / "installed[docs]").stat().st_mtime + 5
    os.utime(tmp_path / "pyproject.toml", (later, later))
    environment.make("[dev]")
    assert done[2:] == [".[dev]"]


def test_an_unsupported_python_gives_a_one_line_error(script, monkeypatch):
    environment = script("environment")
    monkeypatch.setattr(environment.sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit, match=r"expected Python 3.10 to 3.13, this is 3.9"):
        environment.begin()


@unix_only
@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_shell_scripts_call_the_python_scripts(name):
    text = (ROOT / "scripts" / name).read_text()
    (called,) = re.findall(r"^exec python scripts/(\w+\.py) \"\$@\"$", text, re.M)
    assert (ROOT / "scripts" / called).exists()
    assert subprocess.run(["sh", "-n", str(ROOT / "scripts" / name)]).returncode == 0


def test_the_environment_script_finds_programs_without_sh(script):
    environment = script("environment")
    assert environment.PYTHON.parent == environment.PROGRAMS
    assert environment.PROGRAMS.parent == Path(ROOT, ".venv")
