"""All changes to the process that the program runs in: `setup`, and nothing at import.

TensorFlow reads the environment when it first needs it, so `setup` comes before it. The commands
call it, and so do the functions of the Python API that need TensorFlow.
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
from sketch_rnn.errors import LOGGER, inform
from sketch_rnn.programs import KeptPrograms, folder_here

_is_done = False
_programs: KeptPrograms | None = None


def setup(verbose: bool = False) -> None:
    """Sets the process up for TensorFlow and imports it, quietly; the second time does nothing.

    Whoever set `TF_CPP_MIN_LOG_LEVEL` below 3 gets the log lines that they asked for. The garbage
    collector rests while TensorFlow is imported, and leaves alone for good what was imported:
    looking through it again and again takes a third of the time of a process that does little else.

    Where TensorFlow has been imported before, its log lines stay as they are, and the rest takes
    effect if it has computed nothing yet.

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
            "TensorFlow was imported before sketch_rnn set it up: its log lines stay as they are, "
            "and where it has computed something, compiled programs are not kept for later runs"
        )
        return
    is_quiet = not verbose and os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3"
    with _nothing_collected(), _stderr_nowhere() if is_quiet else nullcontext():
        import tensorflow  # noqa: F401


def set_environment() -> None:
    """The part of `setup` that TensorFlow reads: flags of GPUs, and the programs that are kept."""
    if system.gpu_driver():
        set_up_gpu(metadata.version("tensorflow"))
    _keep_programs()


def add_flags(variable: str, flags: Mapping[str, str]) -> None:
    """Adds to an environment variable the flags that the user does not set in it.

    A value with a space in it stands in quotes, which TensorFlow takes off.
    """
    given = os.environ.get(variable, "").strip()
    quoted = {name: f"'{value}'" if " " in value else value for name, value in flags.items()}
    added = [f"--{name}={value}" for name, value in quoted.items() if f"--{name}=" not in given]
    os.environ[variable] = " ".join([*filter(None, [given]), *added])


def gpu_flags(tensorflow: str) -> dict[str, str]:
    """For a version of TensorFlow: a GPU's small kernels are recorded once and started together,
    loops included.

    TensorFlow 2.18 cannot record loops, and ends the process where a flag says so.
    """
    if tensorflow.startswith("2.18."):
        return {}
    kinds = "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE,CONDITIONAL"
    return {"xla_gpu_enable_command_buffer": kinds, "xla_gpu_graph_min_graph_size": "1"}


def set_up_gpu(tensorflow: str) -> None:
    """Set what a GPU needs, unless the user has set it, for a version of TensorFlow.

    Its memory is taken as it is needed, not all at once, so that other processes can use it too.
    """
    add_flags("XLA_FLAGS", gpu_flags(tensorflow))
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def seal_programs() -> None:
    """Lets later runs use what was compiled so far; at the end of a process it is done anyhow."""
    if _programs is not None:
        _programs.seal()


def _keep_programs() -> None:
    """Make TensorFlow keep its programs in the cache folder, where it can be written to."""
    global _programs
    if "--tf_xla_persistent_cache_directory" in os.environ.get("TF_XLA_FLAGS", ""):
        return
    programs = KeptPrograms(folder_here())
    try:
        programs.check()
    except OSError as error:
        LOGGER.debug("compiled programs are not kept: %s", error)
        return
    if not os.access(programs.folder, os.W_OK) or not system.is_plain(programs.folder):
        return
    add_flags("TF_XLA_FLAGS", {"tf_xla_persistent_cache_directory": str(programs.folder)})
    _programs = programs
    atexit.register(seal_programs)


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
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        signals.stderr = os.dup(2)
    except OSError:  # there is none, as under pythonw
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
