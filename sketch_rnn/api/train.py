"""`sketch_rnn.train`: a training run from Python."""

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
    """What is called as a run gets on: override what you need.

    Every method gets the `Run`, whose `model` is the model as it is just then. `run.stop("enough")`
    ends the run in good order. An error ends it too, and comes out of `train`.
    """

    def on_step(self, run: Run, step: int, figures: Mapping[str, float]) -> None:
        """After each step, at most half a second late: `cost`, `reconstruction` and `KL` of its
        batch. Steps whose update was left out, as not finite, are not among them."""

    def on_validation(
        self, run: Run, figures: Mapping[str, float], drawings: Sequence[np.ndarray]
    ) -> None:
        """After each validation: its `step` and figures by name, and what the model draws.

        They are eight stroke-3 arrays `[n, 3]`: reconstructions of drawings of the validation
        split, or new drawings of a model without an encoder.
        """

    def on_end(self, run: Run) -> None:
        """After the last step, when all is saved; `run.reason` says why it ended."""


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
    """Trains a model, or goes on training one, in a run's folder.

    Ctrl-C ends the run in good order after the step under way, and `resume=True` goes on with it.

    Args:
      folder: of the run; or a `TrainOptions`, which holds all that follows but the callbacks.
      data: folder, name or http(s) address of the data set, of which `hparams["data_set"]` names
        the files; or the `.npz` files themselves. None is where the run that goes on had it.
      hparams: hyperparameters by name, as in `{"num_steps": 300}`; the others are the defaults, or
        those of the run that goes on.
      callbacks: are called as the run gets on.
      seed: what everything random follows from; None is 1, or that of the run that goes on.
      resume: go on from the folder's latest checkpoint, ours or the original trainer's.
      init_from: a model whose weights a new run begins with; its architecture is taken over, and
        its KL settings unless they are given.
      few: choose what is left open by how many drawings there are, as `--config=few` does.
      precision: of matrix products: `float32`, `tf32` or `bfloat16`; None is the first, or that
        of the run.
      strategy: who shares the work: `one` device, `mirrored` for all GPUs of this machine,
        `multi_worker` for the machines that TF_CONFIG names, `auto` for what there is.
      patience: validations in a row without a new best after which the run ends.
      max_time: seconds after which it ends.
      connect_timeout: seconds to wait for the other machines.

    Returns:
      The run: `run.model`, `run.history`, `run.best`, `run.reason`; in a notebook it shows itself.

    Raises:
      UserError: the folder, the data or the hyperparameters do not allow it; nothing is written.
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
    """The options of a run; `data` is a folder or files."""
    if isinstance(folder, TrainOptions):
        if data is not None or hparams is not None or TrainOptions("", **asked) != TrainOptions(""):
            raise UserError("expected a TrainOptions alone; say by it what is asked beside it")
        return folder
    overrides = hparams.to_dict() if isinstance(hparams, HParams) else dict(hparams or {})
    if data is None or (isinstance(data, str | Path) and Path(data).suffix != ".npz"):
        return TrainOptions(folder, overrides, data, **asked)
    if "data_set" in overrides and not isinstance(hparams, HParams):
        raise UserError("data names the files, and so does hparams['data_set']; leave one out")
    files = [data] if isinstance(data, str | Path) else data
    return TrainOptions(folder, overrides | {"data_set": [str(f) for f in files]}, **asked)


class _Calls:
    """Calls the callbacks; a `Listener` of the run."""

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
        """After the run."""
        for callback in self._callbacks:
            callback.on_end(self._run)
