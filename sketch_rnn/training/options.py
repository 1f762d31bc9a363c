"""The options of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from sketch_rnn.errors import UserError, check_choice
from sketch_rnn.hparams import PRECISIONS, STRATEGIES, checked_overrides

DEFAULT_SEED = 1
DEFAULT_TIMEOUT = 300.0  # seconds


@dataclass(frozen=True)
class TrainOptions:
    """The options of a training run.

    They are checked when the object is made; an impossible combination raises `UserError`.

    Attributes:
      log_root: the run's folder.
      overrides: hyperparameters by name; the others keep their defaults or, when a run is resumed,
        the values of that run.
      data_dir: the folder or http(s) address of the data set; None means the place that the
        resumed run used or, in a new run, the public data set.
      seed: the seed of all randomness; None means the default, or the seed of the resumed run.
      resume: continue from the latest checkpoint in the folder, written by this program or by the
        original trainer.
      init_from: a model whose weights a new run begins with; the optimizer starts fresh. The run
        uses that model's architecture, and its KL settings unless others are given.
      few: choose each option that is not given, based on the number of drawings; see `few.py`.
      precision: the precision of matrix products: `float32`, `tf32` or `bfloat16`; None means
        `float32`, or the precision of the resumed run.
      strategy: the devices that share the work; see `devices.set_up_devices`.
      patience: the run ends after this many validations in a row without a new lowest cost.
      max_time: the run ends after this many seconds.
      connect_timeout: the number of seconds to wait for the other machines.
    """

    log_root: str | Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    data_dir: str | Path | None = None
    seed: int | None = None
    resume: bool = False
    init_from: str | Path | None = None
    few: bool = False
    precision: str | None = None
    strategy: str = "one"
    patience: int | None = None
    max_time: float | None = None
    connect_timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        object.__setattr__(self, "overrides", checked_overrides(self.overrides.items()))
        if self.precision is not None:
            check_choice("precision", self.precision, PRECISIONS)
        check_choice("strategy", self.strategy, STRATEGIES)
        if self.resume and self.init_from is not None:
            raise UserError("expected `resume` or `init_from`, got both")
        for name, least, whole in _NUMBERS:
            value = getattr(self, name)
            if value is not None and not _is_number(value, least, whole):
                kind = "a whole number" if whole else "a number of seconds"
                raise UserError(f"`{name}`: expected {kind}, at least {least}, got {value!r:.60}")


# The name of each numeric option, its smallest value, and whether it is a whole number.
_NUMBERS = (
    ("seed", 0, True),
    ("patience", 1, True),
    ("max_time", 0, False),
    ("connect_timeout", 0, False),
)
_MOST = 2**31 - 1


def _is_number(value: object, least: int, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        return False
    return least <= float(value) <= _MOST
