"""What all commands share: one-line errors, exit statuses, a quiet TensorFlow.

A command is a module with a table of flags and one call:

    FLAGS = new_flags(Flag("log_root", str, None, "Folder of the run."))

    def main(argv=None) -> int:
        return common.run("sketch_rnn_train", train, FLAGS, USAGE, argv)
"""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from absl import flags

from sketch_rnn import signals, system
from sketch_rnn.cli.flags import parse, spelled
from sketch_rnn.cli.help import help_of, versions
from sketch_rnn.errors import LOGGER, UserError, one_line
from sketch_rnn.setup import save_programs, setup

OK, FAILED, MISUSED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
ENDED_BY = 128  # the exit status of a command ended by a signal, plus the signal's number
_NOT_NEEDED = ("pandas", "IPython")  # Keras imports them if they are installed, which takes long
_OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError")  # Python's and TensorFlow's


def run(
    name: str,
    main: Callable[..., int | None],
    values: flags.FlagValues,
    usage: str,
    argv: Sequence[str] | None = None,
    arguments: str = "",
    settings: Mapping[str, str] | None = None,
) -> int:
    """Parse the command line, call `main`, and report any failure in one line on stderr.

    Args:
        name: The command's name.
        main: Called with the arguments that are not flags; returns None or an exit status.
        values: The command's flags, made by `new_flags`.
        usage: The text of `--help` above the flags; indented lines are kept as they are.
        argv: The arguments without the program's name; None means those of the process.
        arguments: The arguments that are not flags, for `--help`, such as `FILE...`; "" for none.
        settings: Help on each hyperparameter, keyed by `name=default`.

    Returns:
        The exit status. It is 2 for bad arguments or a `UserError`, and 1 for an error of the
        operating system. It is 130 after Ctrl-C, and 128 plus the signal's number after another
        signal; half-written files are removed first. It is 141 if the program that reads the output
        has ended. A second signal ends the process at once.
    """
    system.write_any_text()
    try:
        rest = parse(values, sys.argv[1:] if argv is None else argv)
        status = OK
        if values.help:
            print(help_of(name, values, usage, arguments, settings or {}))
        elif values.version:
            print(versions())
        elif rest and not arguments:
            raise UserError(f"unexpected argument {rest[0]!r}; write flags as --name=value")
        else:
            with signals.ended_in_order(), _log_to_stderr():
                status = main(*rest) or OK
                save_programs()  # here, a warning is printed as a line of the command
        sys.stdout.flush()
        return status
    except BaseException as error:
        failure = _failed(name, error)
        if failure is None:
            raise
        return failure


def _failed(name: str, error: BaseException) -> int | None:
    """Print an error in one line; return the exit status, or None if it is a bug in the program."""
    match error:
        case UserError():
            return _fail(name, str(error), MISUSED)
        case signals.Terminated():
            return _fail(name, str(error), ENDED_BY + error.number)
        case KeyboardInterrupt():
            return _fail(name, "interrupted", INTERRUPTED)
        case OSError() if system.is_closed_pipe(error):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        case OSError():
            return _fail(name, _os_message(error), FAILED)
        case _ if type(error).__name__ in _OUT_OF_MEMORY:
            return _fail(name, "not enough memory; try a smaller batch_size or model", FAILED)
    return None


@contextmanager
def _log_to_stderr() -> Iterator[None]:
    """Print the library's log messages on stderr in this block; hide them from other loggers."""
    handler, propagate, level = _Lines(), LOGGER.propagate, LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.propagate = False
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.propagate = propagate
        LOGGER.setLevel(level)


class _Lines(logging.Handler):
    """A handler that prints the library's messages and warnings on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a log record."""
        kind = "warning: " if record.levelno >= logging.WARNING else ""
        clear = erase_code() if sys.stderr.isatty() else ""  # a status line may be shown
        print(clear + kind + spelled(record.getMessage()), file=sys.stderr, flush=True)


def erase_code() -> str:
    """Return the text that erases the status line and leaves the cursor at the line's start."""
    if system.has_ansi():
        return "\r\x1b[J"
    return "\r" + " " * (columns() - 1) + "\r"


def columns() -> int:
    """Return the terminal's current width; some terminals do not report one."""
    try:
        found = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        found = 0
    return found or shutil.get_terminal_size().columns


def quiet_tensorflow(verbose: bool = False) -> None:
    """Import TensorFlow, without its log lines unless `verbose`."""
    with signals.ended_at_once(), _not_installed(_NOT_NEEDED):
        setup(verbose)


@contextmanager
def _not_installed(names: Sequence[str]) -> Iterator[None]:
    """Hide these packages from imports in this block, unless they were imported before."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # makes Python treat it as not installed
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Make an OSError name the output rather than its temporary file."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}") from None


def _fail(name: str, message: str, status: int) -> int:
    print(f"{name}: error: {one_line(spelled(message))}", file=sys.stderr, flush=True)
    return status


def _os_message(error: OSError) -> str:
    """Return the operating system's reason, and the file that it is about."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
