"""Train a model from Python: `sketch_rnn.train` and its callbacks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sketch_rnn.api.bar import Bar
from sketch_rnn.api.run import Run
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training import run as training
from sketch_rnn.training.options import DEFAULT_TIMEOUT, TrainOptions


class Callback:
    """The base class for callbacks; override the methods that you need.

    Every method gets the `Run`; `run.model` is the model being trained. `run.stop("enough")` ends
    the run cleanly. An exception in a callback also ends the run, and `train` raises it.
    """

    def on_step(self, run: Run, step: int, figures: Mapping[str, float]) -> None:
        """React to a training step; called after each step, up to half a second late.

        Steps whose update was skipped because it was not finite are left out.

        Args:
          run: the run.
          step: the number of the step.
          figures: the `cost`, `reconstruction` and `KL` of the step's batch.
        """

    def on_validation(
        self, run: Run, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """React to a validation; called after each validation.

        Args:
          run: the run.
          figures: the `step` and the validation's metrics, keyed by name.
          drawings: eight stroke-3 arrays `[n, 3]`: reconstructions of validation sketches, or new
            drawings if the model has no encoder.
        """

    def on_end(self, run: Run) -> None:
        """React to the end of the run; everything is saved, and `run.reason` says why it ended."""


def train(
    folder: str | Path | TrainOptions,
    data: str | Path | Sequence[str | Path] | None = None,
    hparams: Mapping[str, Any] | HParams | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    seed: int | None = None,
    resume: bool = False,
    init_from: str | Path | None = None,
    few: bool = False,
    precision: str | None = None,
    strategy: str = "one",
    patience: int | None = None,
    max_time: float | None = None,
    connect_timeout: float = DEFAULT_TIMEOUT,
) -> Run:
    """Train a model in a run's folder, or resume a run.

    Ctrl-C ends the run cleanly after the current step; `resume=True` continues it later. All
    weights are trained, even if a callback freezes some of them; `SketchRNN.fit` does not train
    frozen weights.

    Args:
      folder: the folder of the run; or a `TrainOptions` instead of all other arguments except
        `callbacks`.
      data: the folder, name or http(s) address of the data set, in which `hparams["data_set"]`
        names the files; or one or more `.npz` files. If None, a resumed run reads its data from
        the same place as before.
      hparams: hyperparameters, keyed by name, as in `{"num_steps": 300}`. All others keep their
        defaults, or the values of the resumed run.
      callbacks: `Callback` objects, which are called during training.
      seed: the seed for everything random; by default 1, or the seed of the resumed run.
      resume: whether to continue from the latest checkpoint in the folder, written by this program
        or by the original trainer.
      init_from: a model from which a new run takes its initial weights, its architecture, and its
        KL settings unless they are given.
      few: whether to choose the settings that are not given to suit the number of drawings, as
        `--config=few` does.
      precision: the precision of matrix products: `float32`, `tf32` or `bfloat16`; by default
        `float32`, or the precision of the resumed run.
      strategy: the devices to train on: `one` device, `mirrored` for all GPUs in this machine,
        `multi_worker` for the machines named in TF_CONFIG, `auto` for whatever is available.
      patience: the run ends after this many validations in a row without a new lowest cost.
      max_time: the run ends after this many seconds.
      connect_timeout: the number of seconds to wait for the other machines.

    Returns:
      The run, with `run.model`, `run.history`, `run.best` and `run.reason`. Notebooks show it as
      curves and drawings.

    Raises:
      UserError: the folder, the data or a hyperparameter cannot be used; nothing is written.
    """
    asked = {
        "seed": seed,
        "resume": resume,
        "init_from": init_from,
        "few": few,
        "precision": precision,
        "strategy": strategy,
        "patience": patience,
        "max_time": max_time,
        "connect_timeout": connect_timeout,
    }
    options = _options(folder, data, hparams, asked)
    run = Run(options.log_root)
    calls = _Calls(run, callbacks)
    try:
        training.train(options, Bar, calls)
    finally:
        run._trained = None
    calls.call_on_end()
    return run


def _options(
    folder: str | Path | TrainOptions,
    data: str | Path | Sequence[str | Path] | None,
    hparams: Mapping[str, Any] | HParams | None,
    asked: Mapping[str, Any],
) -> TrainOptions:
    """Return the options for a run, given the arguments of `train`."""
    if isinstance(folder, TrainOptions):
        if data is not None or hparams is not None or TrainOptions("", **asked) != TrainOptions(""):
            raise UserError(
                "expected only a TrainOptions, got other arguments too; set them as fields of the "
                "TrainOptions"
            )
        return folder
    overrides = hparams.to_dict() if isinstance(hparams, HParams) else dict(hparams or {})
    if data is None or (isinstance(data, str | Path) and Path(data).suffix != ".npz"):
        return TrainOptions(folder, overrides, data, **asked)
    if "data_set" in overrides and not isinstance(hparams, HParams):
        raise UserError("both data and hparams['data_set'] name files; leave one of them out")
    files = [data] if isinstance(data, str | Path) else data
    return TrainOptions(folder, overrides | {"data_set": [str(f) for f in files]}, **asked)


class _Calls:
    """A `Listener` that calls a run's callbacks."""

    def __init__(self, run: Run, callbacks: Sequence[Callback]):
        self._run, self._callbacks = run, callbacks
        for callback in callbacks:
            if not isinstance(callback, Callback):
                kind = type(callback).__name__
                raise UserError(f"callbacks: expected instances of sketch_rnn.Callback, got {kind}")

    def began(self, model: SketchRNN) -> None:
        """Make the model being trained available to callbacks; see `Listener`."""
        self._run._trained = model

    def stepped(self, step: int, figures: Mapping[str, float]) -> None:
        """Call `on_step` on each callback; see `Listener`."""
        for callback in self._callbacks:
            callback.on_step(self._run, step, figures)

    def validated(
        self, step: int, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """Call `on_validation` on each callback; see `Listener`."""
        for callback in self._callbacks:
            callback.on_validation(self._run, {"step": step, **figures}, drawings)

    def reason_to_stop(self) -> str:
        """Return why a callback stopped the run, or ""; see `Listener`."""
        return self._run._reason_to_stop

    def call_on_end(self) -> None:
        """Call `on_end` on each callback."""
        for callback in self._callbacks:
            callback.on_end(self._run)
