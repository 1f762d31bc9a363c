"""Sketch-RNN for TensorFlow 2: a neural network that learns to draw (arXiv:1704.03477).

The names in `__all__` are imported when they are first used, so that `import sketch_rnn` does not
wait for TensorFlow or Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sketch_rnn.api.run import Run, open_run
    from sketch_rnn.api.share import push
    from sketch_rnn.api.train import Callback, train
    from sketch_rnn.convert.build import build as build_dataset
    from sketch_rnn.data.dataset import Dataset, load_dataset
    from sketch_rnn.data.split import Split
    from sketch_rnn.drawing import draw
    from sketch_rnn.errors import UserError
    from sketch_rnn.formats import load_model, save_model
    from sketch_rnn.hparams import HParams
    from sketch_rnn.model.distribution import Distribution, Posterior
    from sketch_rnn.model.fitting import Costs
    from sketch_rnn.model.network import SketchRNN
    from sketch_rnn.model.packing import Batch
    from sketch_rnn.sampling.picture import Picture
    from sketch_rnn.sampling.sampler import Sampler
    from sketch_rnn.strokes import from_points, to_points
    from sketch_rnn.training.evaluate import Evaluation, evaluate
    from sketch_rnn.training.history import Validation
    from sketch_rnn.training.options import TrainOptions

__version__ = "0.2.0"
__all__ = [
    "Batch",
    "Callback",
    "Costs",
    "Dataset",
    "Distribution",
    "Evaluation",
    "HParams",
    "Picture",
    "Posterior",
    "Run",
    "Sampler",
    "SketchRNN",
    "Split",
    "TrainOptions",
    "UserError",
    "Validation",
    "build_dataset",
    "draw",
    "evaluate",
    "from_points",
    "load_dataset",
    "load_model",
    "open_run",
    "push",
    "save_model",
    "to_points",
    "train",
]

_HOMES = {
    "Batch": "model.packing",
    "Callback": "api.train",
    "Costs": "model.fitting",
    "Dataset": "data.dataset",
    "Distribution": "model.distribution",
    "Evaluation": "training.evaluate",
    "HParams": "hparams",
    "Picture": "sampling.picture",
    "Posterior": "model.distribution",
    "Run": "api.run",
    "Sampler": "sampling.sampler",
    "SketchRNN": "model.network",
    "Split": "data.split",
    "TrainOptions": "training.options",
    "UserError": "errors",
    "Validation": "training.history",
    "build_dataset": "convert.build",
    "draw": "drawing",
    "evaluate": "training.evaluate",
    "from_points": "strokes",
    "load_dataset": "data.dataset",
    "load_model": "formats",
    "open_run": "api.run",
    "push": "api.share",
    "save_model": "formats",
    "to_points": "strokes",
    "train": "api.train",
}
_WITH_TENSORFLOW = (
    "Batch",
    "Callback",
    "Costs",
    "Distribution",
    "Evaluation",
    "Posterior",
    "Run",
    "Sampler",
    "SketchRNN",
    "evaluate",
    "load_model",
    "open_run",
    "push",
    "save_model",
    "train",
)
_NAMES = {"build_dataset": "build"}  # names that differ in the module that defines them


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _WITH_TENSORFLOW:
        from sketch_rnn.setup import setup

        setup()
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), _NAMES.get(name, name))


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
