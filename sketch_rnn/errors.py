"""What the program says to a person: errors they can mend, and warnings.

Options stand in a message in backticks, as in `resume` or `seed=3`; commands spell them as flags.
"""

import difflib
import logging
import re
from collections.abc import Sequence

LOGGER = logging.getLogger("sketch_rnn")


class UserError(ValueError):
    """Something the user can mend; the message is one line.

    It says what was expected, what came and what to do. The command-line tools print it on
    stderr and exit with status 2.
    """

    def __init__(self, message: str):
        super().__init__(one_line(message))


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuses a value of an option that is none of its choices, and names the nearest.

    Raises:
      UserError: it is none of them.
    """
    if value in choices:
        return
    near = difflib.get_close_matches(str(value)[:60], choices, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise UserError(f"`{name}`: expected {' or '.join(choices)}, got {value!r:.60}{meant}")


def one_line(text: str) -> str:
    """The text with spaces for line ends and for what commands a terminal.

    Names and values in a message may come from a stranger's file.
    """
    return "".join(sign if sign.isprintable() else " " for sign in text)


def inform(message: str) -> None:
    """Logs a line to Python's logger `sketch_rnn`, level INFO; commands print it on stderr."""
    LOGGER.info("%s", one_line(message))


def warn(message: str) -> None:
    """Logs a one-line warning to Python's logger `sketch_rnn`; commands print it on stderr."""
    LOGGER.warning("%s", one_line(message))


def first_line(error: Exception) -> str:
    """What an error says, without the place in TensorFlow's graph, `{{...}}`, before it."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", str(error))
    return next((line for line in text.splitlines() if line), type(error).__name__)
