"""A run as an object: what it gave, and why it ended."""

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
from sketch_rnn.training.evaluate import dataset_of
from sketch_rnn.training.history import History, Validation
from sketch_rnn.training.metrics import NOTES_FILE
from sketch_rnn.training.stopping import reason_of

if TYPE_CHECKING:
    import pandas

CURVES = ("Train_Cost", "Valid_Cost")  # that a notebook shows
SHOWN, SHOWN_TEMPERATURE = 8, 0.3


class Run:
    """A training run in its folder, of which everything here is read when it is asked for.

    Attributes:
      folder: where it is.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._loaded: SketchRNN | None = None  # the best model
        self._trained: SketchRNN | None = None  # the model as it is, while it trains
        self._reason_to_stop = ""

    @property
    def hparams(self) -> HParams:
        """Its hyperparameters, with N_max as `max_seq_len`."""
        return RunFolder(self.folder).read_config().hparams

    @property
    def model(self) -> SketchRNN:
        """The model of the lowest validation cost; within a callback, the model as it is just then.

        Raises:
          UserError: there is no checkpoint yet, or only damaged ones.
        """
        if self._trained is not None:
            return self._trained
        if self._loaded is None:
            self._loaded = load_model(self.folder)
        return self._loaded

    @property
    def data(self) -> Dataset:
        """The data set that it trains on, from where it had it."""
        return dataset_of(self.folder, self.hparams.data_set, None)

    @property
    def history(self) -> dict[str, list[float]]:
        """Its figures in order, by name: `Train_Cost` every 20 steps, `Valid_Cost` and others at
        each validation. `steps` says of which steps they are."""
        return {name: list(of.values()) for name, of in self._figures().items()}

    @property
    def steps(self) -> dict[str, list[int]]:
        """The steps of the figures in `history`, by the same names."""
        return {name: list(of) for name, of in self._figures().items()}

    @property
    def validations(self) -> list[Validation]:
        """The validations so far, the oldest first."""
        return History.read(RunFolder(self.folder).figures()).validations

    @property
    def best(self) -> Validation | None:
        """The validation of the lowest cost; None before the first."""
        return min(self.validations, key=lambda validation: validation.cost, default=None)

    @property
    def reason(self) -> str:
        """Why it ended: `num_steps`, `patience=3`, `max_time`, SIGINT, or what `stop` was told; ""
        if it trains still, or was killed."""
        notes = [str(row.get("note", "")) for row in StepLines(self.folder / NOTES_FILE)]
        return reason_of(notes[-1]) if notes else ""

    def stop(self, reason: str = "a callback") -> None:
        """Ends the run in good order after this step; for callbacks."""
        self._reason_to_stop = reason

    def table(self) -> "pandas.DataFrame":
        """`history` as a table of pandas, a row a step and a column a figure.

        Raises:
          UserError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise UserError("expected pandas to be installed: pip install pandas") from None
        columns = {name: pandas.Series(of) for name, of in self._figures().items()}
        return pandas.DataFrame(columns).rename_axis("step").sort_index()

    def _figures(self) -> dict[str, dict[int, float]]:
        """Each figure by its step, by names."""
        found: dict[str, dict[int, float]] = {}
        for row in RunFolder(self.folder).figures():
            for name, value in row.items():
                if name != "step" and isinstance(value, int | float):
                    found.setdefault(name, {})[row["step"]] = float(value)
        return found

    def __repr__(self) -> str:
        best = self.best
        costs = f", best cost {best.cost:.4f} at step {best.step}" if best else ""
        return f"<Run in {self.folder}{costs}, ended by {self.reason or 'nothing yet'}>"

    def _repr_html_(self) -> str:
        figures = self._figures()
        curves = {name: _finite(figures[name]) for name in CURVES if name in figures}
        try:
            drawn = self.model.decode(num_samples=SHOWN, temperature=SHOWN_TEMPERATURE, seed=1)
        except UserError:  # there is no checkpoint yet
            drawn = []
        return html(repr(self).strip("<>"), curves, drawn)


def _finite(figures: dict[int, float]) -> list[tuple[int, float]]:
    return [(step, value) for step, value in figures.items() if math.isfinite(value)]


def open_run(folder: str | Path) -> Run:
    """A run that has been trained before, or is training.

    Args:
      folder: of the run.

    Returns:
      What `sketch_rnn.train` returned.

    Raises:
      UserError: no run of this program has begun there.
    """
    setup()
    if not RunFolder(folder).holds_run():
        raise UserError(f"expected the folder of a run, found none in {folder}")
    return Run(folder)
