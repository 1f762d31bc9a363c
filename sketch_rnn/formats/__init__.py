"""What other programs and runs read and write: one module a format."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from sketch_rnn.errors import UserError
from sketch_rnn.formats import browser, original
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.model.network import SketchRNN

KINDS = ("best", "latest")


def load_model(path: str | Path, checkpoint: str = "best") -> SketchRNN:
    """Reads a model: a run's folder, one of the original trainer's, or a `.gen.json` file.

    Args:
      path: the folder or file.
      checkpoint: of a run, "best" (the latest where none is best yet) or "latest".

    Raises:
      UserError: there is no model, or it is damaged.
    """
    path = Path(path)
    model = browser.load(path) if path.name.endswith(browser.SUFFIX) else _load(path, checkpoint)
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise UserError(f"{path}: its weights are not all finite; take an earlier checkpoint")
    return model


def _load(path: Path, checkpoint: str) -> SketchRNN:
    """Reads the model of a folder."""
    if not path.is_dir():
        raise UserError(f"expected the folder of a model, found no folder {path}")
    folder = RunFolder(path)
    if not folder.holds_run():
        if original.find(path) is None:
            raise UserError(f"expected the folder of a model, found no checkpoint in {path}")
        return original.load(path).model
    config = folder.read_config()
    folder.check_sizes(config)
    model = SketchRNN(config.hparams, config.scale_factor, config.seed)
    kinds = KINDS[KINDS.index(checkpoint) :]
    if not folder.restore(tf.train.Checkpoint(model=model), *kinds):
        raise UserError(f"no checkpoint in {folder.checkpoints}; has the run saved one yet?")
    return model
