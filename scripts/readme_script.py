"""Writes the README's commands as a script for a shell, to be tried where the package is installed.

  python scripts/readme_script.py cmd > readme.cmd

Left out are those that install, serve, or are of a clone; training is cut short. The folder `mine`
with drawings has to be there.
"""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
LEFT_OUT = ("pip ", "tensorboard ", "./")
SHORT = " --hparams=num_steps=20"
SHELLS = {  # what begins a script, and what ends it where a command has failed
    "sh": ("set -e\n", ""),
    "cmd": ("@echo on\n", " || exit /b 1"),
    "powershell": ("", "\nif ($LASTEXITCODE) { exit $LASTEXITCODE }"),
}


def commands() -> list[str]:
    """The README's, in their order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(LEFT_OUT)]


def script(shell: str) -> str:
    """The commands as a script."""
    begins, fails = SHELLS[shell]
    lines = [
        line + (SHORT if line.startswith("sketch_rnn_train") else "") + fails for line in commands()
    ]
    return begins + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(script(sys.argv[1]))
