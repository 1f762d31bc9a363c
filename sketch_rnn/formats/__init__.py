"""Files and folders that hold a model: one module a format, and the table that finds it.

Importing this registers the model's classes with Keras, for `keras.saving.load_model`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from sketch_rnn.choices import (
    BROWSER_SUFFIX,
    CHECKPOINTS,
    CONDITIONAL_BROWSER_SUFFIX,
    KERAS_SUFFIX,
    MODULE_SUFFIXES,
    PAGE_SUFFIX,
)
from sketch_rnn.data import catalog
from sketch_rnn.errors import UserError, check_choice, warn
from sketch_rnn.formats import browser, keras_file, original, page, run_folder, saved_model
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.setup import setup


@dataclass(frozen=True)
class Format:
    """A form in which a model is kept.

    Attributes:
      name: what a person calls it.
      suffix: of its files; "" for a folder.
      holds: whether a folder is one; not asked of files.
      load: gives the model of a path; a run has several checkpoints, "best" and "latest".
      save: writes a model to a path; None is never.
      options: what `save` takes beside model and path. With `z` a conditional model is written at
        one z, and read as an unconditional one.
    """

    name: str
    suffix: str
    holds: Callable[[Path], bool]
    load: Callable[[Path, str], SketchRNN]
    save: Callable[..., None] | None = None
    options: tuple[str, ...] = ()


_TRAIN = "train one here by sketch_rnn_train, or take one by its name (sketch_rnn_dataset download)"
_STRANGERS = {  # by suffixes: what is given for a model and cannot be read
    (".pth", ".pt", ".safetensors"): (
        "holds weights of PyTorch without the model that they are of, which cannot be read; "
        + _TRAIN
    ),
    (".ckpt",): (
        "is a checkpoint of PyTorch Lightning or of TensorFlow, which cannot be read alone; of a "
        "run of the original trainer name the folder, which holds vector-N.index; else " + _TRAIN
    ),
    (".index", ".meta", ".data-00000-of-00001"): (
        "is a part of a checkpoint of TensorFlow; name the folder that it lies in"
    ),
    (".h5", ".hdf5"): (
        "holds weights of Keras in HDF5 without a configuration of this program's; of a model of "
        "this program's save a .keras file (model.save), which holds both; else " + _TRAIN
    ),
    (".onnx", ".tflite", ".pb"): (
        "is a graph for inference alone, which cannot be read; take the model that it was made from"
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
        save=keras_file.save,
    ),
    Format(
        "a page to draw on",
        PAGE_SUFFIX,
        holds=_never,
        load=page.refuse,
        save=page.save_page,
        options=("title", "examples", "weights"),
    ),
    *(
        Format(
            "an ES module",
            suffix,
            holds=_never,
            load=page.refuse,
            save=page.save_module,
            options=("weights",),
        )
        for suffix in MODULE_SUFFIXES
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
    """Reads a model: a run's folder, one of the original trainer's, a `.keras` or browser file.

    Args:
      path: the folder, the `.keras`, `.gen.json` or `.vae.json` file, or a name such as
        `quickdraw/cat.vae`, of which `sketch_rnn_dataset download` has the list; None is
        `doodles`, the model in the package.
      checkpoint: of a run, "best" (the latest where none is best yet) or "latest".

    Raises:
      UserError: there is no model, or it is damaged.
    """
    setup()
    check_choice("checkpoint", checkpoint, CHECKPOINTS)
    place = catalog.model_path(path)
    try:
        model = _format_of(place).load(place, checkpoint)
    except UserError as error:
        again = catalog.fetched_anew(path)
        if again is None:
            raise
        warn(f"{error}; it was fetched again")
        model = _format_of(again).load(again, checkpoint)
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise UserError(f"{place}: its weights are not all finite; take an earlier checkpoint")
    return model


def save_model(model: SketchRNN, path: str | Path, **options: Any) -> None:
    """Writes a model as the path's suffix says: `.keras`, `.gen.json` ...; without, a SavedModel.

    Args:
      model: to write.
      path: of the new file or folder; only a file is written over.
      **options: what the form takes: `z` `[Z]`, at which a conditional model becomes a `.gen.json`,
        which holds none; `title`, `examples` and `weights` of a page, `weights` of an ES module
        (see `page`); `overwrite` of a SavedModel. None is as if it were left out.

    Raises:
      UserError: no form has this suffix, or it takes no such option or cannot hold the model.
      OSError: the file or folder cannot be written.
    """
    path, form = Path(path), format_to_save(path)
    given = {name: value for name, value in options.items() if value is not None}
    if "z" in given and "z" not in form.options:
        raise UserError(f"{form.name} holds the model at every z; leave z out")
    for name in given:
        if name not in form.options:
            raise UserError(f"{form.name} takes no {name}; leave it out")
    cast(Callable[..., None], form.save)(model, path, **given)  # a form to save has it


def format_to_save(path: str | Path) -> Format:
    """The form that a path's suffix asks for.

    Raises:
      UserError: none has it.
    """
    name = Path(path).name
    for form in FORMATS:
        if form.save and form.suffix and name.endswith(form.suffix):
            return form
        if form.save and not form.suffix and not Path(name).suffix:
            return form
    names = ", ".join(f"X{form.suffix}" for form in FORMATS if form.suffix)
    raise UserError(f"expected {names}, or a folder without a dot, got {name}")


def _format_of(path: Path) -> Format:
    """The form of what is there."""
    for form in FORMATS:
        if (form.suffix and path.name.endswith(form.suffix)) or form.holds(path):
            return form
    if path.is_dir():
        raise UserError(f"expected the folder of a model, found no checkpoint in {path}")
    if path.exists():
        raise UserError(f"{path} {_what_it_is(path)}")
    raise UserError(f"expected the folder of a model, found no folder {path}")


def _what_it_is(path: Path) -> str:
    """What a file is that no form here has, and what can be done with it."""
    for suffixes, text in _STRANGERS.items():
        if path.name.lower().endswith(suffixes):
            return text
    names = ", ".join(f"X{form.suffix}" for form in FORMATS if form.suffix)
    return f"is no model: expected the folder of a run, or {names}"
