"""Define a command's flags as a table over absl: the name, kind, default and help of each.

    FLAGS = new_flags(
        Flag("log_root", str, None, "Folder of the run.", also="model_dir"),
        Flag("patience", int, None, "End after so many validations.", least=1),
        Flag("precision", ("float32", "bfloat16"), None, "Precision of matrix products."),
    )

`parse` sets them from a command line.
"""

import difflib
import glob
import os
import re
from collections.abc import Sequence
from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from absl import flags

from sketch_rnn import system
from sketch_rnn.choices import COORDINATES, PENS
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import MEANT, HParams

if TYPE_CHECKING:
    from sketch_rnn.pictures import Style

_HOME = ("~/", f"~{os.sep}")
_SPELLINGS = {"resume": "resume_training"}  # options whose flags have another name
_PLAINLY = (  # regular expressions for messages by absl and Python, each with a plainer text
    (r"\('Non-boolean argument to boolean flag', (.*)\)", r"expected true or false, got \1"),
    (r"invalid literal for int\(\) with base 10: (.*)", r"expected a whole number, got \1"),
    (r"could not convert string to float: (.*)", r"expected a number, got \1"),
)


class Many(Enum):
    """A way to give several values to one flag."""

    REPEATED = "the flag is repeated"
    LIST = "separated by commas"


class Flag(NamedTuple):
    """One flag of a command.

    Attributes:
      name: the flag's name without dashes.
      kind: the type of the value (`str`, `int`, `float` or `bool`), a member of `Many`, or the list
        of words that are allowed as values.
      default: the value if the flag is not given.
      help: the text in `--help`, without the default.
      least: the smallest number allowed as a value.
      most: the largest number allowed as a value.
      also: a second name for the flag.
      short: a one-letter name for the flag.
    """

    name: str
    kind: type | Many | Sequence[str]
    default: Any
    help: str
    least: float | None = None
    most: float | None = None
    also: str | None = None
    short: str | None = None


# fmt: off
SHARED = (
    Flag("verbose_tensorflow", bool, False, "Show TensorFlow's own log lines."),
    Flag("version", bool, False, "Show the versions of this program, Python and TensorFlow."),
    Flag("help", bool, False, "Show this help.", short="h"),
)
OVERWRITE = Flag("overwrite", bool, False, "Replace an existing output. An existing picture "
    "is replaced even without this flag; the command's own inputs are never replaced.")
FULL_SIZE = Flag("full_size", float, None, "Scale inputs so that their longer side has this "
    "length, in the model's data units (default: the size of a typical drawing, as recorded by the "
    "run; if it is not recorded, it is measured on the data set, or else on forty drawings that "
    "the model makes).")
LAYOUT = (  # flags of commands that read drawings stored as rows
    Flag("coordinates", COORDINATES, COORDINATES[0], "How drawings stored as rows (.npz, .npy, "
        "lists) give their points: as offsets from the previous point, or as absolute "
        "coordinates; auto decides for each file."),
    Flag("pen", PENS, PENS[0], "What a 1 in column 3 means in drawings stored as rows: the pen is "
        "lifted after the point (lifted), stays down after it (down), came to it without drawing "
        "(moved), or drew a line to it (drawn); auto decides for each file."),
)
DRAWING = (  # flags of commands that draw; `drawing_style` reads them
    Flag("stroke_width", float, None, "Width of the lines in pixels, or in millimeters if --size "
        "is in millimeters (by default, it depends on the size of the drawings)."),
    Flag("color", str, "#1a1a1a", "Color of the lines, such as red or #c33."),
    Flag("background", str, None, "Background color, or none (default: none in an SVG, white in a "
        "PNG)."),
    Flag("size", str, None, "Width of the picture in pixels or, for plotters, in millimeters, such "
        "as 100mm (by default, it depends on the number of drawings)."),
    Flag("columns", int, None, "Number of drawings in a row (default: a nearly square grid).",
        least=1),
    Flag("smooth", bool, False, "Draw curves through the points, but keep sharp corners."),
)
# fmt: on


def new_flags(*table: Flag) -> flags.FlagValues:
    """Return the flags of one command, together with those that every command has."""
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    for flag in (*SHARED, *table):
        _define(flag, values)
        if flag.also:
            flags.DEFINE_alias(flag.also, flag.name, flag_values=values)
            values[flag.also].help = f"The same as --{flag.name}."
    return values


def _define(flag: Flag, values: flags.FlagValues) -> None:
    """Define the flag in absl."""
    name, kind, default, text = flag[:4]
    bounds = {"lower_bound": flag.least, "upper_bound": flag.most}
    if kind is int:
        flags.DEFINE_integer(name, default, text, flag_values=values, **bounds)
    elif kind is float:
        flags.DEFINE_float(name, default, text, flag_values=values, **bounds)
    elif kind is bool:
        flags.DEFINE_boolean(name, default, text, flag_values=values, short_name=flag.short)
    elif kind is str:
        flags.DEFINE_string(name, default, text, flag_values=values)
    elif kind is Many.REPEATED:
        flags.DEFINE_multi_string(name, default, text, flag_values=values)
    elif kind is Many.LIST:
        flags.DEFINE_list(name, default, text, flag_values=values)
    else:
        flags.DEFINE_enum(name, default, kind, text, flag_values=values)


def drawing_style(values: flags.FlagValues) -> "Style":
    """Return the style that the flags of `DRAWING` ask for.

    Raises:
      UserError: a flag has a value that cannot be drawn.
    """
    from sketch_rnn.pictures import Style

    return Style(**{field.name: values[field.name].value for field in fields(Style)})


def parse(values: flags.FlagValues, argv: Sequence[str]) -> list[str]:
    """Set the flags from the command line; return the arguments that are not flags.

    Expand patterns such as `*.svg` among the arguments, since not every shell does.

    Raises:
      UserError: a flag is unknown, or its value has the wrong type.
    """
    values.unparse_flags()
    try:
        rest = values(["", *map(_with_home, argv)])[1:]
        return [name for argument in rest for name in _matching(argument)]
    except flags.UnrecognizedFlagError as error:
        problem = UserError(f"unknown flag --{error.flagname}; {_suggestion(error, values)}")
    except (flags.Error, ValueError) as error:  # absl raises ValueError for --noswitch=value
        text = str(error).removeprefix("ERROR:: ")
        for said, plainly in _PLAINLY:
            text = re.sub(said, plainly, text)
        problem = UserError(text)
    if values["help"].value or values["version"].value:
        values.mark_as_parsed()
        return []
    raise problem


def spelled(text: str) -> str:
    """Rewrite the library's options in a message, which are in backticks, as flags."""
    return re.sub(
        r"`(\w+)(=[^`]*)?`",
        lambda found: f"--{_SPELLINGS.get(found[1], found[1])}{found[2] or ''}",
        text,
    )


def _suggestion(error: flags.UnrecognizedFlagError, values: flags.FlagValues) -> str:
    """Return a suggestion of the flag that was meant, given the error for an unknown flag."""
    name = error.flagname.replace("-", "_")
    names = {field.name for field in fields(HParams)}
    hparam = MEANT.get(name, name)
    if "hparams" in values and hparam in names:
        value = str(error.flagvalue).partition("=")[2] if hparam == name else ""
        return f"it is a hyperparameter: --hparams={hparam}={value or '...'}"
    if name in _SPELLINGS and _SPELLINGS[name] in values:
        return f"did you mean --{_SPELLINGS[name]}?"
    near = difflib.get_close_matches(name[:60], list(values), n=1)
    return f"did you mean --{near[0]}?" if near else "--help lists them"


def _matching(argument: str) -> list[str]:
    """Expand a pattern; keep an argument that matches no file, or that is the name of a file."""
    if os.path.lexists(argument):
        return [argument]
    return sorted(glob.glob(argument)) or [argument]


def _with_home(argument: str) -> str:
    """Replace `~` with the home folder in `--name=~/x`; on Windows, do so in `~/x` too.

    Unix shells expand `~` only at the start of a word, and Windows shells do not expand it at all.
    """
    if system.IS_WINDOWS and argument.startswith(_HOME):
        return os.path.expanduser(argument)
    name, equals, value = argument.partition("=")
    return name + equals + os.path.expanduser(value) if value.startswith(_HOME) else argument
