"""`sketch_rnn.train`: train a model from Python."""

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
    """Base class for callbacks: override the methods you need.

    Every method gets the `Run`; `run.model` is the model being trained. `run.stop("enough")` ends
    the run cleanly. An exception in a callback ends the run too, and `train` raises it.
    """

    def on_step(self, run: Run, step: int, figures: Mapping[str, float]) -> None:
        """Called after each step, up to half a second late, with the `cost`, `reconstruction` and
        `KL` of its batch. Steps whose update was skipped because it was not finite are left out."""

    def on_validation(
        self, run: Run, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """Called after each validation.

        Args:
          run: the run.
          figures: the `step`, and the validation's figures by name.
          drawings: eight stroke-3 arrays `[n, 3]`: reconstructions of validation sketches, or new
            drawings if the model has no encoder.
        """

    def on_end(self, run: Run) -> None:
        """Called when the run has ended and everything is saved; `run.reason` says why it ended."""


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

    Ctrl-C ends the run cleanly after the current step; `resume=True` continues it later.

    Args:
      folder: the folder of the run; or a `TrainOptions` in place of all arguments but the
        callbacks.
      data: the folder, name or http(s) address of the data set, whose files
        `hparams["data_set"]` names; or the `.npz` files themselves. If None, a resumed run reads
        its data where it did before.
      hparams: hyperparameters by name, as in `{"num_steps": 300}`. The others keep their defaults,
        or the values of the resumed run.
      callbacks: objects of `Callback`, called during training.
      seed: the seed of everything random; by default 1, or that of the resumed run.
      resume: continue from the latest checkpoint in the folder, ours or the original trainer's.
      init_from: start a new run from the weights of this model, and take over its architecture,
        and its KL settings unless they are given.
      few: choose whatever is not given by the number of drawings, as `--config=few` does.
      precision: of matrix products: `float32`, `tf32` or `bfloat16`; by default `float32`, or that
        of the resumed run.
      strategy: what to train on: `one` device, `mirrored` for all GPUs of this machine,
        `multi_worker` for the machines named in TF_CONFIG, `auto` for whatever there is.
      patience: end the run after this many validations in a row without a new best.
      max_time: end the run after this many seconds.
      connect_timeout: seconds to wait for the other machines.

    Returns:
      The run, with `run.model`, `run.history`, `run.best` and `run.reason`. A notebook shows its
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
    calls.ended()
    return run


def _options(
    folder: str | Path | TrainOptions,
    data: str | Path | Sequence[str | Path] | None,
    hparams: Mapping[str, Any] | HParams | None,
    asked: Mapping[str, Any],
) -> TrainOptions:
    """Return the options of a run; `data` is a folder or files."""
    if isinstance(folder, TrainOptions):
        if data is not None or hparams is not None or TrainOptions("", **asked) != TrainOptions(""):
            raise UserError(
                "expected a TrainOptions alone, got other arguments too; set them in it"
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
    """Call the callbacks; this is a `Listener` of the run."""

    def __init__(self, run: Run, callbacks: Sequence[Callback]):
        self._run, self._callbacks = run, callbacks
        for callback in callbacks:
            if not isinstance(callback, Callback):
                kind = type(callback).__name__
                raise UserError(f"callbacks: expected objects of sketch_rnn.Callback, got {kind}")

    def began(self, model: SketchRNN) -> None:
        """See `Listener`."""
        self._run._trained = model

    def stepped(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Listener`."""
        for callback in self._callbacks:
            callback.on_step(self._run, step, figures)

    def validated(
        self, step: int, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """See `Listener`."""
        for callback in self._callbacks:
            callback.on_validation(self._run, {"step": step, **figures}, drawings)

    def reason_to_stop(self) -> str:
        """See `Listener`."""
        return self._run._reason_to_stop

    def ended(self) -> None:
        """Call `on_end`."""
        for callback in self._callbacks:
            callback.on_end(self._run)
