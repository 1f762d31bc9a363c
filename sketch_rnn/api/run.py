"""Represent a training run as an object, with its model, its curves, and why it ended."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from sketch_rnn.api.summary import html
from sketch_rnn.data.dataset import Dataset
from sketch_rnn.errors import UserError
from sketch_rnn.formats import load_model
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.formats.step_lines import StepLines
from sketch_rnn.hparams import HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.setup import setup
from sketch_rnn.tables import table
from sketch_rnn.training.evaluate import dataset_of
from sketch_rnn.training.history import History, Validation
from sketch_rnn.training.metrics import NOTES_FILE
from sketch_rnn.training.stopping import reason_of

if TYPE_CHECKING:
    import pandas

CURVES = ("Train_Cost", "Valid_Cost")  # the curves that a notebook shows
SHOWN, SHOWN_TEMPERATURE = 8, 0.3


class Run:
    """A training run; each property reads the run's folder whenever it is accessed.

    Attributes:
      folder: the folder of the run.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._loaded: SketchRNN | None = None  # the best model, once loaded
        self._trained: SketchRNN | None = None  # the model being trained, during training
        self._reason_to_stop = ""

    def __fspath__(self) -> str:
        return str(self.folder)

    @property
    def hparams(self) -> HParams:
        """The hyperparameters; `max_seq_len` is the length of the longest sketch (N_max)."""
        return RunFolder(self.folder).read_config().hparams

    @property
    def model(self) -> SketchRNN:
        """The model with the lowest validation cost; in a callback, the model being trained.

        Raises:
          UserError: there is no checkpoint yet, or all are damaged.
        """
        if self._trained is not None:
            return self._trained
        if self._loaded is None:
            self._loaded = load_model(self.folder)
        return self._loaded

    @property
    def data(self) -> Dataset:
        """The data set that the run trains on, read again from the same place."""
        return dataset_of(self.folder, self.hparams.data_set, None)

    @property
    def history(self) -> dict[str, list[float]]:
        """The metrics, keyed by name; each is a list over time.

        `Train_Cost` has a value every 20 steps; `Valid_Cost` and others have one per validation.
        `steps` holds the step of each value.
        """
        return {name: list(of.values()) for name, of in self._metrics().items()}

    @property
    def steps(self) -> dict[str, list[int]]:
        """The step of each value in `history`, keyed by the same names."""
        return {name: list(of) for name, of in self._metrics().items()}

    @property
    def validations(self) -> list[Validation]:
        """The validations so far, oldest first."""
        return History.read(RunFolder(self.folder).metrics()).validations

    @property
    def best(self) -> Validation | None:
        """The validation with the lowest cost; None before the first validation."""
        return min(self.validations, key=lambda validation: validation.cost, default=None)

    @property
    def reason(self) -> str:
        """Why the run ended; "" if it is still training or was killed.

        The reason is, for example, `num_steps`, `patience=3`, `max_time`, SIGINT, or the text that
        was given to `stop`.
        """
        notes = [str(row.get("note", "")) for row in StepLines(self.folder / NOTES_FILE)]
        return reason_of(notes[-1]) if notes else ""

    def stop(self, reason: str = "a callback") -> None:
        """End the run cleanly; call it from a callback.

        If `on_validation` calls it, the run ends after this step; if `on_step` calls it, the run
        ends after the steps that have already begun, up to half a second later. A run that is
        stopped like this before its first validation is validated at its end.
        """
        self._reason_to_stop = reason

    def table(self) -> "pandas.DataFrame":
        """Return `history` as a pandas DataFrame, with a row per step and a column per metric.

        Raises:
          UserError: pandas is not installed.
        """
        return table(self._metrics(), "step")

    def _metrics(self) -> dict[str, dict[int, float]]:
        """Return all metrics, keyed by name; each is a dict from step to value."""
        found: dict[str, dict[int, float]] = {}
        for row in RunFolder(self.folder).metrics():
            for name, value in row.items():
                if name != "step" and isinstance(value, int | float):
                    found.setdefault(name, {})[row["step"]] = float(value)
        return found

    def __repr__(self) -> str:
        best = self.best
        costs = f", best cost {best.cost:.4f} at step {best.step}" if best else ""
        return f"<Run in {self.folder}{costs}, ended by {self.reason or 'nothing yet'}>"

    def _repr_html_(self) -> str:
        figures = self._metrics()
        curves = {name: _finite(figures[name]) for name in CURVES if name in figures}
        try:
            drawn = self.model.decode(num_samples=SHOWN, temperature=SHOWN_TEMPERATURE, seed=1)
        except UserError:  # there is no checkpoint yet
            drawn = []
        return html(repr(self).strip("<>"), curves, drawn)


def _finite(figures: dict[int, float]) -> list[tuple[int, float]]:
    return [(step, value) for step, value in figures.items() if math.isfinite(value)]


def open_run(folder: str | Path) -> Run:
    """Open a run that was trained earlier or is being trained.

    Args:
      folder: the folder of the run.

    Returns:
      The run, an object like the one that `sketch_rnn.train` returns.

    Raises:
      UserError: the folder holds no run by this program.
    """
    setup()
    if not RunFolder(folder).holds_run():
        raise UserError(
            f"expected the folder of a run, but {folder} holds none; `sketch_rnn.train` starts one"
        )
    return Run(folder)
