"""What a run tells a person while it trains."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from sketch_rnn.errors import LOGGER
from sketch_rnn.hparams import HParams

STOPPING = "stopping after this step; again to quit now"


class Reporter(Protocol):
    """Shows how a run gets on."""

    def update(self, figures: Mapping[str, float]) -> None:
        """One more step is done, with these figures."""

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures of a step that are worth a line."""

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
    """Whether no number of steps was given; the default is none that a run reaches."""
    return num_steps >= HParams.num_steps


def span(first_step: int, num_steps: int) -> str:
    """From where to where a run goes."""
    if is_endless(num_steps):
        return f"from step {first_step} on, no end set; Ctrl-C keeps what is learnt"
    return f"steps {first_step} to {num_steps}"


def listed(figures: Mapping[str, float]) -> str:
    """Figures as text."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
