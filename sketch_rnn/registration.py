"""Makes Keras find the model's classes in a `.keras` file, without importing Keras for that."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

_HOMES = {"SketchRNN": "model.network", "StartedSketchRNN": "formats.browser"}


def register() -> None:
    """Registers the classes: now, or as soon as Keras is imported."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _BesideKeras)


def _register() -> None:
    objects = sys.modules["keras"].saving.get_custom_objects()
    for name, home in _HOMES.items():
        objects.setdefault(f"sketch_rnn>{name}", _Later(name, home))


class _Later:
    """Stands for a class until the module that registers it is imported."""

    def __init__(self, name: str, home: str):
        self.name, self.home = name, home

    def from_config(self, config: dict) -> Any:
        """An instance of the class."""
        return getattr(import_module(f"sketch_rnn.{self.home}"), self.name).from_config(config)


class _BesideKeras:
    """A finder that lets `_register` follow the import of `keras`."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        spec = PathFinder.find_spec(name, path, target) if name == "keras" else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_register(module):
            load(module)
            _register()

        spec.loader.exec_module = load_and_register
        return spec
