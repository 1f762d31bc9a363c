"""What the program says to a person: errors they can mend, and warnings."""

import sys


class UserError(ValueError):
    """Something the user can mend; the message is one line.

    It says what was expected, what came and what to do. The command-line tools print it on
    stderr and exit with status 2.
    """


def warn(message: str) -> None:
    """Prints a one-line warning on stderr."""
    print(f"warning: {message}", file=sys.stderr, flush=True)
