"""TensorFlow without its log lines, and sooner."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

stderr = 2  # the descriptor of the process's own, also while descriptor 2 leads nowhere


def import_tensorflow() -> None:
    """Imports TensorFlow with its log lines off, also those of XLA later on.

    Whoever set `TF_CPP_MIN_LOG_LEVEL` below 3 gets what they asked for. The garbage collector rests
    meanwhile, and leaves alone for good what was imported: looking through it again and again takes
    a third of the time of a process that does little else.
    """
    if "tensorflow" in sys.modules:
        return
    is_quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3"
    with _nothing_collected(), _stderr_nowhere() if is_quiet else nullcontext():
        import tensorflow  # noqa: F401


@contextmanager
def _nothing_collected() -> Iterator[None]:
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()


@contextmanager
def _stderr_nowhere() -> Iterator[None]:
    """Turns the process's stderr away: libraries write some lines while they load, before they look
    at any setting."""
    global stderr
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if sys.stderr is not None:
        sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
        stderr = 2
