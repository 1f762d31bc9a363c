"""What a run tells a person while it trains."""

from collections.abc import Callable, Mapping
from typing import Protocol

from sketch_rnn.errors import LOGGER


class Reporter(Protocol):
    """Shows how a run gets on."""

    def update(self, figures: Mapping[str, float]) -> None:
        """One more step is done, with these figures."""

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures of a step that are worth a line."""

    def say(self, text: str) -> None:
        """A line to stay; options of the run stand in it in backticks, as in `resume`."""

    def close(self) -> None:
        """The run has ended."""


NewReporter = Callable[[int, int], Reporter]  # from the first step and `num_steps`


class LogReporter:
    """Tells Python's logger `sketch_rnn`, on the level INFO."""

    def __init__(self, first_step: int, num_steps: int):
        self._num_steps = num_steps

    def update(self, figures: Mapping[str, float]) -> None:
        """Says nothing of single steps."""

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Reporter`."""
        LOGGER.info("step %d of %d: %s", step, self._num_steps, listed(figures))

    def say(self, text: str) -> None:
        """See `Reporter`."""
        LOGGER.info("%s", text)

    def close(self) -> None:
        """See `Reporter`."""


def listed(figures: Mapping[str, float]) -> str:
    """Figures as text."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
