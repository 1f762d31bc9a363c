"""Sketch-RNN for TensorFlow 2: a neural network that learns to draw (arXiv:1704.03477).

What stands in `__all__` is imported when it is first used, so that `import sketch_rnn` waits for
neither TensorFlow nor Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sketch_rnn.convert.build import build as build_dataset
    from sketch_rnn.data.dataset import load_dataset
    from sketch_rnn.drawing import draw
    from sketch_rnn.formats import load_model
    from sketch_rnn.hparams import HParams
    from sketch_rnn.training.evaluate import evaluate
    from sketch_rnn.training.options import TrainOptions
    from sketch_rnn.training.run import train

__version__ = "0.1.0"
__all__ = [
    "HParams",
    "TrainOptions",
    "build_dataset",
    "draw",
    "evaluate",
    "load_dataset",
    "load_model",
    "train",
]

_HOMES = {
    "HParams": "hparams",
    "TrainOptions": "training.options",
    "build_dataset": "convert.build",
    "draw": "drawing",
    "evaluate": "training.evaluate",
    "load_dataset": "data.dataset",
    "load_model": "formats",
    "train": "training.run",
}
_WITH_TENSORFLOW = ("evaluate", "load_model", "train")
_NAMES = {"build_dataset": "build"}  # at home, where it is another


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _WITH_TENSORFLOW:
        from sketch_rnn.setup import setup

        setup()
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), _NAMES.get(name, name))


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
