"""Read `.keras` files, which `SketchRNN.save` writes: a zip of a configuration and weights.

`load` builds the model itself and lets Keras read only the weights, so that an untrusted
configuration cannot create anything but a `SketchRNN`.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from sketch_rnn import untrusted_json
from sketch_rnn.errors import UserError, first_line
from sketch_rnn.hparams import PRECISIONS, HParams
from sketch_rnn.model.network import SketchRNN

# Older files use the second name for models with a fixed initial state.
_NAMES = ("sketch_rnn>SketchRNN", "sketch_rnn>StartedSketchRNN")
keras.saving.get_custom_objects()[_NAMES[1]] = SketchRNN
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_LARGEST_RATIO = 4  # unpacked size over the size of the file; Keras does not compress


def load(path: str | Path) -> SketchRNN:
    """Read a model, checking sizes before taking memory.

    Raises:
      UserError: the file is missing or damaged, or holds another kind of model.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    try:
        model = _model(path)
        model.load_weights(path)
        return model
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # zipfile, h5py and Keras raise many kinds of errors
        raise UserError(
            f"{path}: expected a .keras file written by this program: {first_line(error)}"
        ) from None


def _model(path: Path) -> SketchRNN:
    """Build the model from the file's configuration, without its weights."""
    with zipfile.ZipFile(path) as file:
        unpacked = sum(entry.file_size for entry in file.infolist())
        if unpacked > _LARGEST_RATIO * path.stat().st_size:
            raise UserError(
                f"it unpacks to {unpacked:,} bytes, too many for a .keras file of its size"
            )
        if file.getinfo(_CONFIG).file_size > untrusted_json.LARGEST:
            raise UserError(f"its {_CONFIG} is larger than 1 MB")
        content = untrusted_json.parse(file.read(_CONFIG))
        kind, config = content.get("registered_name"), content["config"]
        if kind not in _NAMES:
            raise UserError(f"expected a SketchRNN, got {content.get('class_name')!r:.60}")
        _check_weights(file, HParams.from_dict(config["hparams"]))
    return SketchRNN.from_config(_own_entries(config))


def _check_weights(file: zipfile.ZipFile, hparams: HParams) -> None:
    """Raise UserError if weights are compressed, are in other files, or do not fit `hparams`."""
    stored = file.getinfo(_WEIGHTS).file_size
    with file.open(_WEIGHTS) as weights, h5py.File(weights, "r") as root:
        held = sum(dataset.nbytes for dataset in _datasets(root))
    if held > stored:
        raise UserError(f"its weights would take {held:,} bytes, but the file holds {stored:,}")
    if hparams.least_bytes() > held:
        raise UserError(
            f"its {_CONFIG} does not match its weights: expected a model of at most {held:,} "
            f"bytes, got one of {hparams.least_bytes():,}"
        )


def _datasets(group: h5py.Group) -> Iterator[h5py.Dataset]:
    for name in group:
        item = group[name] if type(group.get(name, getlink=True)) is h5py.HardLink else None
        if isinstance(item, h5py.Group):
            yield from _datasets(item)
        elif isinstance(item, h5py.Dataset) and not item.external and not item.is_virtual:
            yield item
        else:
            raise UserError(f"its weights are in another file: {name!r:.60}")


def _own_entries(config: dict[str, Any]) -> dict[str, Any]:
    """Check a configuration, and return only the entries that `SketchRNN.from_config` takes."""
    names = (
        "hparams",
        "scale_factor",
        "seed",
        "precision",
        "first_state",
        "squashes_z",
        "full_size",
        "license",
        "trained",
    )
    own = {name: config[name] for name in names if name in config}
    scale_factor = own.get("scale_factor")
    if scale_factor is not None and not 1e-30 < float(scale_factor) < 1e30:
        raise UserError(f"expected a positive scale_factor, got {scale_factor!r:.60}")
    full_size = own.get("full_size")
    if full_size is not None and not 0 < float(full_size) < 1e30:
        raise UserError(f"expected a positive full_size, got {full_size!r:.60}")
    if own.get("precision", PRECISIONS[0]) not in PRECISIONS:
        raise UserError(
            f'expected "precision" to be {" or ".join(PRECISIONS)}, got {own["precision"]!r:.60}'
        )
    if not isinstance(own.get("squashes_z", False), bool):
        value = own["squashes_z"]
        raise UserError(f'expected "squashes_z" to be true or false, got {value!r:.60}')
    if not isinstance(own.get("seed"), int | None):
        raise UserError(f'expected "seed" to be a whole number, got {own["seed"]!r:.60}')
    if not isinstance(own.get("license", ""), str):
        raise UserError(f'expected "license" to be text, got {own["license"]!r:.60}')
    _check_trained(own.get("trained", {}))
    return own


def _check_trained(trained: Any) -> None:
    """Raise UserError unless this is a dict of numbers about the training."""
    kinds = {"steps": int, "sketches": int, "reconstruction": float, "kl": float}
    if not isinstance(trained, dict) or not all(
        type(value) is kinds.get(name) for name, value in trained.items()
    ):
        raise UserError(
            f'expected "trained" to be a dict of numbers ({", ".join(kinds)}), got {trained!r:.60}'
        )
