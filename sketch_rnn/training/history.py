"""The validations of a run so far, from its figures."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sketch_rnn.formats.step_lines import StepLines

MOST = 100_000  # validations that are kept in mind
LEFT_OUT = "Updates_Left_Out"
KL_SUM, UNUSED, RECOVERED = "Valid_KL_Sum", "Unused_Dimensions", "Random_Z_Recovered"
CLIPPED = "Clipped_Gradients"


@dataclass(frozen=True)
class Validation:
    """One validation, and what went before it; figures that a run does not have are NaN.

    Attributes:
      step: after which it came.
      cost, reconstruction: of the validation split.
      train: mean reconstruction cost of training since the validation before.
      left_out: updates that were left out since then.
      kl_sum: KL of a drawing, summed over z, before the floor, in nats.
      unused: latent dimensions that tell nothing.
      recovered: what is found again of random z; see `signs.recovered`.
      clipped: share of the gradient's elements; see `signs.clipped`.
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
        """From what `metrics.MetricWriter` wrote; what is not figures is skipped."""
        history = cls()
        for row in lines:
            with suppress(ValueError, KeyError, TypeError, OverflowError):
                history.add(row["step"], {tag: float(value) for tag, value in row.items()})
        return history

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Takes in the figures of a step; the keys are the tags."""
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
        """Validations since the one of the lowest cost."""
        costs = [validation.cost for validation in self.validations]
        return len(costs) - 1 - costs.index(min(costs)) if costs else 0
