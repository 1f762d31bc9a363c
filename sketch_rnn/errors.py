"""What the program says to a person: errors they can mend, and warnings."""

import sys


class UserError(ValueError):
    """Something the user can mend; the message is one line.

    It says what was expected, what came and what to do. The command-line tools print it on
    stderr and exit with status 2.
    """

    def __init__(self, message: str):
        super().__init__(one_line(message))


def one_line(text: str) -> str:
    """The text with spaces for line ends and for what commands a terminal.

    Names and values in a message may come from a stranger's file.
    """
    return "".join(sign if sign.isprintable() else " " for sign in text)


def warn(message: str) -> None:
    """Prints a one-line warning on stderr."""
    print(f"warning: {one_line(message)}", file=sys.stderr, flush=True)
