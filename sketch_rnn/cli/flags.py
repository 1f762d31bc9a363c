"""The flags of a command as a table over absl: a `Flag` each, its name, kind, default and help.

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
_SPELLINGS = {"resume": "resume_training"}  # of options of another name
_PLAINLY = (  # what absl and Python say of a flag's value, and what a person can use of it
    (r"\('Non-boolean argument to boolean flag', (.*)\)", r"expected true or false, got \1"),
    (r"invalid literal for int\(\) with base 10: (.*)", r"expected a whole number, got \1"),
    (r"could not convert string to float: (.*)", r"expected a number, got \1"),
)


class Many(Enum):
    """Kinds of a flag that takes several texts."""

    REPEATED = "the flag stands several times"
    LIST = "commas stand between them"


class Flag(NamedTuple):
    """One flag of a command.

    Attributes:
      name: without the dashes.
      kind: `str`, `int`, `float`, `bool`, one of `Many`, or the words that the flag can be.
      default: its value where it is not given.
      help: what `--help` says of it; the default is added there.
      least: of a number, the smallest that it can be.
      most: of a number, the largest.
      also: another name of it.
      short: a letter that stands for it.
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
    Flag("verbose_tensorflow", bool, False, "Show what TensorFlow itself logs."),
    Flag("version", bool, False, "Show the versions of what runs."),
    Flag("help", bool, False, "Show this help.", short="h"),
)
OVERWRITE = Flag("overwrite", bool, False, "Replace an output that exists; a picture is replaced "
    "by a picture without it, and what the command reads never is.")
FULL_SIZE = Flag("full_size", float, None, "The longer side of a typical drawing of the model, in "
    "its data units, which inputs are made to have (default: what its run recorded, or that of its "
    "data set, or of forty drawings of its own).")
LAYOUT = (  # of commands that read drawings stored as rows
    Flag("coordinates", COORDINATES, COORDINATES[0], "Of drawings stored as rows (.npz, .npy, "
        "lists): offsets from the point before, absolute, or as each file looks."),
    Flag("pen", PENS, PENS[0], "What 1 in column 3 of such rows means: the pen is lifted after "
        "the point, stays down after it, moved to it lifted, or has drawn a line to it; or as each "
        "file looks."),
)
DRAWING = (  # of commands that draw; `drawing_style` gathers them
    Flag("stroke_width", float, None, "Of the lines, in pixels, or in millimetres where --size is "
        "(default: by the size of the drawings)."),
    Flag("color", str, "#1a1a1a", "Of the lines: red, #c33 ..."),
    Flag("background", str, None, "A colour, or none (default: none in an SVG, white in a PNG)."),
    Flag("size", str, None, "Width of the picture in pixels, or in millimetres as in 100mm, for "
        "plotters (default: by the number of drawings)."),
    Flag("columns", int, None, "Drawings in a row (default: nearly a square).", least=1),
    Flag("smooth", bool, False, "Draw curves through the points; corners stay."),
)
# fmt: on


def new_flags(*table: Flag) -> flags.FlagValues:
    """Flags of one command, with those that every command has."""
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    for flag in (*SHARED, *table):
        _define(flag, values)
        if flag.also:
            flags.DEFINE_alias(flag.also, flag.name, flag_values=values)
            values[flag.also].help = f"The same as --{flag.name}."
    return values


def _define(flag: Flag, values: flags.FlagValues) -> None:
    """Makes absl know the flag."""
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
    """What the flags of `DRAWING` say.

    Raises:
      UserError: one of them says nothing that can be drawn.
    """
    from sketch_rnn.pictures import Style

    return Style(**{field.name: values[field.name].value for field in fields(Style)})


def parse(values: flags.FlagValues, argv: Sequence[str]) -> list[str]:
    """Sets the flags from the command line; returns the arguments that are none.

    Of those, patterns such as `*.svg` become the names that fit, which not every shell does.

    Raises:
      UserError: a flag is unknown, or its value is of another kind.
    """
    values.unparse_flags()
    try:
        rest = values(["", *map(_with_home, argv)])[1:]
        return [name for argument in rest for name in _matching(argument)]
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


def spelled(text: str) -> str:
    """The text with the library's options, which stand in backticks, as flags."""
    return re.sub(
        r"`(\w+)(=[^`]*)?`",
        lambda found: f"--{_SPELLINGS.get(found[1], found[1])}{found[2] or ''}",
        text,
    )


def _meant(error: flags.UnrecognizedFlagError, values: flags.FlagValues) -> str:
    """What an unknown flag may have been meant to be."""
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
    """The files that a pattern means; what fits none, or is a name itself, stays as it is."""
    if os.path.lexists(argument):
        return [argument]
    return sorted(glob.glob(argument)) or [argument]


def _with_home(argument: str) -> str:
    """`--name=~/x` with the home folder, which shells put in at the start of a word alone.

    Those of Windows do not put it in at all, also in `~/x`.
    """
    if system.IS_WINDOWS and argument.startswith(_HOME):
        return os.path.expanduser(argument)
    name, equals, value = argument.partition("=")
    return name + equals + os.path.expanduser(value) if value.startswith(_HOME) else argument
