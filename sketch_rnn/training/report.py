"""The reports of a run to a person while it trains."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sketch_rnn.errors import LOGGER
from sketch_rnn.hparams import HParams

if TYPE_CHECKING:
    from sketch_rnn.model.network import SketchRNN

STOPPING = "stopping after this step; again to quit now"


class Reporter(Protocol):
    """Shows how a run gets on."""

    def update(self, figures: Mapping[str, float]) -> None:
        """One more step is done, with these figures."""

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures that are worth a line, of the last of so many steps."""

    def say(self, text: str) -> None:
        """A line to stay; options of the run stand in it in backticks, as in `resume`."""

    def paused(self, doing: str) -> AbstractContextManager[None]:
        """Steps wait while something else is done, whose time is not theirs."""

    def stopping(self, number: int, at_once: bool) -> None:
        """A signal asks the run to stop: after this step, or the second time at once.

        Called in another thread, whatever the run does meanwhile.
        """

    def close(self) -> None:
        """The run has ended."""


class Listener(Protocol):
    """Is called as a run gets on, where a program and not a person wants to know."""

    def began(self, model: "SketchRNN") -> None:
        """Before the first step, with the model that is trained."""

    def stepped(self, step: int, figures: Mapping[str, float]) -> None:
        """After each step whose update was made, with the figures of its batch."""

    def validated(
        self, step: int, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """After each validation, with its figures by their tags, and what the model draws."""

    def reason_to_stop(self) -> str:
        """Why the run has to end now; "" if it does not."""


class NobodyListens:
    """The listener of a run that has none."""

    def began(self, model: "SketchRNN") -> None:
        """See `Listener`."""

    def stepped(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Listener`."""

    def validated(
        self, step: int, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """See `Listener`."""

    def reason_to_stop(self) -> str:
        """See `Listener`."""
        return ""


NewReporter = Callable[[int, int], Reporter]  # from the first step and `num_steps`


class LogReporter:
    """Tells Python's logger `sketch_rnn`, on the level INFO."""

    def __init__(self, first_step: int, num_steps: int):
        self._of = "" if is_endless(num_steps) else f" of {num_steps}"

    def update(self, figures: Mapping[str, float]) -> None:
        """Says nothing of single steps."""

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Reporter`."""
        LOGGER.info("step %d%s: %s", step, self._of, listed(figures))

    def say(self, text: str) -> None:
        """See `Reporter`."""
        LOGGER.info("%s", text)

    def paused(self, doing: str) -> AbstractContextManager[None]:
        """Says nothing of that."""
        return nullcontext()

    def stopping(self, number: int, at_once: bool) -> None:
        """See `Reporter`."""
        if not at_once:
            self.say(STOPPING)

    def close(self) -> None:
        """See `Reporter`."""


def is_endless(num_steps: int) -> bool:
    """Return whether no number of steps was given; the default is more than a run reaches."""
    return num_steps >= HParams.num_steps


def span(first_step: int, num_steps: int) -> str:
    """From where to where a run goes."""
    if is_endless(num_steps):
        return f"from step {first_step} on, no end set; Ctrl-C keeps what is learned"
    return f"steps {first_step} to {num_steps}"


def listed(figures: Mapping[str, float]) -> str:
    """Figures as text."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
