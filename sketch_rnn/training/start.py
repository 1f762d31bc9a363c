"""Start a training run from random weights, from another model's weights, or from an earlier run.

The earlier run may be a run of this program or of the original trainer.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sketch_rnn import system
from sketch_rnn.data.catalog import PACKAGED_MODEL, is_packaged
from sketch_rnn.data.dataset import Dataset
from sketch_rnn.data.download import data_dir_to_record, default_data_dir, locate, recorded_data_dir
from sketch_rnn.errors import UserError, warn
from sketch_rnn.formats import load_model, original
from sketch_rnn.formats.run_folder import RunConfig, RunFolder
from sketch_rnn.hparams import ARCHITECTURE, PRECISIONS, HParams
from sketch_rnn.hparams_text import load_config
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training import few
from sketch_rnn.training.options import DEFAULT_SEED, TrainOptions
from sketch_rnn.training.state import TrainState

KL_SETTINGS = ("kl_weight", "kl_weight_start", "kl_tolerance", "kl_decay_rate")
CHANGEABLE = (
    "num_steps",
    "save_every",
    "learning_rate",
    "min_learning_rate",
    "decay_rate",
    "kl_decay_rate",
)


@dataclass(frozen=True)
class Origin:
    """What a run starts from; its data set is not read yet.

    Attributes:
      options: the options of the run.
      hparams: the hyperparameters of the run; N_max follows from the data set.
      data_dir: the folder or address of the data set.
      names: the names of the files in `data_dir`.
      source: a model whose weights the run begins with; None means random weights.
      resumed: the configuration of the earlier run of this program that is continued, if any.
      restored: the checkpoint of the original trainer that training continues from, if any.
    """

    options: TrainOptions
    hparams: HParams
    data_dir: str | Path
    names: list[str]
    source: SketchRNN | None = None
    resumed: RunConfig | None = None
    restored: original.Original | None = None

    def held_out(self, dataset: Dataset) -> int:
        """Return how many of the training drawings to move to the validation split.

        Raises:
          UserError: the data set is not the one that the resumed run began with.
        """
        if self.resumed is None:
            return few.held_out(dataset) if self.options.few else 0
        _check_same(dataset, self.resumed)
        return self.resumed.held_out

    def begin(self, dataset: Dataset, held_out: int) -> tuple[TrainState, RunConfig]:
        """Return the state that training starts from, and the run's configuration; write nothing.

        Args:
          dataset: the data set, without the drawings that were moved to the validation split.
          held_out: the number of these drawings.

        Raises:
          UserError: the checkpoint cannot be read, or a hyperparameter cannot be used.
        """
        config = self._config(dataset, held_out)
        state = self._state(config)
        done = int(state.step.numpy())
        asked = self.options.overrides.get("num_steps", math.inf)
        if asked < done:
            raise UserError(
                f"expected num_steps to be at least {done}, because the run has already done that "
                f"many steps, got {asked}"
            )
        return state, config

    def _config(self, dataset: Dataset, held_out: int) -> RunConfig:
        training_size, data_dir = len(dataset.train), data_dir_to_record(self.data_dir)
        if self.resumed is not None:
            config = replace(self.resumed, hparams=self.hparams, data_dir=data_dir)
            full_size = config.full_size or dataset.full_size
            return replace(config, training_size=training_size, full_size=full_size)
        options = self.options
        return RunConfig(
            self.hparams.replace(data_set=self.names, max_seq_len=dataset.max_seq_len),
            dataset.scale_factor,
            DEFAULT_SEED if options.seed is None else options.seed,
            data_dir,
            options.precision or PRECISIONS[0],
            init_from="" if options.init_from is None else str(options.init_from),
            held_out=held_out,
            training_size=training_size,
            full_size=dataset.full_size,
        )

    def _state(self, config: RunConfig) -> TrainState:
        model = _new_model(config, self.source)
        if self.restored is not None:
            return original_state(self.restored, model)
        state = TrainState(model)
        if self.resumed is not None:
            RunFolder(self.options.log_root).restore(state.checkpoint)
        return state


def check_log_root(options: TrainOptions) -> None:
    """Check that `log_root` is free for a new run, or holds the run to resume.

    Raises:
      UserError: it is a file, it already holds a run, or there is no run to resume.
    """
    folder = RunFolder(options.log_root)
    system.check_path(folder.path, system.LONGEST_IN_RUN)
    if folder.path.exists() and not folder.path.is_dir():
        raise UserError(
            f"log_root: expected a folder, but {folder.path} is a file; choose a folder"
        )
    is_original = original.find(folder.path) is not None
    if options.resume and not folder.holds_run() and not is_original:
        raise UserError(
            f"expected {folder.path} to hold a run that can be continued, found none; leave out "
            "`resume` to start a new run"
        )
    if not options.resume and (folder.holds_run() or is_original):
        raise UserError(
            f"{folder.path} already holds a run; continue it with `resume`, or choose another "
            "`log_root`"
        )


def find_origin(options: TrainOptions) -> Origin:
    """Return what a run starts from.

    Raises:
      UserError: the run's folder, the model to begin with or a hyperparameter cannot be used.
    """
    if not options.resume:
        return _new_run(options)
    folder = RunFolder(options.log_root)
    return _from_run(folder, options) if folder.holds_run() else _from_original(options)


def _new_run(options: TrainOptions) -> Origin:
    if options.init_from is None:
        hparams = HParams(**options.overrides)
        return Origin(options, hparams, *_located(hparams, options))
    source = load_model(options.init_from)
    overrides = _with_architecture(options.overrides, source.hparams)
    overrides = kl_settings(options.init_from, source.hparams) | overrides
    hparams = HParams(**overrides)
    if source.fixed_state is not None:
        warn(
            f"{options.init_from} starts from its own initial state; the new run replaces it "
            "with the zero state"
        )
    if source.squashes_z:
        warn(
            f"{options.init_from} applies tanh to z before it computes the decoder's initial "
            "state; the model of the new run does not"
        )
    return Origin(options, hparams, *_located(hparams, options), source)


def _new_model(config: RunConfig, source: SketchRNN | None = None) -> SketchRNN:
    """Return the run's model, with the weights of `source` if it is given."""
    execution = Execution.for_device(config.precision)
    model = SketchRNN(
        config.hparams,
        config.scale_factor,
        config.seed,
        execution,
        full_size=config.full_size,
    )
    if source is not None:
        model.set_weights(source.get_weights())
    return model


def _with_architecture(overrides: Mapping[str, Any], hparams: HParams) -> dict[str, Any]:
    """Return the overrides plus a model's architecture, which the overrides must not contradict."""
    theirs = {name: getattr(hparams, name) for name in ARCHITECTURE}
    for name in ARCHITECTURE:
        if overrides.get(name, theirs[name]) != theirs[name]:
            raise UserError(
                f"{name} is {theirs[name]} in the model that the run starts from and cannot become "
                f"{overrides[name]}; leave it out"
            )
    return {**overrides, **theirs}


def kl_settings(init_from: str | Path, hparams: HParams) -> dict[str, Any]:
    """Return a model's KL settings; for the packaged model, those in its configuration file."""
    if is_packaged(init_from):
        hparams = HParams(**load_config(PACKAGED_MODEL))
    return {name: getattr(hparams, name) for name in KL_SETTINGS}


def _from_run(folder: RunFolder, options: TrainOptions) -> Origin:
    """Continue a run of this program, with the overrides that may change in a resumed run."""
    config = folder.read_config()
    folder.check_sizes(config)
    hparams = _changed(config.hparams, options.overrides)
    for name in ("seed", "precision"):
        before, asked = getattr(config, name), getattr(options, name)
        if asked not in (None, before):
            raise UserError(
                f"the run began with `{name}={before}`; it cannot be resumed with `{name}={asked}`"
            )
    data_dir = options.data_dir or recorded_data_dir(config.data_dir, hparams.data_set)
    return Origin(options, hparams, data_dir, list(hparams.data_set), resumed=config)


def _from_original(options: TrainOptions) -> Origin:
    """Continue from a checkpoint of the original trainer; write our files next to its files."""
    restored = original.load(Path(options.log_root))
    changeable = {*CHANGEABLE, "data_set", *restored.unknown}
    hparams = _changed(restored.model.hparams, options.overrides, changeable)
    where = _located(hparams, options)
    return Origin(options, hparams, *where, source=restored.model, restored=restored)


def _located(hparams: HParams, options: TrainOptions) -> tuple[str | Path, list[str]]:
    """Return the folder or address of the data set, and the names of the files in it."""
    names = list(hparams.data_set)
    if not options.resume or "data_set" in options.overrides:  # the user typed these names
        return locate(options.data_dir or None, names)
    return options.data_dir or default_data_dir(names), names


def _check_same(dataset: Dataset, config: RunConfig) -> None:
    """Refuse a data set that differs from the run's."""
    theirs = (config.hparams.max_seq_len, config.scale_factor)
    ours = (dataset.max_seq_len, dataset.scale_factor)
    if ours[0] != theirs[0] or not math.isclose(ours[1], theirs[1], rel_tol=1e-6):
        raise UserError(
            "the data set is not the one that the run began with: expected N_max "
            f"{theirs[0]} and scale factor {theirs[1]:.6g}, got N_max {ours[0]} and scale factor "
            f"{ours[1]:.6g}"
        )


def original_state(restored: original.Original, model: SketchRNN) -> TrainState:
    """Return the training state of a checkpoint of the original trainer.

    Args:
      restored: the checkpoint, whose step and Adam moments are used.
      model: a model that already has the checkpoint's weights.
    """
    state = TrainState(model)
    original.restore_moments(restored, state.optimizer)
    state.step.assign(restored.step)
    return state


def _changed(
    hparams: HParams, overrides: Mapping[str, Any], changeable: Collection[str] = CHANGEABLE
) -> HParams:
    """Return the run's hyperparameters with overrides; N_max stays the same.

    Raises:
      UserError: an override changes a hyperparameter that is not `changeable`.
    """
    changed = hparams.replace(**overrides).replace(max_seq_len=hparams.max_seq_len)
    for name, value in changed.to_dict().items():
        before = hparams.to_dict()[name]
        if value != before and name not in changeable:
            raise UserError(
                f"{name} is {before} in this run and cannot become {value} when the run resumes; "
                f"settings that may change: {', '.join(sorted(changeable))}"
            )
    return changed
