"""How a run gets on, in a notebook or on a terminal: one live bar."""

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tqdm import TqdmWarning
from tqdm.notebook import tqdm_notebook

from sketch_rnn.training.report import LogReporter, is_endless


class Bar(LogReporter):
    """A bar of steps where somebody sees it; lines go to the logger as without one."""

    def __init__(self, first_step: int, num_steps: int):
        super().__init__(first_step, num_steps)
        with warnings.catch_warnings():  # it wants a package of Jupyter's for a bar in colors
            warnings.simplefilter("ignore", TqdmWarning)
            from tqdm.auto import tqdm
        is_seen = issubclass(tqdm, tqdm_notebook) or sys.stderr.isatty()
        self._bar = tqdm(
            initial=first_step,
            total=None if is_endless(num_steps) else num_steps,
            unit=" steps",
            dynamic_ncols=True,
            disable=not is_seen,
        )

    def update(self, figures: Mapping[str, float]) -> None:
        """See `Reporter`."""
        self._bar.set_postfix({n: f"{v:.3f}" for n, v in figures.items()}, refresh=False)
        self._bar.update()

    @contextmanager
    def paused(self, doing: str) -> Iterator[None]:
        """See `Reporter`."""
        self._bar.set_description(doing)
        try:
            yield
        finally:
            self._bar.set_description("")

    def close(self) -> None:
        """See `Reporter`."""
        self._bar.close()
