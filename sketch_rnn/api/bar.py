"""Show a live progress bar for training, in a notebook or on a terminal."""

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tqdm import TqdmWarning
from tqdm.notebook import tqdm_notebook

from sketch_rnn.training.report import LogReporter, is_endless


class Bar(LogReporter):
    """A reporter that logs as usual, and shows a progress bar if somebody can see it."""

    def __init__(self, first_step: int, num_steps: int):
        super().__init__(first_step, num_steps)
        with warnings.catch_warnings():  # tqdm warns if the optional ipywidgets is missing
            warnings.simplefilter("ignore", TqdmWarning)
            from tqdm.auto import tqdm
        is_notebook = issubclass(tqdm, tqdm_notebook) or "ipykernel.zmqshell" in sys.modules
        is_seen = is_notebook or sys.stderr.isatty()
        self._bar = tqdm(
            initial=first_step,
            total=None if is_endless(num_steps) else num_steps,
            unit=" steps",
            dynamic_ncols=True,
            disable=not is_seen,
        )

    def update(self, figures: Mapping[str, float]) -> None:
        """Show the step's costs and advance the bar by one step; see `Reporter`."""
        self._bar.set_postfix({n: f"{v:.3f}" for n, v in figures.items()}, refresh=False)
        self._bar.update()

    @contextmanager
    def paused(self, doing: str) -> Iterator[None]:
        """Show what training is paused for; see `Reporter`."""
        self._bar.set_description(doing)
        try:
            yield
        finally:
            self._bar.set_description("")

    def close(self) -> None:
        """Close the bar; see `Reporter`."""
        self._bar.close()
