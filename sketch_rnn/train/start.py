"""What a training run starts from: nothing, a run of ours, or a run of the original's."""

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from sketch_rnn.data.dataset import Dataset, load_dataset
from sketch_rnn.data.download import DEFAULT_DATA_DIR, remembered
from sketch_rnn.errors import UserError, warn
from sketch_rnn.formats import load_model, original
from sketch_rnn.formats.browser import StartedSketchRNN
from sketch_rnn.formats.run_folder import RunConfig, RunFolder
from sketch_rnn.hparams import PRECISIONS, HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.train.state import TrainState

DEFAULT_SEED = 1
ARCHITECTURE = (
    "conditional",
    "enc_model",
    "enc_rnn_size",
    "dec_model",
    "dec_rnn_size",
    "z_size",
    "num_mixture",
)
CHANGEABLE = (
    "num_steps",
    "save_every",
    "learning_rate",
    "min_learning_rate",
    "decay_rate",
    "kl_decay_rate",
)


def check_folder(folder: RunFolder, resume: bool) -> None:
    """Refuses to begin a run where there is one or a file, and to go on where there is none."""
    if folder.path.exists() and not folder.path.is_dir():
        raise UserError(f"log_root: expected a folder, {folder.path} is a file; name another")
    is_original = original.find(folder.path) is not None
    if resume and not folder.holds_run() and not is_original:
        raise UserError(
            f"expected a run to go on with in {folder.path}, found none; "
            "leave --resume_training out to begin one"
        )
    if not resume and (folder.holds_run() or is_original):
        raise UserError(
            f"{folder.path} already holds a run; go on with it by --resume_training, "
            "or name another --log_root"
        )


def begin(
    folder: RunFolder,
    overrides: dict[str, object],
    data_dir: str | None,
    seed: int | None,
    resume: bool = False,
    init_from: str | Path | None = None,
    precision: str | None = None,
) -> tuple[TrainState, RunConfig, Dataset]:
    """What training starts from; only reads.

    Args:
      folder: of the run.
      overrides: the hyperparameters that were asked for.
      data_dir: see `train`.
      seed: see `train`.
      resume: go on with the run in the folder, ours or the original's.
      init_from: a model to begin a new run with, by a fresh optimizer.
      precision: see `train`.

    Raises:
      UserError: the folder, the data or the hyperparameters do not allow it.
    """
    if resume and not folder.holds_run():
        return _from_original(folder, overrides, data_dir, seed, precision)
    if resume:
        config, dataset = _resumed_config(folder, overrides, data_dir, seed, precision)
        state = _new_state(config)
        folder.restore(state.checkpoint)
        return state, config, dataset
    source = load_model(init_from) if init_from else None
    if source is not None:
        overrides = _with_architecture(overrides, source.hparams)
    config, dataset = _new_config(HParams(**overrides), data_dir, seed, precision)
    state = _new_state(config)
    if source is not None:
        state.model.set_weights(source.get_weights())
        if isinstance(source, StartedSketchRNN):
            warn(
                f"{init_from} has an initial state of its own; training begins from the zero state"
            )
    return state, config, dataset


def _new_state(config: RunConfig) -> TrainState:
    model = SketchRNN(config.hparams, config.scale_factor, config.seed, config.precision)
    return TrainState(model)


def _with_architecture(overrides: dict[str, object], hparams: HParams) -> dict[str, object]:
    """The overrides, and the architecture of a model, which they may not contradict."""
    theirs = {name: getattr(hparams, name) for name in ARCHITECTURE}
    for name in ARCHITECTURE:
        if overrides.get(name, theirs[name]) != theirs[name]:
            raise UserError(
                f"{name} is {theirs[name]} in the model to begin with and cannot become "
                f"{overrides[name]}; leave it out"
            )
    return overrides | theirs


def _new_config(
    hparams: HParams, data_dir: str | None, seed: int | None, precision: str | None
) -> tuple[RunConfig, Dataset]:
    data_dir = data_dir or DEFAULT_DATA_DIR
    dataset = load_dataset(hparams.data_set, data_dir)
    hparams = hparams.replace(max_seq_len=dataset.max_seq_len)
    seed = DEFAULT_SEED if seed is None else seed
    precision = precision or PRECISIONS[0]
    return RunConfig(hparams, dataset.scale_factor, seed, str(data_dir), precision), dataset


def _resumed_config(
    folder: RunFolder,
    overrides: dict[str, object],
    data_dir: str | None,
    seed: int | None,
    precision: str | None,
) -> tuple[RunConfig, Dataset]:
    """The run's own configuration, with the few changes that it can take."""
    config = folder.read_config()
    folder.check_sizes(config)
    hparams = _changed(config.hparams, overrides)
    if seed not in (None, config.seed):
        raise UserError(f"the run began with --seed={config.seed}, it cannot go on with {seed}")
    if precision not in (None, config.precision):
        raise UserError(
            f"the run began with --precision={config.precision}, it cannot go on with {precision}"
        )
    data_dir = data_dir or remembered(config.data_dir, hparams.data_set)
    config = replace(config, hparams=hparams, data_dir=str(data_dir))
    dataset = load_dataset(hparams.data_set, config.data_dir)
    theirs = (hparams.max_seq_len, config.scale_factor)
    ours = (dataset.max_seq_len, dataset.scale_factor)
    if ours[0] != theirs[0] or not math.isclose(ours[1], theirs[1], rel_tol=1e-6):
        raise UserError(
            f"the data set is not the one that the run began with: expected N_max and scale "
            f"factor {theirs[0]}, {theirs[1]:.6g}, got {ours[0]}, {ours[1]:.6g}"
        )
    return config, dataset


def _from_original(
    folder: RunFolder,
    overrides: dict[str, object],
    data_dir: str | None,
    seed: int | None,
    precision: str | None,
) -> tuple[TrainState, RunConfig, Dataset]:
    """Goes on from a checkpoint of the original: our files come beside its own."""
    restored = original.load(folder.path, precision or PRECISIONS[0])
    changeable = {*CHANGEABLE, "data_set", *restored.unknown}
    hparams = _changed(restored.model.hparams, overrides, changeable)
    config, dataset = _new_config(hparams, data_dir, seed, precision)
    restored.model.hparams, restored.model.scale_factor = config.hparams, config.scale_factor
    state = TrainState.from_original(restored)
    return state, config, dataset


def _changed(
    hparams: HParams, overrides: dict[str, object], changeable: Collection[str] = CHANGEABLE
) -> HParams:
    """The run's hyperparameters with the overrides, if they may change; N_max is the data's."""
    changed = hparams.replace(**overrides).replace(max_seq_len=hparams.max_seq_len)
    for name, value in changed.to_dict().items():
        before = hparams.to_dict()[name]
        if value != before and name not in changeable:
            raise UserError(
                f"{name} is {before} in this run and cannot become {value} when it goes on; "
                f"what can change: {', '.join(sorted(changeable))}"
            )
    return changed
