"""Show the progress of a run on the screen."""

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tqdm import tqdm

from sketch_rnn.cli.common import columns, erase_code
from sketch_rnn.cli.flags import spelled
from sketch_rnn.signals import quit_at_once
from sketch_rnn.training.report import STOPPING, is_endless, listed

ALWAYS = ("reconstruction", "KL")  # the status line shows these however narrow the terminal is
DRAWN_EVERY = 0.1  # seconds
PACE_OF = 10.0  # seconds over which the pace is averaged
STALL_SECONDS, STALL_STEPS = 2.0, 5  # a step longer than both of these was compiling


class Progress:
    """A reporter that redraws one status line in a terminal, and prints plain lines elsewhere.

    Args:
      first_step: the step at which the run begins or continues.
      num_steps: the step at which the run ends.
      max_time: the number of seconds from now after which the run ends, even if it has not
        reached `num_steps`; None means no limit.
    """

    def __init__(self, first_step: int, num_steps: int, max_time: float | None = None):
        self._num_steps = None if is_endless(num_steps) else num_steps
        self._is_live = sys.stdout.isatty()
        self._lock = threading.RLock()  # another thread answers signals
        self._text, self._drawn_at = "", 0.0
        self._done, self._timed_at = first_step, time.monotonic()
        self._ends_at = None if max_time is None else self._timed_at + max_time
        self._first_step = first_step
        self._times: deque[tuple[float, int]] = deque()  # (time, steps done)

    def update(self, figures: Mapping[str, float]) -> None:
        """Count one more step, with these costs."""
        now = time.monotonic()
        self._leave_out_stall(now)
        if not self._times:  # the first step compiles, so its time is not typical
            self._times.append((now, self._first_step + 1))
        else:
            self._times.append((now, self._times[-1][1] + 1))
        while len(self._times) > 2 and self._times[1][0] < now - PACE_OF:
            self._times.popleft()
        if self._is_live and now - self._drawn_at >= DRAWN_EVERY:
            self._drawn_at = now
            with self._lock:
                self._draw(self._costs_that_fit(figures))

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """Print the step's costs in a permanent line if there is no status line."""
        if not self._is_live:
            print(f"step {step}: {listed(figures)}, {self._left(step)}", flush=True)

    def _leave_out_stall(self, now: float) -> None:
        """Leave the time spent compiling a program for a new batch size out of the speed."""
        if len(self._times) < 2:
            return
        (begun, first), (last, done) = self._times[0], self._times[-1]
        pace = (last - begun) / (done - first)
        if now - last > max(STALL_SECONDS, STALL_STEPS * pace):
            self._exclude(now - last - pace)

    def _exclude(self, gone: float) -> None:
        """Do not count these seconds as time that was spent on training steps."""
        self._timed_at += gone
        self._times = deque((at + gone, done) for at, done in self._times)

    def say(self, text: str) -> None:
        """Print the text as a permanent line."""
        with self._lock:
            shown = self._text
            self._draw("")
            print(spelled(text), flush=True)
            self._draw(shown)

    @contextmanager
    def paused(self, doing: str) -> Iterator[None]:
        """Show what the run does between steps, and exclude that time from the steps' time."""
        begun = time.monotonic()
        if self._times:
            with self._lock:
                self._draw(f"step {self._times[-1][1]}, {doing}"[: columns() - 1])
        try:
            yield
        finally:
            self._exclude(time.monotonic() - begun)

    def stopping(self, number: int, at_once: bool) -> None:
        """Answer the first signal immediately; end the process at the second signal."""
        if at_once:
            self.close()
            quit_at_once(number)
        self.say(STOPPING)

    def close(self) -> None:
        """Erase the status line for good."""
        with self._lock:
            self._draw("")
            self._is_live = False

    def _draw(self, text: str) -> None:
        """Redraw the status line in the terminal.

        Move the cursor to the start of the line, so that it is still on this line if the user makes
        the terminal narrower.
        """
        if not self._is_live or (not text and not self._text):
            return
        sys.stdout.write(f"{erase_code()}{text}\r")
        sys.stdout.flush()
        self._text = text

    def _costs_that_fit(self, figures: Mapping[str, float]) -> str:
        """Return the most important costs, and as many others as fit in the status line."""
        done = self._times[-1][1]
        total = "" if self._num_steps is None else f"/{self._num_steps}"
        parts = [f"step {done}{total}"]
        parts += [listed({name: figures[name]}) for name in ALWAYS if name in figures]
        others = [listed({n: value}) for n, value in figures.items() if n not in ALWAYS]
        for part in (*self._pace(), *others):
            if len(", ".join([*parts, part])) < columns():
                parts.append(part)
        return ", ".join(parts)[: columns() - 1]

    def _pace(self) -> list[str]:
        """Return the recent steps per second, and how long the remaining steps will take."""
        (begun, first), (now, done) = self._times[0], self._times[-1]
        if done == first:
            return []
        return self._pace_and_left((now - begun) / (done - first), done, now)

    def _left(self, done: int) -> str:
        now = time.monotonic()
        if self._done == self._first_step and self._times and done > self._first_step + 1:
            self._timed_at, self._done = self._times[0]
        pace = (now - self._timed_at) / (done - self._done)
        self._done, self._timed_at = done, now
        return ", ".join(self._pace_and_left(pace, done, now))

    def _pace_and_left(self, pace: float, done: int, now: float) -> list[str]:
        """Format the pace and the time left until the last step or the time limit.

        Args:
          pace: seconds per step.
          done: the number of steps done.
          now: the current time in seconds.
        """
        words = [f"{1 / max(pace, 1e-9):.3g} steps/s"]
        seconds = []
        if self._num_steps is not None:
            seconds.append((self._num_steps - done) * pace)
        if self._ends_at is not None:
            seconds.append(max(0.0, self._ends_at - now))
        return [*words, f"{tqdm.format_interval(min(seconds))} left"] if seconds else words
