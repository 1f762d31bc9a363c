"""The original Sketch-RNN: its source at a fixed commit, and its modules.

`fetch` needs git and an internet connection; `tensorflow` and `load` need TensorFlow with tf_keras.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

REPOSITORY = "https://github.com/magenta/magenta"
COMMIT = "526d3eb1a39df21215d286079cb0b8fc179fd4b3"
FILES = ("magenta/contrib/training.py", *(
    f"magenta/models/sketch_rnn/{name}.py" for name in ("rnn", "model", "utils")
))  # fmt: skip


def fetch(folder: Path) -> Path:
    """Fetch the original's source from its public repository into a folder; make the folder."""
    folder.mkdir(exist_ok=True)
    for command in (
        ["init", "--quiet"],
        ["fetch", "--quiet", "--depth=1", "--filter=blob:none", REPOSITORY, COMMIT],
        ["checkout", "--quiet", COMMIT, "--", *FILES],
    ):
        try:
            subprocess.run(["git", "-C", str(folder), *command], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(
                f"could not fetch {REPOSITORY}: {error}; name a checkout by --source=FOLDER"
            ) from None
    return folder


def checked(source: Path) -> Path:
    """Return a checkout of the original's repository after checking that its files are there."""
    if missing := [path for path in FILES if not (source / path).is_file()]:
        raise SystemExit(f"{source}: expected a checkout of {REPOSITORY}, found no {missing[0]}")
    return source


def tensorflow() -> ModuleType:
    """Return TensorFlow 1's interface, with the cells of tf_keras."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow.compat.v1 as tf

    tf.get_logger().setLevel("ERROR")
    tf.disable_v2_behavior()
    return tf


def load(source: Path) -> SimpleNamespace:
    """Load the original's modules `model` and `utils`.

    The packages around them import much that is not needed here, so empty packages replace them.
    """
    tensorflow()
    for package in ("magenta", "magenta.contrib", "magenta.models", "magenta.models.sketch_rnn"):
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = []
    for path in FILES:
        name = path.removesuffix(".py").replace("/", ".")
        spec = importlib.util.spec_from_file_location(name, source / path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        setattr(sys.modules[parent], last, module)
        spec.loader.exec_module(module)
    package = sys.modules["magenta.models.sketch_rnn"]
    return SimpleNamespace(model=package.model, utils=package.utils)
