"""Errors that a user can fix, warnings and messages.

Messages put options in backticks, as in `resume` or `seed=3`; commands show them as flags.
"""

import difflib
import logging
import re
from collections.abc import Sequence

LOGGER = logging.getLogger("sketch_rnn")


class UserError(ValueError):
    """An error that the user can fix, with a message of one line.

    The message says what was expected, what was given and what to do. The commands print it to
    stderr and exit with status 2.
    """

    def __init__(self, message: str):
        super().__init__(one_line(message))


def not_installed(purpose: str, libraries: Sequence[str], extra: str) -> UserError:
    """Return the error that names the missing libraries and the extra that installs them."""
    return UserError(
        f"{purpose} needs {', '.join(libraries)} (not installed); "
        f'run pip install "sketch-rnn[{extra}]"'
    )


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that the value of an option is one of its choices.

    Raises:
      UserError: the value is not one of the choices; the message names the nearest choice.
    """
    if value in choices:
        return
    near = difflib.get_close_matches(str(value)[:60], choices, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise UserError(f"`{name}`: expected {' or '.join(choices)}, got {value!r:.60}{meant}")


def one_line(text: str) -> str:
    """Return the text with spaces in place of line ends and of control characters.

    Names and values in a message may come from an untrusted file.
    """
    return "".join(sign if sign.isprintable() else " " for sign in text)


def inform(message: str) -> None:
    """Log a line to Python's logger `sketch_rnn` at level INFO; commands print it on stderr."""
    LOGGER.info("%s", one_line(message))


def warn(message: str) -> None:
    """Log a one-line warning to Python's logger `sketch_rnn`; commands print it on stderr."""
    LOGGER.warning("%s", one_line(message))


def first_line(error: Exception) -> str:
    """Return the first line of an error, without the name of TensorFlow's node, `{{...}}`."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error))
    return next((line for line in text.splitlines() if line), type(error).__name__)
