"""Makes `.venv` in the repository, once, with the project in it.

  python scripts/environment.py [dev]

Installs with uv where there is one (half of pip's time), or else with pip, which knows other
indexes. Both compile TensorFlow's Python once: a process that may not write bytecode takes ten
seconds more without.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
PROGRAMS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")


def make(extras: str = "") -> str:
    """Installs what is not there yet of the project and its extras; returns the Python."""
    if not is_installed(extras):
        print(
            f"Installing into {ENVIRONMENT} (TensorFlow is large: a minute or more) ...", flush=True
        )
        if not PYTHON.exists():
            begin()
        install(f".{extras}")
        (ENVIRONMENT / f"installed{extras}").touch()
    return str(PYTHON)


def is_installed(extras: str) -> bool:
    """Whether there is what is needed, or more, of the dependencies as they stand now."""
    changed = (ROOT / "pyproject.toml").stat().st_mtime
    return any(
        path.name.startswith(f"installed{extras}") and path.stat().st_mtime >= changed
        for path in ENVIRONMENT.glob("installed*")
    )


def begin() -> None:
    """Makes an environment with nothing in it, of the Python that runs this."""
    if not (3, 10) <= sys.version_info < (3, 14):
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"expected Python 3.10 to 3.13, this is {version}; run this by one of those")
    if subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)]).returncode:
        sys.exit(
            "could not make a virtual environment; on Debian, apt-get install python3-venv helps"
        )


def install(project: str) -> None:
    """Installs the project with its extras, so that it follows what is edited."""
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]
        if not subprocess.run([*command, "--editable", project], cwd=ROOT).returncode:
            return
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if status := subprocess.run([*command, "--editable", project], cwd=ROOT).returncode:
        sys.exit(status)


def call(*command: str | Path) -> None:
    """Runs a program to its end in the repository, and ends with it where it fails.

    Ctrl-C is for the program to answer; a run saves what it has.
    """
    process = subprocess.Popen(list(map(str, command)), cwd=ROOT)
    while process.returncode is None:
        try:
            process.wait()
        except KeyboardInterrupt:
            continue
    if process.returncode:
        sys.exit(process.returncode if process.returncode > 0 else 128 - process.returncode)


if __name__ == "__main__":
    make(*sys.argv[1:2])
