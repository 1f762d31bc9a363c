"""Settings for a run on few drawings, chosen by the number of drawings.

`configs/few.json` has the settings that do not depend on that number; docs/own_drawings.md has the
measurements behind them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sketch_rnn import system
from sketch_rnn.data.catalog import PACKAGED_MODEL
from sketch_rnn.data.dataset import Dataset, load_dataset
from sketch_rnn.data.download import locate
from sketch_rnn.errors import LOGGER, UserError, warn
from sketch_rnn.hparams import ARCHITECTURE, HParams
from sketch_rnn.hparams_text import load_config
from sketch_rnn.training.options import TrainOptions

CONFIG = "few"
MOST = 5000  # training drawings; with more, a model learns well from random weights
ENOUGH_HELD_OUT = 30  # validation drawings to aim for, limited by the share below
SHARE_HELD_OUT = 0.2  # the largest share of training and validation drawings to hold out
LONGEST = 250  # points; the packaged model was trained on no longer drawings
VALIDATIONS = 16  # the number of validations in a run
SIMPLE = 70  # points; fewer than the next number of drawings are too few to learn longer ones
ENOUGH_TO_LEARN_LONG = 400  # training drawings


def choose_settings(options: TrainOptions) -> TrainOptions:
    """Choose options for few drawings, unless they are given; log the choices in three lines.

    Raises:
      UserError: there are no drawings, or more than `MOST`.
    """
    base = load_config(CONFIG)
    names = HParams(**base | dict(options.overrides)).data_set
    data_dir, names_there = locate(options.data_dir or None, names)
    dataset = load_dataset(names_there, data_dir)
    count = len(dataset.train)
    if count > MOST:
        raise UserError(
            f"`config={CONFIG}` is for up to {MOST:,} training drawings, got {count:,}; leave it "
            "out, or choose another configuration"
        )
    init_from = options.init_from or _packaged_start(options, base, dataset)
    overrides = base | _settings_by_count(count - held_out(dataset)) | dict(options.overrides)
    if init_from is not None:
        given = options.overrides
        overrides = {k: v for k, v in overrides.items() if k in given or k not in ARCHITECTURE}
    filled = replace(options, overrides=overrides, init_from=init_from)
    for line in _lines(filled, dataset, HParams(**overrides)):
        LOGGER.info(line)
    if advice := _advice_to_simplify(dataset, data_dir, names_there):
        warn(advice)
    return filled


def _advice_to_simplify(dataset: Dataset, data_dir: str | Path, names: Sequence[str]) -> str:
    """Return advice to simplify few, long drawings, with a command; "" for other drawings."""
    median = int(np.median(dataset.train.lengths()))
    if len(dataset.train) >= ENOUGH_TO_LEARN_LONG or median <= 1.25 * SIMPLE:
        return ""
    paths = [f"{data_dir}/{name}".removeprefix("./") for name in names]
    files = " ".join(map(system.quoted, paths))
    return (
        f"half of the drawings have {median} points or more, which is too many to learn from few "
        f"drawings; simplify them with sketch_rnn_dataset build --max_points={SIMPLE} "
        f"--output=simple.npz {files} and train on simple.npz"
    )


def held_out(dataset: Dataset) -> int:
    """Return how many training drawings to move to the validation split.

    With more validation drawings, chance has less influence on which checkpoint is the best.
    """
    total = len(dataset.train) + len(dataset.valid)
    wanted = min(ENOUGH_HELD_OUT, round(SHARE_HELD_OUT * total))
    return min(max(0, wanted - len(dataset.valid)), len(dataset.train) - 1)


def _packaged_start(options: TrainOptions, base: dict, dataset: Dataset) -> str | None:
    """Return the packaged model's name if a run with these options can start from it, else None."""
    asked = {name: value for name, value in options.overrides.items() if name in ARCHITECTURE}
    is_other = any(base.get(name, getattr(HParams, name)) != asked[name] for name in asked)
    return None if is_other or dataset.max_seq_len > LONGEST else PACKAGED_MODEL


def _settings_by_count(count: int) -> dict[str, int | float]:
    """Return batch size, steps, validation interval and dropout for a number of drawings."""
    steps = 400 if count < 40 else 800 if count < 120 else 1200 if count < 400 else 2000
    return {
        "batch_size": 25 if count < 120 else 50,
        "num_steps": steps,
        "save_every": steps // VALIDATIONS,
        "recurrent_dropout_prob": 0.8 if count < 40 else 0.9,
    }


def _lines(options: TrainOptions, dataset: Dataset, hparams: HParams) -> list[str]:
    """Return three lines that say what was chosen and why."""
    held = held_out(dataset)
    count, validating = len(dataset.train) - held, len(dataset.valid) + held
    moved = f", {held} of them from the training split" if held else ""
    begins = "begins with random weights, as the model in the package does not fit these settings"
    if options.init_from:
        begins = f"begins with the weights of the model {options.init_from}"
    return [
        f"few drawings: {count} to train on, {validating} to validate on{moved}; {begins}",
        f"batch_size={hparams.batch_size}, learning_rate={hparams.learning_rate:g}, "
        f"recurrent_dropout_prob={hparams.recurrent_dropout_prob:g}, "
        f"kl_weight={hparams.kl_weight:g}, kl_tolerance={hparams.kl_tolerance:g}",
        f"{hparams.num_steps} steps, a validation every {hparams.save_every}; then draw with "
        "--checkpoint=latest, as drawings improve for longer than the validation cost does",
    ]
