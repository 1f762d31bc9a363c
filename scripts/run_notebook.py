"""Run a notebook in an empty folder, and store the outputs of its cells in it.

  scripts/run_notebook.py docs/notebook.ipynb
  scripts/run_notebook.py docs/notebook.ipynb --check

With --check the file stays as it is. Log lines, the text form of pictures, and the output of the
TensorBoard cell, whose server has ended, are not stored.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from tensorboard import manager

SECONDS = 1200  # the time limit for one cell, long enough for a busy machine


def main(path: str, *flags: str) -> int:
    """Run the notebook; an error in it raises an exception here."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder  # where TensorBoard says that it runs
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=SECONDS, startup_timeout=SECONDS, resources=resources
        )
        try:
            client.execute()
        finally:
            end_tensorboards()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [] if "%tensorboard" in cell.source else list(map(kept, results(cell)))
    if "--check" not in flags:
        Path(path).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return 0


def results(cell: NotebookNode) -> list[NotebookNode]:
    """Return a cell's outputs without log lines."""
    return [output for output in cell.outputs if output.get("name") != "stderr"]


def kept(output: NotebookNode) -> NotebookNode:
    """Return the output; if it is a picture, without its text form."""
    if "image/svg+xml" in output.get("data", {}):
        output.data.pop("text/plain", None)
    return output


def end_tensorboards() -> None:
    """End the processes that `%tensorboard` started."""
    for info in manager.get_all():
        os.kill(info.pid, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
