"""The messages that show the user the progress of a run."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sketch_rnn.errors import LOGGER
from sketch_rnn.hparams import HParams

if TYPE_CHECKING:
    from sketch_rnn.model.network import SketchRNN

STOPPING = "stopping after this step; press Ctrl-C again to quit now"


class Reporter(Protocol):
    """An object that shows a run's progress to the user."""

    def update(self, figures: Mapping[str, float]) -> None:
        """Update the display with the costs of one more step."""

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """Show a step's costs in a permanent line; `step` is the number of steps so far."""

    def say(self, text: str) -> None:
        """Show a permanent line; in it, options of the run are in backticks, such as `resume`."""

    def paused(self, doing: str) -> AbstractContextManager[None]:
        """Pause the measurement of the training speed during other work, which `doing` names."""

    def stopping(self, number: int, at_once: bool) -> None:
        """Show that a signal asks the run to stop: after this step, or `at_once` (second signal).

        Another thread calls this while the run continues.
        """

    def close(self) -> None:
        """Finish; the run has ended."""


class Listener(Protocol):
    """An object that tells a program about a run's progress, as a `Reporter` tells the user."""

    def began(self, model: "SketchRNN") -> None:
        """React to the start of training with this model, before the first step."""

    def stepped(self, step: int, figures: Mapping[str, float]) -> None:
        """React to a step that updated the model, given the costs of its batch."""

    def validated(
        self, step: int, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """React to a validation, given its metrics, keyed by tag, and the new drawings."""

    def reason_to_stop(self) -> str:
        """Return why the run has to end now, or "" if it does not."""


class NobodyListens:
    """The listener that does nothing, for a run without a listener."""

    def began(self, model: "SketchRNN") -> None:
        """Do nothing."""

    def stepped(self, step: int, figures: Mapping[str, float]) -> None:
        """Do nothing."""

    def validated(
        self, step: int, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """Do nothing."""

    def reason_to_stop(self) -> str:
        """Return "" to let the run go on; subclasses may return a reason to stop it."""
        return ""


NewReporter = Callable[[int, int], Reporter]  # makes one from the first step and `num_steps`


class LogReporter:
    """A reporter that logs to Python's logger `sketch_rnn` at level INFO."""

    def __init__(self, first_step: int, num_steps: int):
        self._of = "" if is_endless(num_steps) else f" of {num_steps}"

    def update(self, figures: Mapping[str, float]) -> None:
        """Do nothing: single steps are not logged."""

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """Log the costs of a step in one line."""
        LOGGER.info("step %d%s: %s", step, self._of, listed(figures))

    def say(self, text: str) -> None:
        """Log a line of text."""
        LOGGER.info("%s", text)

    def paused(self, doing: str) -> AbstractContextManager[None]:
        """Do nothing: pauses are not logged."""
        return nullcontext()

    def stopping(self, number: int, at_once: bool) -> None:
        """Log that the run stops after this step; a second signal is not logged."""
        if not at_once:
            self.say(STOPPING)

    def close(self) -> None:
        """Do nothing: the log has no end."""


def is_endless(num_steps: int) -> bool:
    """Return whether `num_steps` is so large that it never ends a run, as the default is."""
    return num_steps >= HParams.num_steps


def span(first_step: int, num_steps: int) -> str:
    """Return the steps that a run goes through, as text."""
    if is_endless(num_steps):
        return f"from step {first_step}, without a last step; Ctrl-C stops and keeps the model"
    return f"steps {first_step} to {num_steps}"


def listed(figures: Mapping[str, float]) -> str:
    """Return named costs as text."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
