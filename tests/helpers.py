"""Paths, programs and data that several tests use."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import like_windows
import numpy as np
import pytest

UNIX = os.name != "nt" and not like_windows.IS_ASKED_FOR
unix_only = pytest.mark.skipif(not UNIX, reason="of what Windows does not have")
# The signal with which a test ends another process as a person does. On Windows only Ctrl-Break can
# do that, and only for a process in a separate group.
INTERRUPTING = getattr(signal, "SIGBREAK", signal.SIGINT)
TO_INTERRUPT = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)
OWN_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
ROOT = Path(__file__).resolve().parents[1]
DOODLES = ROOT / "datasets" / "doodles"
FIXTURES = ROOT / "tests" / "fixtures"
SHARED = ROOT.parent / "shared"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
NODE_PACKAGES = CACHE / "sketch_rnn" / "node"


def long_where(holds: Callable[..., object]) -> pytest.MarkDecorator:
    """Mark a test as long for the parameters, passed by name, for which `holds` is true.

    Use it if several parameters decide together, else use `pytest.param(marks=...)`.
    """
    return pytest.mark.long_where.with_args(holds)


def public(path: str) -> Path:
    """Return the file of a public data set or model, from the reference material or downloaded.

    The test is skipped if neither the material nor an internet connection is available.
    """
    found = SHARED / path
    if found.exists():
        return found
    from sketch_rnn.data import catalog
    from sketch_rnn.errors import UserError

    name = found.name.split(".")[0]
    try:
        return catalog.find(f"quickdraw/{name}" if path.startswith("models/") else name).fetch()
    except UserError as error:
        pytest.skip(f"no internet connection: {error}")


def read_npz(path: str | Path) -> dict[str, list[np.ndarray]]:
    """Read all sketches in a file, by split, as stroke-3 arrays `[n, 3]`."""
    from sketch_rnn.data import npz

    read = {split: npz.read_split(path, split) for split in npz.SPLITS}
    return {split: np.split(p, np.cumsum(n))[:-1] for split, (p, n) in read.items()}


def needs_xla() -> None:
    """Skip the test if TensorFlow cannot compile, as may be the case on Windows."""
    from sketch_rnn.model.execution import has_xla

    if not has_xla():
        pytest.skip("this TensorFlow cannot compile")


def costs_of(model, strokes5, lengths, eps=None) -> tuple[float, float]:
    """Return the reconstruction cost of a batch in training, and its KL cost with the floor."""
    import tensorflow as tf

    from sketch_rnn.model.forward import Noise
    from sketch_rnn.model.losses import floored
    from sketch_rnn.model.packing import Batch

    batch = Batch(tf.constant(strokes5, tf.float32), tf.constant(lengths))
    reconstruction, kl = model.forward.costs(batch, Noise(eps=eps))
    return float(reconstruction), float(floored(kl, model.hparams))


def chromium() -> str:
    """Return the path of Chromium; skip the test if it is not installed."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    return found


def node() -> str:
    """Return the path of Node; skip the test if it is not installed."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no Node on this machine")
    return found


def node_packages() -> Path:
    """Return the folder that scripts/node_packages fills; skip the test if it is not up to date."""
    lock = ROOT / "tests" / "node" / "package-lock.json"
    installed = NODE_PACKAGES / "installed"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        pytest.skip("the packages for Node are not installed: scripts/node_packages installs them")
    return NODE_PACKAGES


def free_ports(count):
    """Return `count` free ports on this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def called_files(action):
    """Return the modules of the package whose functions an action calls, and its result."""
    package, called = str(ROOT / "sketch_rnn") + "/", set()

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(package):
            called.add(frame.f_code.co_filename.removeprefix(package))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        result = action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return called, result
