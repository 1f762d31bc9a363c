"""The rules by which a run ends on its own before its last step."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from sketch_rnn.training.history import History

VALIDATIONS = 8  # the number of validations in a run limited only by time


class Stopping:
    """The rules that say when a run has to end.

    The validations for `patience` are counted in the run's `metrics.jsonl`, so a resumed run ends
    at the same step as an uninterrupted one. `max_time` counts from the creation of this object.

    Args:
      patience: the number of validations in a row without a new best; None means no limit.
      max_time: the time limit in seconds; None means no limit.
      clock: a function that returns the time in seconds.
    """

    def __init__(
        self,
        patience: int | None = None,
        max_time: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._patience, self._max_time, self._clock = patience, max_time, clock
        self._begun = clock()
        self._validated: float | None = None

    def is_validation_due(self) -> bool:
        """Return whether a run limited by time, not by steps, has to validate now."""
        if self._max_time is None:
            return False
        now = self._clock()
        if self._validated is None:  # the first step compiles, so the clock starts after it
            self._validated = now
        if now - self._validated < self._max_time / VALIDATIONS:
            return False
        self._validated = now
        return True

    def reason(self, history: History) -> str:
        """Return why the run has to end now, or "" if it does not."""
        if self._patience is not None and history.since_best() >= self._patience:
            return f"`patience={self._patience}`"
        if self._max_time is not None and self._clock() - self._begun >= self._max_time:
            return "`max_time`"
        return ""


def end_note(reason: str, steps: int, folder: Path) -> str:
    """Return the message that a run ends with; `reason` is "" if the run has done all its steps."""
    if reason:
        return f"stopped by {reason} after {steps} steps; `resume` continues from here"
    return f"done: {steps} steps, model in {folder}"


def reason_of(note: str) -> str:
    """Return why a run ended according to its last note. If the run did all its steps, the reason
    is `num_steps`. If the run has not ended, it is "".
    """
    if note.startswith("done: "):
        return "num_steps"
    found = re.fullmatch(r"stopped by (.*) after (step \d+|\d+ steps);.*", note)
    return found[1].strip("`") if found else ""
