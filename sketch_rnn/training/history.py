"""The validations of a run so far, collected from its metrics."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sketch_rnn.formats.step_lines import StepLines

MOST = 100_000  # the most validations that are kept in memory
LEFT_OUT = "Updates_Left_Out"
KL_SUM, UNUSED, RECOVERED = "Valid_KL_Sum", "Unused_Dimensions", "Random_Z_Recovered"
CLIPPED = "Clipped_Gradients"


@dataclass(frozen=True)
class Validation:
    """Metrics of one validation and of the training before it; missing metrics are NaN.

    Attributes:
      step: the step that the validation followed.
      cost: the cost of the validation split.
      reconstruction: the reconstruction cost of the validation split.
      train: the mean reconstruction cost in training since the previous validation.
      left_out: the number of updates skipped since the previous validation.
      kl_sum: the mean KL of a drawing, summed over z, before the floor, in nats.
      unused: the number of latent dimensions that carry no information.
      recovered: how much of random z can be recovered from its drawings; see `signs.recovered`.
      clipped: the share of the gradient's elements that are clipped; see `signs.clipped`.
    """

    step: int
    cost: float
    reconstruction: float
    train: float = math.nan
    left_out: float = 0
    kl_sum: float = math.nan
    unused: float = math.nan
    recovered: float = math.nan
    clipped: float = math.nan


class History:
    """The validations of a run, the oldest first."""

    def __init__(self) -> None:
        self.validations: list[Validation] = []
        self._train_sum, self._train_count = 0.0, 0

    @classmethod
    def read(cls, lines: StepLines) -> "History":
        """Read the history from the lines of a `metrics.MetricWriter`; skip malformed lines."""
        history = cls()
        for row in lines:
            with suppress(ValueError, KeyError, TypeError, OverflowError):
                history.add(row["step"], {tag: float(value) for tag, value in row.items()})
        return history

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Add the metrics of a step; the keys are the tags."""
        if "Train_Reconstr_Cost" in figures:
            self._train_sum += figures["Train_Reconstr_Cost"]
            self._train_count += 1
        if "Valid_Cost" in figures:
            validation = Validation(
                step,
                cost=figures["Valid_Cost"],
                reconstruction=figures["Valid_Reconstr_Cost"],
                train=self._train_sum / self._train_count if self._train_count else math.nan,
                left_out=figures.get(LEFT_OUT, 0),
                kl_sum=figures.get(KL_SUM, math.nan),
                unused=figures.get(UNUSED, math.nan),
                recovered=figures.get(RECOVERED, math.nan),
                clipped=figures.get(CLIPPED, math.nan),
            )
            self.validations.append(validation)
            del self.validations[:-MOST]
            self._train_sum, self._train_count = 0.0, 0

    def since_best(self) -> int:
        """Return the number of validations since the one with the lowest cost."""
        costs = [validation.cost for validation in self.validations]
        return len(costs) - 1 - costs.index(min(costs)) if costs else 0
