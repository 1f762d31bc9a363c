"""Read and write models as files and folders, with one module per format and a table of formats.

Importing this package registers the model's classes with Keras, for `keras.saving.load_model`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from sketch_rnn.choices import (
    BROWSER_SUFFIX,
    CHECKPOINTS,
    CLASSIC_SUFFIX,
    CONDITIONAL_BROWSER_SUFFIX,
    KERAS_SUFFIX,
    MODULE_SUFFIXES,
    PACKAGE_SUFFIX,
    PAGE_SUFFIX,
)
from sketch_rnn.data import catalog
from sketch_rnn.errors import UserError, check_choice, warn
from sketch_rnn.formats import (
    browser,
    keras_file,
    module,
    original,
    page,
    run_folder,
    saved_model,
)
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.recurrent.base import without_initialization
from sketch_rnn.setup import setup


@dataclass(frozen=True)
class Format:
    """A format of models.

    Attributes:
      name: the format's name in messages.
      suffix: the suffix of its files; "" for a folder.
      holds: returns whether a folder has this format; not called for files.
      load: reads a model from a path; the second argument is the checkpoint in a run, "best" or
        "latest".
      save: writes a model to a path; None if this program does not write the format.
      options: the names of further arguments to `save`. With `z`, a conditional model is written
        with one fixed z, and is read back as an unconditional model.
    """

    name: str
    suffix: str
    holds: Callable[[Path], bool]
    load: Callable[[Path, str], SketchRNN]
    save: Callable[..., None] | None = None
    options: tuple[str, ...] = ()


_TRAIN = (
    "train a model with sketch_rnn_train, or choose a public model (sketch_rnn_dataset download "
    "lists them)"
)
_STRANGERS = {  # files from other programs, by suffix: why they cannot be read
    (".pth", ".pt", ".safetensors"): (
        "holds only weights from PyTorch, and this program cannot read them; " + _TRAIN
    ),
    (".ckpt",): (
        "is a checkpoint of PyTorch Lightning or TensorFlow, which cannot be read on its own; for "
        "a run of the original trainer, use its folder, which holds vector-N.index; otherwise "
        + _TRAIN
    ),
    (".index", ".meta", ".data-00000-of-00001"): (
        "is part of a TensorFlow checkpoint; use the folder that it is in"
    ),
    (".h5", ".hdf5"): (
        "holds Keras weights in HDF5 but no configuration from this program; save both with "
        "model.save, to a .keras file, or " + _TRAIN
    ),
    (".onnx", ".tflite", ".pb"): (
        "is a graph for inference, which cannot be read; use the model that it was made from"
    ),
}


def _never(_: Path) -> bool:
    return False


FORMATS = (
    Format(
        "a browser model",
        BROWSER_SUFFIX,
        holds=_never,
        load=lambda path, _: browser.load(path),
        save=browser.save,
        options=("z",),
    ),
    Format(
        "a conditional browser model",
        CONDITIONAL_BROWSER_SUFFIX,
        holds=_never,
        load=lambda path, _: browser.load(path),
        save=browser.save_conditional,
    ),
    Format(
        "a Keras file",
        KERAS_SUFFIX,
        holds=_never,
        load=lambda path, _: keras_file.load(path),
        save=SketchRNN.save,
    ),
    Format(
        "a page to draw on",
        PAGE_SUFFIX,
        holds=_never,
        load=page.refuse,
        save=page.save_page,
        options=("title", "examples", "weights", "subtitle", "color", "background"),
    ),
    *(
        Format(name, suffix, holds=_never, load=page.refuse, save=save, options=("weights",))
        for name, suffix, save in (
            ("a classic script", CLASSIC_SUFFIX, module.save_classic),
            ("a package for npm", PACKAGE_SUFFIX, module.save_package),
            *(("an ES module", suffix, module.save_module) for suffix in MODULE_SUFFIXES),
        )
    ),
    Format("a run's folder", "", holds=run_folder.holds, load=run_folder.load),
    Format(
        "a folder of the original trainer",
        "",
        holds=lambda path: original.find(path) is not None,
        load=lambda path, _: original.load(path).model,
    ),
    Format(
        "a SavedModel",
        "",
        saved_model.holds,
        saved_model.refuse,
        saved_model.save,
        options=("overwrite",),
    ),
)


def load_model(path: str | Path | None = None, checkpoint: str = "best") -> SketchRNN:
    """Read a model from the folder of a run, from a file, or by name.

    Args:
      path: the folder of a run by this program or by the original trainer; a `.keras`, `.gen.json`
        or `.vae.json` file; a name such as `quickdraw/cat.vae` (`sketch_rnn_dataset download` lists
        the names); or `hf://user/name` on the Hugging Face Hub. None means `doodles`, the model in
        the package.
      checkpoint: the checkpoint to read from a run, "best" or "latest". Before the first
        validation, "best" means the latest.

    Returns:
      The model, not compiled. To load the optimizer in a `.keras` file as well, use
      `keras.saving.load_model`.

    Raises:
      UserError: the model does not exist or is damaged.
    """
    setup()
    check_choice("checkpoint", checkpoint, CHECKPOINTS)
    place = catalog.model_path(path)
    try:
        model = _loaded(place, checkpoint)
    except UserError as error:
        again = catalog.fetched_anew(path)
        if again is None:
            raise
        warn(f"{error}; it was fetched again")
        model = _loaded(again, checkpoint)
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise UserError(f"{place}: its weights are not all finite; use an earlier checkpoint")
    return model


def _loaded(place: Path, checkpoint: str) -> SketchRNN:
    with without_initialization():
        return _format_of(place).load(place, checkpoint)


def save_model(model: SketchRNN, path: str | Path, **options: Any) -> None:
    """Write a model in the format of the path's suffix; without a suffix, as a SavedModel.

    Args:
      model: the model.
      path: the file or folder to write. An existing file is replaced, but not a folder.
      **options: options of the format. A `.gen.json` takes `z` `[Z]`, for which a conditional model
        is written. A page takes `title`, `subtitle`, `color`, `background`, `examples` and
        `weights`. An ES module, a classic script or a package takes `weights`. A SavedModel takes
        `overwrite`. An option that is None is ignored.

    Raises:
      UserError: no format has this suffix, or the format lacks an option or cannot hold the model.
      OSError: the file or folder cannot be written.
    """
    path, form = Path(path), format_to_save(path)
    given = {name: value for name, value in options.items() if value is not None}
    if "z" in given and "z" not in form.options:
        raise UserError(f"{form.name} works for any z; leave z out")
    for name in given:
        if name not in form.options:
            raise UserError(f"{form.name} takes no {name}; leave it out")
    cast(Callable[..., None], form.save)(
        model, path, **given
    )  # `format_to_save` returns only formats with `save`


def format_to_save(path: str | Path) -> Format:
    """Return the format in which to write to a path, given its suffix.

    Raises:
      UserError: no format has this suffix.
    """
    name = Path(path).name
    for form in FORMATS:
        if form.save and form.suffix and name.endswith(form.suffix):
            return form
        if form.save and not form.suffix and not Path(name).suffix:
            return form
    names = ", ".join(f"X{form.suffix}" for form in FORMATS if form.suffix)
    raise UserError(f"expected {names}, or a folder whose name has no dot, got {name}")


def _format_of(path: Path) -> Format:
    """Return the format of a file or folder."""
    for form in FORMATS:
        if (form.suffix and path.name.endswith(form.suffix)) or form.holds(path):
            return form
    if path.is_dir():
        raise UserError(f"expected the folder of a model; there is no checkpoint in {path}")
    if path.exists():
        raise UserError(f"{path} {_why_unreadable(path)}")
    raise UserError(f"expected the folder of a model; there is no folder {path}")


def _why_unreadable(path: Path) -> str:
    """Say why a file cannot be read as a model, and what to do instead."""
    for suffixes, text in _STRANGERS.items():
        if path.name.lower().endswith(suffixes):
            return text
    names = ", ".join(f"X{form.suffix}" for form in FORMATS if form.suffix)
    return f"is not a model: expected the folder of a run, or {names}"
