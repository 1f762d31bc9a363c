"""Prepare the process: only `setup` changes the process; importing the package does not.

TensorFlow reads environment variables when it starts, so `setup` must be called first. The commands
call `setup`, and so do the functions of the Python API that need TensorFlow.
"""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib import metadata

from sketch_rnn import signals, system
from sketch_rnn.errors import inform
from sketch_rnn.programs import IN_MEMORY, KeptPrograms, folder_here

_is_done = False
_programs: KeptPrograms | None = None


def setup(verbose: bool = False) -> None:
    """Set up the process for TensorFlow and import it quietly; do nothing on later calls.

    If `TF_CPP_MIN_LOG_LEVEL` is set below 3, TensorFlow's log lines are shown. The garbage
    collector is off while TensorFlow is imported, and never scans the imported objects later: such
    scans would take a third of the time of a short process.

    If TensorFlow was imported before, its log lines stay as they are, and the other settings take
    effect only if it has not computed anything yet.

    Args:
      verbose: leave TensorFlow's log lines as they are.
    """
    global _is_done
    if _is_done:
        return
    _is_done = True
    set_environment()
    if "tensorflow" in sys.modules:
        inform(
            "TensorFlow was imported before sketch_rnn set it up: its log lines are not hidden, "
            "and if it has already computed something, compiled programs are not kept for later "
            "runs"
        )
    else:
        is_quiet = not verbose and os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3"
        with _nothing_collected(), _stderr_nowhere() if is_quiet else nullcontext():
            import tensorflow  # noqa: F401
    _load_programs()


def set_environment() -> None:
    """Set environment variables for TensorFlow: GPU flags, and the cache of compiled programs."""
    if system.gpu_driver():
        set_up_gpu(metadata.version("tensorflow"))
    add_flags("TF_XLA_FLAGS", {"tf_xla_persistent_cache_directory": IN_MEMORY})


def add_flags(variable: str, flags: Mapping[str, str]) -> None:
    """Add flags to an environment variable, except those that the user has set in it.

    A value that contains a space is put in quotes, which TensorFlow removes.
    """
    given = os.environ.get(variable, "").strip()
    quoted = {name: f"'{value}'" if " " in value else value for name, value in flags.items()}
    added = [f"--{name}={value}" for name, value in quoted.items() if f"--{name}=" not in given]
    os.environ[variable] = " ".join([*filter(None, [given]), *added])


def gpu_flags(tensorflow: str) -> dict[str, str]:
    """Return the XLA flags that let a GPU start many small computations (kernels) with one call.

    The kernels are recorded as CUDA graphs, including the kernels in loops. TensorFlow 2.18 cannot
    record loops, and crashes if a flag asks for that, so no flags are returned for this version.
    """
    if tensorflow.startswith("2.18."):
        return {}
    kinds = "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE,CONDITIONAL"
    return {"xla_gpu_enable_command_buffer": kinds, "xla_gpu_graph_min_graph_size": "1"}


def set_up_gpu(tensorflow: str) -> None:
    """Set the GPU options for a version of TensorFlow, except those that the user has set.

    GPU memory is allocated as needed, not all at the start, so that other processes can use it.
    """
    add_flags("XLA_FLAGS", gpu_flags(tensorflow))
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def save_programs() -> None:
    """Make the programs compiled so far available to later runs, as also happens at exit."""
    if _programs is not None:
        _programs.save()


def _load_programs() -> None:
    """Load the programs compiled in earlier runs, unless the user chose another cache folder."""
    global _programs
    if IN_MEMORY not in os.environ["TF_XLA_FLAGS"]:
        return
    _programs = KeptPrograms(folder_here())
    _programs.load()
    atexit.register(save_programs)


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
    """Discard what the process writes to stderr in this block.

    Some libraries write lines while they load, before they read any setting.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        signals.stderr = os.dup(2)
    except OSError:  # there is no stderr, as under pythonw
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(signals.stderr, 2)
        os.close(signals.stderr)
        os.close(nowhere)
        signals.stderr = 2
