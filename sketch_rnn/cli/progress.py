"""How a run gets on, on the screen."""

import shutil
import sys
import time
from collections.abc import Mapping

import tqdm

from sketch_rnn.cli import common
from sketch_rnn.train.report import listed


class Progress:
    """A live line on a terminal; plain lines elsewhere."""

    def __init__(self, first_step: int, num_steps: int):
        self._num_steps = num_steps
        self._bar = None
        if sys.stdout.isatty():
            # Some terminals do not tell their size, and tqdm shows nothing on one of no size.
            columns, lines = shutil.get_terminal_size()
            self._bar = tqdm.tqdm(
                total=num_steps,
                initial=first_step,
                file=sys.stdout,
                unit="step",
                smoothing=0.1,
                ncols=columns - 1,
                nrows=lines,
            )
        self._done, self._timed_at = first_step, time.monotonic()

    def update(self, figures: Mapping[str, float]) -> None:
        """One more step is done, with these figures."""
        if self._bar:
            self._bar.update(1)
            self._bar.set_postfix_str(listed(figures), refresh=False)

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """A line to stay, where there is no live one."""
        if self._bar is None:
            print(f"step {step}: {listed(figures)}, {self._left(step)}", flush=True)

    def say(self, text: str) -> None:
        """A line to stay."""
        text = common.spelled(text)
        if self._bar:
            self._bar.write(text, file=sys.stdout)
        else:
            print(text, flush=True)

    def close(self) -> None:
        """Ends the live line."""
        if self._bar:
            self._bar.close()

    def _left(self, step: int) -> str:
        now, done = time.monotonic(), step + 1
        pace = (now - self._timed_at) / (done - self._done)
        self._done, self._timed_at = done, now
        left = tqdm.tqdm.format_interval((self._num_steps - done) * pace)
        return f"{1 / max(pace, 1e-9):.3g} steps/s, {left} left"
