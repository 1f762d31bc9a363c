"""Sketch-RNN for TensorFlow 2: a neural network that learns to draw (arXiv:1704.03477).

`HParams`, `load_dataset`, `load_model` and `draw` are imported when they are first used, so that
`import sketch_rnn` does not wait for TensorFlow. From then on Keras knows the model's classes.
"""

from importlib import import_module
from typing import Any

from sketch_rnn import registration as _registration

__version__ = "0.1.0"

_HOMES = {
    "HParams": "hparams",
    "draw": "drawing",
    "load_dataset": "data.dataset",
    "load_model": "formats",
}
__all__ = list(_HOMES)

_registration.register()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
