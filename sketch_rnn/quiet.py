"""TensorFlow without its log lines."""

import logging
import os
import sys

stderr = 2  # the descriptor of the process's own, also while descriptor 2 leads nowhere


def import_tensorflow() -> None:
    """Imports TensorFlow with its log lines off, also those of XLA later on.

    Its libraries write some lines while they load, before they look at any setting, so the
    process's stderr is turned away meanwhile. Whoever set `TF_CPP_MIN_LOG_LEVEL` below 3 gets what
    they asked for.
    """
    global stderr
    if "tensorflow" in sys.modules or os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3":
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if sys.stderr is not None:
        sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
        stderr = 2
