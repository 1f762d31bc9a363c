"""What is asked of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_SEED = 1
DEFAULT_TIMEOUT = 300.0  # seconds


@dataclass(frozen=True)
class TrainOptions:
    """What is asked of a training run.

    Attributes:
      log_root: the run's folder.
      overrides: hyperparameters by name; the others are the defaults, or those of the run.
      data_dir: folder or http(s) address of the data set; None is where the run that goes on had
        it, or the public data set.
      seed: what everything random follows from; None is the default, or that of the run.
      resume: go on from the folder's latest checkpoint, ours or the original's.
      init_from: a model whose weights a new run begins with, by a fresh optimizer; its
        architecture is taken over.
      precision: of matrix products, `float32` or `bfloat16`; None is the first, or that of the run.
      strategy: who shares the work; see `devices.find_workers`.
      patience: validations in a row without a new best after which the run ends.
      max_time: seconds after which it ends.
      connect_timeout: seconds to wait for the other machines.
    """

    log_root: str | Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    data_dir: str | Path | None = None
    seed: int | None = None
    resume: bool = False
    init_from: str | Path | None = None
    precision: str | None = None
    strategy: str = "one"
    patience: int | None = None
    max_time: float | None = None
    connect_timeout: float = DEFAULT_TIMEOUT
