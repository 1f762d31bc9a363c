"""What XLA compiles: its flags, the programs that are kept from run to run, and `compiled`; and
what else a GPU wants.

To be imported before TensorFlow, which reads the flags when it starts.
"""

import atexit
import contextlib
import functools
import hashlib
import os
import platform
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from importlib import metadata
from pathlib import Path

from sketch_rnn.errors import LOGGER
from sketch_rnn.files import cache_dir, write_text

_DRIVER = Path("/proc/driver/nvidia/version")
_PROCESSOR = Path("/proc/cpuinfo")
LARGEST_CACHE = 100_000_000  # bytes

_WITHIN_PROGRAM = ContextVar("within_program", default=False)


def add_flags(variable: str, flags: Mapping[str, str]) -> None:
    """Adds to an environment variable the flags that the user does not set in it."""
    given = os.environ.get(variable, "")
    added = [f"--{name}={value}" for name, value in flags.items() if f"--{name}=" not in given]
    os.environ[variable] = " ".join([*given.split(), *added])


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
    """What a GPU wants where the user does not say otherwise, for a version of TensorFlow.

    Its memory is taken as it is needed, not all at once, so that other processes can use it too.
    """
    add_flags("XLA_FLAGS", gpu_flags(tensorflow))
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


if _DRIVER.exists():
    set_up_gpu(metadata.version("tensorflow"))


class KeptPrograms:
    """The folder in which TensorFlow keeps compiled programs.

    A program is machine code, so what is not whole must not be loaded, and TensorFlow does not
    check. Each program has a file with its checksum beside it; one without, or with another, is
    removed before TensorFlow looks.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def check(self) -> None:
        """Removes what is not whole, and the oldest where all of it is too large."""
        self.folder.mkdir(parents=True, exist_ok=True)
        size = 0
        for program in sorted(self._programs(), key=lambda path: -path.stat().st_mtime):
            size += program.stat().st_size
            if size > LARGEST_CACHE or not self._is_whole(program):
                program.unlink()
        for checksum in self.folder.glob("*.sha256"):
            if not checksum.with_suffix("").exists():
                checksum.unlink()

    def seal(self) -> None:
        """Writes the checksums of the programs that are new."""
        with contextlib.suppress(OSError):  # then they are compiled again
            for program in self._programs():
                if not _checksum_file(program).exists():
                    write_text(_checksum_file(program), _sha256(program))

    def _programs(self) -> list[Path]:
        return list(self.folder.glob("*.pb"))

    def _is_whole(self, program: Path) -> bool:
        checksum = _checksum_file(program)
        return checksum.exists() and checksum.read_bytes() == _sha256(program).encode()


def _checksum_file(program: Path) -> Path:
    return program.with_name(program.name + ".sha256")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _machine() -> str:
    """What a program depends on beside its text, as the name of a folder."""
    parts = [platform.machine(), metadata.version("tensorflow"), os.environ.get("XLA_FLAGS", "")]
    if _DRIVER.exists():
        parts.append(_DRIVER.read_text())
    if _PROCESSOR.exists():
        lines = _PROCESSOR.read_text().splitlines()
        parts += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _keep_programs() -> KeptPrograms | None:
    """Has TensorFlow keep its programs in the cache folder, where it can be written to."""
    if "--tf_xla_persistent_cache_directory" in os.environ.get("TF_XLA_FLAGS", ""):
        return None
    programs = KeptPrograms(cache_dir() / "programs" / _machine())
    try:
        programs.check()
    except OSError as error:
        LOGGER.debug("compiled programs are not kept: %s", error)
        return None
    if not os.access(programs.folder, os.W_OK):
        return None
    add_flags("TF_XLA_FLAGS", {"tf_xla_persistent_cache_directory": str(programs.folder)})
    atexit.register(programs.seal)
    return programs


_PROGRAMS = _keep_programs()


def seal_programs() -> None:
    """Lets later runs use what was compiled so far; at the end of a process it is done anyhow."""
    if _PROGRAMS is not None:
        _PROGRAMS.seal()


def compiled(method: Callable) -> Callable:
    """Makes a method one XLA program where a graph is built, and leaves it as it is elsewhere.

    TensorFlow runs programs that do not need each other at the same time, each on its own core:
    a loop over time has too little work in a step to keep several cores busy. Outside a graph,
    compiling for every new shape would cost more than it gains. Within a program a method is part
    of it: what XLA finds to be a program of its own there may be compiled anew for all values that
    it reads.
    """
    import tensorflow as tf

    @functools.wraps(method)
    def alone(self, *arguments):
        token = _WITHIN_PROGRAM.set(True)
        try:
            return method(self, *arguments)
        finally:
            _WITHIN_PROGRAM.reset(token)

    program = tf.function(alone, autograph=False, jit_compile=True, reduce_retracing=False)

    @functools.wraps(method)
    def call(self, *arguments):
        if tf.executing_eagerly() or _WITHIN_PROGRAM.get():
            return method(self, *arguments)
        return program.__get__(self, type(self))(*arguments)

    return call
