"""What every command shares: flags, help, one-line errors, exit codes, a quiet TensorFlow.

A command is a module with flags of its own and one call:

    FLAGS = common.new_flags()
    flags.DEFINE_string("log_root", None, "Folder of the run.", flag_values=FLAGS)

    def main(argv=None) -> int:
        return common.run("sketch_rnn_train", train, FLAGS, USAGE, argv)
"""

import difflib
import logging
import os
import platform
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from sketch_rnn import __version__, signals
from sketch_rnn.errors import LOGGER, UserError, one_line
from sketch_rnn.hparams import MEANT, HParams
from sketch_rnn.setup import setup

if TYPE_CHECKING:
    from sketch_rnn.drawing import Style

OK, FAILED, MISUSED, INTERRUPTED, PIPE_CLOSED, TERMINATED = 0, 1, 2, 130, 141, 143
_OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError")  # Python's and TensorFlow's
_FLAGS = {"resume": "resume_training"}  # of options of another name
_SHARED_FLAGS = ("verbose_tensorflow", "version", "help")
_PLAINLY = (  # what absl and Python say of a flag's value, and what a person can use of it
    (r"\('Non-boolean argument to boolean flag', (.*)\)", r"expected true or false, got \1"),
    (r"invalid literal for int\(\) with base 10: (.*)", r"expected a whole number, got \1"),
    (r"could not convert string to float: (.*)", r"expected a number, got \1"),
)
_ABSL_REPEAT = "; repeat this option to specify a list of values"


def new_flags() -> flags.FlagValues:
    """Flags of one command, with those that every command has."""
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    flags.DEFINE_boolean(
        "verbose_tensorflow", False, "Show what TensorFlow itself logs.", flag_values=values
    )
    flags.DEFINE_boolean("version", False, "Show the versions of what runs.", flag_values=values)
    flags.DEFINE_boolean("help", False, "Show this help.", short_name="h", flag_values=values)
    return values


def define_alias(values: flags.FlagValues, name: str, original: str) -> None:
    """Another name of a flag that is defined already."""
    flags.DEFINE_alias(name, original, flag_values=values)
    values[name].help = f"The same as --{original}."


def run(
    name: str,
    main: Callable[..., int | None],
    values: flags.FlagValues,
    usage: str,
    argv: Sequence[str] | None = None,
    arguments: str = "",
    settings: Mapping[str, str] | None = None,
) -> int:
    """Parses the command line, calls `main` and turns what goes wrong into one line on stderr.

    Args:
        name: The command's name.
        main: Called with the arguments that are not flags; returns None or an exit status.
        values: The command's flags, from `new_flags`.
        usage: What `--help` says above the flags; indented lines stay as they are.
        argv: The arguments without the program's name; None means those of the process.
        arguments: What the command takes beside flags, as in `FILE...`; "" for nothing.
        settings: What `--help` says under the flags of the hyperparameters, by `name=default`.

    Returns:
        The exit status: 2 for bad arguments or a `UserError`, 1 for an error of the operating
        system, 130 when interrupted and 143 on SIGTERM, after what is half-written has gone, 141
        when nobody reads the output any more. A second signal ends the process.
    """
    try:
        rest = _parse(values, sys.argv[1:] if argv is None else argv)
        if values.help:
            print(_help(name, values, usage, arguments, settings or {}))
            status = OK
        elif values.version:
            print(_versions())
            status = OK
        elif rest and not arguments:
            raise UserError(f"unexpected argument {rest[0]!r}; flags are --name=value")
        else:
            with signals.ended_in_order(), _lines_on_stderr():
                status = main(*rest) or OK
        sys.stdout.flush()
        return status
    except UserError as error:
        return _fail(name, str(error), MISUSED)
    except signals.Terminated:
        return _fail(name, "ended by SIGTERM", TERMINATED)
    except KeyboardInterrupt:
        return _fail(name, "interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        return _fail(name, _os_message(error), FAILED)
    except Exception as error:
        if type(error).__name__ not in _OUT_OF_MEMORY:
            raise
        return _fail(name, "not enough memory; try a smaller batch_size or model", FAILED)


@contextmanager
def _lines_on_stderr() -> Iterator[None]:
    """Prints what the library logs, and nothing that other loggers would make of it."""
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
    """Prints what the library says, and warns of, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        kind = "warning: " if record.levelno >= logging.WARNING else ""
        clear = "\r\x1b[J" if sys.stderr.isatty() else ""  # of a live line that is there
        print(clear + kind + spelled(record.getMessage()), file=sys.stderr, flush=True)


def spelled(text: str) -> str:
    """The text with the library's options, which stand in backticks, as flags."""
    return re.sub(
        r"`(\w+)(=[^`]*)?`",
        lambda found: f"--{_FLAGS.get(found[1], found[1])}{found[2] or ''}",
        text,
    )


def quiet_tensorflow(verbose: bool = False) -> None:
    """Imports TensorFlow without its log lines, unless `verbose`."""
    with signals.ended_at_once():
        setup(verbose)


def define_overwrite(values: flags.FlagValues) -> None:
    """The flag of commands that write a file; see `files.check_output`."""
    flags.DEFINE_boolean(
        "overwrite", False,
        "Replace an output that exists; a picture is replaced by a picture without it, and what "
        "the command reads never is.",
        flag_values=values,
    )  # fmt: skip


def define_drawing(values: flags.FlagValues) -> None:
    """The flags of commands that draw; `drawing_style` gathers them."""
    flags.DEFINE_float(
        "stroke_width", None,
        "Of the lines, in pixels, or in millimetres where --size is (default: by the size of the "
        "drawings).",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "color", "#1a1a1a", "Of the lines: red, #c33 ...", flag_values=values
    )  # fmt: skip
    flags.DEFINE_string(
        "background", None,
        "A colour, or none (default: none in an SVG, white in a PNG).",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "size", None,
        "Width of the picture in pixels, or in millimetres as in 100mm, for plotters (default: by "
        "the number of drawings).",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_integer(
        "columns", None, "Drawings in a row (default: nearly a square).",
        lower_bound=1, flag_values=values,
    )  # fmt: skip
    flags.DEFINE_boolean(
        "smooth", False, "Draw curves through the points; corners stay.", flag_values=values
    )


def drawing_style(values: flags.FlagValues) -> "Style":
    """What the flags of `define_drawing` say.

    Raises:
      UserError: one of them says nothing that can be drawn.
    """
    from sketch_rnn.drawing import Style

    return Style(**{field.name: values[field.name].value for field in fields(Style)})


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Makes an error of the operating system name the output, not the part that it grows in."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}") from None


def _parse(values: flags.FlagValues, argv: Sequence[str]) -> list[str]:
    """Sets the flags; returns the arguments that are none."""
    values.unparse_flags()
    try:
        return values(["", *map(_with_home, argv)])[1:]
    except flags.UnrecognizedFlagError as error:
        problem = UserError(f"unknown flag --{error.flagname}; {_meant(error, values)}")
    except (flags.Error, ValueError) as error:  # absl raises ValueError for --noswitch=value
        text = str(error).removeprefix("ERROR:: ")
        for said, plainly in _PLAINLY:
            text = re.sub(said, plainly, text)
        problem = UserError(text)
    if values["help"].value or values["version"].value:
        values.mark_as_parsed()
        return []
    raise problem


def _meant(error: flags.UnrecognizedFlagError, values: flags.FlagValues) -> str:
    """What an unknown flag may have been meant to be."""
    name = error.flagname.replace("-", "_")
    names = {field.name for field in fields(HParams)}
    hparam = MEANT.get(name, name)
    if "hparams" in values and hparam in names:
        value = str(error.flagvalue).partition("=")[2] if hparam == name else ""
        return f"it is a hyperparameter: --hparams={hparam}={value or '...'}"
    if name in _FLAGS and _FLAGS[name] in values:
        return f"did you mean --{_FLAGS[name]}?"
    near = difflib.get_close_matches(name[:60], list(values), n=1)
    return f"did you mean --{near[0]}?" if near else "--help lists them"


def _with_home(argument: str) -> str:
    """`--name=~/x` with the home folder, which shells put in at the start of a word alone."""
    name, equals, value = argument.partition("=")
    return name + equals + os.path.expanduser(value) if value.startswith("~/") else argument


def _fail(name: str, message: str, status: int) -> int:
    print(f"{name}: error: {one_line(spelled(message))}", file=sys.stderr, flush=True)
    return status


def _os_message(error: OSError) -> str:
    """What the operating system said, and of which file."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _versions() -> str:
    """What runs: the program and what it stands on, in one line."""
    found = [f"sketch-rnn {__version__}", f"Python {platform.python_version()}"]
    for name in ("TensorFlow", "Keras", "NumPy"):
        with suppress(PackageNotFoundError):  # TensorFlow has packages of other names too
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def _help(
    name: str,
    values: flags.FlagValues,
    usage: str,
    arguments: str,
    settings: Mapping[str, str],
) -> str:
    width = min(shutil.get_terminal_size().columns, 100)
    own = [flag for flag in values if flag not in _SHARED_FLAGS and flag != "h"]
    lines = [f"usage: {name} [flags] {arguments}".rstrip(), ""]
    lines += _paragraphs(usage, width)
    lines.append("flags:")
    for flag in (*own, *_SHARED_FLAGS):
        lines += _flag_help(values[flag], width)
    if settings:
        lines += ["", "hyperparameters, as in --hparams=z_size=64,conditional=false:"]
    for spelling, text in settings.items():
        lines += _entry(spelling, text, width)
    return "\n".join(lines)


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """The text wrapped; lines that are indented or empty stay as they are."""
    prose: list[str] = []
    for line in [*text.strip("\n").splitlines(), ""]:
        if line.strip() and not line.startswith(" "):
            prose.append(line)
            continue
        yield from textwrap.wrap(" ".join(prose), width)
        prose = []
        yield line


def _flag_help(flag: flags.Flag, width: int) -> list[str]:
    """A flag's spelling on one line, and under it what it does and its default."""
    parser = flag.parser
    choices = "|".join(getattr(parser, "enum_values", ()))
    if flag.name in _SHARED_FLAGS:
        spelling = f"--{flag.name}"
    elif flag.boolean:
        spelling = f"--[no]{flag.name}"
    else:
        is_number = isinstance(parser, flags.IntegerParser | flags.FloatParser)
        spelling = f"--{flag.name}={choices or ('NUMBER' if is_number else 'TEXT')}"
    text = " ".join((flag.help or "").split()).removeprefix(f"<{choices}>: ")
    text = text.replace(_ABSL_REPEAT, " May be repeated.") + _default(flag)
    return _entry(spelling, text, width)


def _entry(spelling: str, text: str, width: int) -> list[str]:
    indent = " " * 8
    return [
        f"  {spelling}",
        *textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent),
    ]


def _default(flag: flags.Flag) -> str:
    if flag.name in _SHARED_FLAGS or flag.default in (None, "", []):
        return ""
    if isinstance(flag.default, list):
        return f" (default: {','.join(map(str, flag.default))})"
    return f" (default: {str(flag.default_as_str).strip(chr(39))})"
