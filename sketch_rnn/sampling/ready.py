"""Check that a model is ready to draw: it has a scale factor, and it was trained enough."""

import numpy as np

from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.errors import UserError, warn
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.model.network import SketchRNN

FEW_STEPS, FEW_STEPS_SINCE = (
    300,
    150,
)  # with fewer steps, a new model, or one that started from trained weights, may draw badly
FEW_TO_CHOOSE = 600  # training drawings; with fewer, the validation split is too small to choose by
EARLY = 0.75  # as a fraction of a run's steps
HIGH_KL = 0.6  # nats per latent dimension


def with_scale_factor(
    model: SketchRNN, scale_factor: float | None, data_dir: str | None
) -> SketchRNN:
    """Return the model with the given scale factor, or its own, or the data set's, in this order.

    Raises:
      UserError: the given scale factor is not above 0, or the data set cannot be read.
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
    """Check that the model has a scale factor, which inputs need.

    Raises:
      UserError: the model has no scale factor.
    """
    if model.scale_factor is None:
        raise UserError(
            "inputs need a scale factor, which this model does not have; give `scale_factor`, or "
            "`data_dir` to compute it"
        )


def warn_of_junk(run: RunFolder, checkpoint: str, of_random_z: bool) -> None:
    """Warn if a run's model cannot draw well yet, or cannot draw well from random z."""
    steps = run.steps_done(checkpoint) if run.holds_run() else None
    if steps is None:
        return
    about_steps = _about_steps(run, steps, run.steps_done("latest") or steps)
    if about_steps:
        warn(about_steps)
    kl = run.validated(steps - 1)[1] if of_random_z else None
    if kl is not None and kl > HIGH_KL:
        warn(
            f"this model draws poorly from random z: its KL is {kl:.2f} nats per dimension; try "
            "`mode=reconstruct`, or train with a larger kl_weight"
        )


def _about_steps(run: RunFolder, steps: int, latest: int) -> str:
    """Return advice if a checkpoint has few steps of training or may be best by chance; else ""."""
    config = run.read_config()
    begun = f" since it started from {config.init_from}" if config.init_from else ""
    few = FEW_STEPS_SINCE if config.init_from else FEW_STEPS
    is_chance = (config.training_size or FEW_TO_CHOOSE) < FEW_TO_CHOOSE and steps < EARLY * latest
    if latest > steps and (is_chance or (steps < few <= latest)):
        return (
            f"the best checkpoint drew this, after {steps} of {latest} steps; with few drawings to "
            "validate on, the latest often draws better: try `checkpoint=latest`"
        )
    if steps >= few:
        return ""
    more = "" if steps < config.hparams.num_steps else f" --hparams=num_steps={2 * few}"
    return (
        f"this model has trained for {steps} steps{begun}; drawings become recognizable after a "
        f"few hundred; to continue: sketch_rnn_train --log_root={run.path} --resume_training{more}"
    )


def first_half(sketch: np.ndarray) -> np.ndarray:
    """Cut off the second half of a drawing, and return the first half.

    The cut is at the end of the line that is nearest to the middle of the drawing's points.
    """
    ends = np.flatnonzero(sketch[:-1, 2]) + 1  # may be empty
    nearest = ends[np.abs(ends - len(sketch) / 2).argmin()] if len(ends) else len(sketch) // 2
    return sketch[: max(nearest, 1)]
