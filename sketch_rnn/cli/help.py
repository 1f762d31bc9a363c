"""Format the output of `--help` and `--version`."""

import platform
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from absl import flags

from sketch_rnn import __version__
from sketch_rnn.cli.flags import SHARED

_SHARED = [flag.name for flag in SHARED]
_ABSL_REPEAT = "; repeat this option to specify a list of values"


def versions() -> str:
    """Return the versions of the program, Python and the main libraries, in one line."""
    found = [f"sketch-rnn {__version__}", f"Python {platform.python_version()}"]
    for name in ("TensorFlow", "Keras", "NumPy"):
        with suppress(PackageNotFoundError):  # TensorFlow has packages of other names too
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def help_of(
    name: str,
    values: flags.FlagValues,
    usage: str,
    arguments: str,
    settings: Mapping[str, str],
) -> str:
    """Return the text of `--help`; `common.run` explains the arguments."""
    width = min(shutil.get_terminal_size().columns, 100)
    own = [flag for flag in values if flag not in _SHARED and flag != "h"]
    lines = [f"usage: {name} [flags] {arguments}".rstrip(), ""]
    lines += _paragraphs(usage, width)
    lines.append("flags:")
    for flag in (*own, *_SHARED):
        lines += _flag_help(values[flag], width)
    if settings:
        lines += ["", "hyperparameters, as in --hparams=z_size=64,conditional=false:"]
        lines += ["(docs/glossary.md in the repository explains the terms)"]
    for spelling, text in settings.items():
        lines += _entry(spelling, text, width)
    return "\n".join(lines)


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """Wrap the text; keep lines that are indented or empty."""
    prose: list[str] = []
    for line in [*text.strip("\n").splitlines(), ""]:
        if line.strip() and not line.startswith(" "):
            prose.append(line)
            continue
        yield from textwrap.wrap(" ".join(prose), width)
        prose = []
        yield line


def _flag_help(flag: flags.Flag, width: int) -> list[str]:
    """Return the lines about a flag: its spelling, and below that its help and default."""
    parser = flag.parser
    choices = "|".join(getattr(parser, "enum_values", ()))
    if flag.name in _SHARED:
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
    if flag.name in _SHARED or flag.default in (None, "", []):
        return ""
    if isinstance(flag.default, list):
        return f" (default: {','.join(map(str, flag.default))})"
    return f" (default: {str(flag.default_as_str).strip(chr(39))})"
