"""Make `.venv` in the repository, if it is not there, and install the project in it.

  python scripts/environment.py [dev]

Installs with uv if it is available, which takes half of pip's time; if that fails, with pip, which
may be set up for other package indexes. Both compile TensorFlow's Python files once; without that,
a process that cannot write bytecode takes ten seconds longer.
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
    """Install the project and its extras if necessary; return the path of the Python."""
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
    """Return whether at least these extras are installed, with the current dependencies."""
    changed = (ROOT / "pyproject.toml").stat().st_mtime
    return any(
        path.name.startswith(f"installed{extras}") and path.stat().st_mtime >= changed
        for path in ENVIRONMENT.glob("installed*")
    )


def begin() -> None:
    """Make an empty environment for the Python that runs this script."""
    if not (3, 10) <= sys.version_info < (3, 14):
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"expected Python 3.10 to 3.13, this is {version}; run this by one of those")
    if subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)]).returncode:
        sys.exit(
            "could not make a virtual environment; on Debian, apt-get install python3-venv helps"
        )


def install(project: str) -> None:
    """Install the project with its extras in editable mode."""
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]
        if not subprocess.run([*command, "--editable", project], cwd=ROOT).returncode:
            return
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if status := subprocess.run([*command, "--editable", project], cwd=ROOT).returncode:
        sys.exit(status)


def call(*command: str | Path) -> None:
    """Run a program in the repository, and exit if it fails.

    Ctrl-C is left to the program: a training run then saves its model.
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
