"""Whether a model is ready to draw: it knows its scale factor, and has trained enough."""

import numpy as np

from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.errors import UserError, warn
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.model.network import SketchRNN

FEW_STEPS, FEW_STEPS_SINCE = 300, 150  # from nothing, and since a trained model
FEW_TO_CHOOSE = 600  # training drawings; with fewer, those that validate hardly say what is best
EARLY = 0.75  # of a run
HIGH_KL = 0.6  # nats a dimension


def with_scale_factor(
    model: SketchRNN, scale_factor: float | None, data_dir: str | None
) -> SketchRNN:
    """The model with the scale factor, or where it has none with that of its data set.

    Raises:
      UserError: the scale factor is none, or the data set cannot be read.
    """
    if scale_factor is not None:
        if not 0 < scale_factor < 1e30:
            raise UserError(f"`scale_factor`: expected a number above 0, got {scale_factor}")
        return model.with_scale_factor(scale_factor)
    if model.scale_factor is None and data_dir:
        data = load_dataset(model.hparams.data_set, data_dir)
        return model.with_scale_factor(data.scale_factor)
    return model


def check_scale_factor(model: SketchRNN) -> None:
    """Refuses a model without scale factor, which inputs need.

    Raises:
      UserError: saying how it gets one.
    """
    if model.scale_factor is None:
        raise UserError(
            "this model does not know its scale factor, which inputs need: give `scale_factor`, "
            "or `data_dir` to compute it"
        )


def warn_of_junk(run: RunFolder, checkpoint: str, of_random_z: bool) -> None:
    """Warns where a run's model cannot draw well yet, or not from random z."""
    steps = run.steps_done(checkpoint) if run.holds_run() else None
    if steps is None:
        return
    about_steps = _about_steps(run, steps, run.steps_done("latest") or steps)
    if about_steps:
        warn(about_steps)
    kl = run.validated(steps - 1)[1] if of_random_z else None
    if kl is not None and kl > HIGH_KL:
        warn(
            f"random z mean little to this model: KL {kl:.2f} a dimension; try "
            "`mode=reconstruct`, or train with a larger kl_weight"
        )


def _about_steps(run: RunFolder, steps: int, latest: int) -> str:
    """What to do where a checkpoint is of few steps, or chance chose it among few drawings."""
    config = run.read_config()
    begun = f" since it began with {config.init_from}" if config.init_from else ""
    few = FEW_STEPS_SINCE if config.init_from else FEW_STEPS
    is_chance = (config.training_size or FEW_TO_CHOOSE) < FEW_TO_CHOOSE and steps < EARLY * latest
    if latest > steps and (is_chance or (steps < few <= latest)):
        return (
            f"drawn by the best checkpoint, after {steps} of {latest} steps; `checkpoint=latest` "
            "draws with all of them, which looks better where few drawings say what is best"
        )
    if steps >= few:
        return ""
    more = "" if steps < config.hparams.num_steps else f" --hparams=num_steps={2 * few}"
    return (
        f"this model has trained for {steps} steps{begun}; drawings can be recognized after some "
        f"hundreds; to go on: sketch_rnn_train --log_root={run.path} --resume_training{more}"
    )


def first_half(sketch: np.ndarray) -> np.ndarray:
    """What to complete of a whole drawing: about half its points, up to the end of a line."""
    ends = np.flatnonzero(sketch[:-1, 2]) + 1  # there may be none
    nearest = ends[np.abs(ends - len(sketch) / 2).argmin()] if len(ends) else len(sketch) // 2
    return sketch[: max(nearest, 1)]
