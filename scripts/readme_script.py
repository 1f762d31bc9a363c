"""Write the README's commands as a shell script, to try them where the package is installed.

  python scripts/readme_script.py cmd > readme.cmd

Commands that install, serve, or need a clone are left out, and training is cut short. The folder
`mine` with drawings has to exist.
"""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
LEFT_OUT = ("pip ", "tensorboard ", "./")
SHORT = " --hparams=num_steps=20"
SHELLS = {  # the beginning of a script, and the code after each command that stops on failure
    "sh": ("set -e\n", ""),
    "cmd": ("@echo on\n", " || exit /b 1"),
    "powershell": ("", "\nif ($LASTEXITCODE) { exit $LASTEXITCODE }"),
}


def commands() -> list[str]:
    """Return the README's commands in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(LEFT_OUT)]


def script(shell: str) -> str:
    """Return the commands as a script for a shell."""
    begins, fails = SHELLS[shell]
    lines = [
        line + (SHORT if line.startswith("sketch_rnn_train") else "") + fails for line in commands()
    ]
    return begins + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(script(sys.argv[1]))
