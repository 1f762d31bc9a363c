"""Find the full size of a model: the longer side of a typical drawing, in the model's data units.

Runs record it, and so do files written from runs. For other models it is measured, either on the
model's data set, if that is known, or on drawings by the model; the latter result is cached.
"""

import hashlib
import math
import os
from contextlib import suppress
from pathlib import Path

from sketch_rnn import files
from sketch_rnn.data import catalog
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.data.download import recorded_data_dir
from sketch_rnn.errors import UserError, inform
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.model import sampling
from sketch_rnn.model.network import SketchRNN

LARGEST = 1e9  # data units


def find_full_size(
    model: SketchRNN,
    path: str | Path | None,
    full_size: float | None = None,
    data_dir: str | Path | None = None,
) -> float:
    """Set and return a model's full size, which is the longer side of a typical drawing by it.

    If the full size is not known, measure it, and log that.

    Args:
      model: the model.
      path: the path from which the model was loaded.
      full_size: the user's value, which takes precedence.
      data_dir: the folder of the model's data set; None means the folder that the run's
        configuration names.

    Raises:
      UserError: the user's value is out of range.
    """
    if full_size is not None:
        if not 0 < full_size <= LARGEST:
            raise UserError(f"`full_size`: expected a number above 0, got {full_size:g}")
        model.full_size = full_size
    if model.full_size is None:
        model.full_size = _measure_data_set(model, path, data_dir)
    if model.full_size is None:
        model.full_size = _measure_own_drawings(model, catalog.model_path(path))
    return model.full_size


def _measure_data_set(
    model: SketchRNN, path: str | Path | None, data_dir: str | Path | None
) -> float | None:
    """Measure the size of the data set's drawings, unless that takes a download not asked for."""
    names = model.hparams.data_set
    with suppress(UserError):
        folder = RunFolder(path or "")
        if data_dir is None and path is not None and folder.holds_run():
            data_dir = recorded_data_dir(folder.read_config().data_dir, names)
        if data_dir is not None:
            return load_dataset(names, data_dir).full_size
    return None


def _measure_own_drawings(model: SketchRNN, path: Path) -> float:
    """Return the size of drawings that the model makes, measured once and then cached."""
    scale_factor = model.scale_factor or 1.0
    kept = files.cache_dir() / "full_sizes" / _key(path) if path.is_file() else None
    known = _read_cached(kept)
    if known is None:
        found = sampling.typical_size(model)
        known = found / scale_factor
        inform(
            f"{path} does not say how large its drawings are; inputs are scaled to a longer side "
            f"of {found:.4g}, the median of {sampling.DRAWN} drawings by this model; `full_size=N` "
            "sets a different size"
        )
        _write_cached(kept, known)
    return known * scale_factor


def _key(path: Path) -> str:
    """Return a cache key for a file, from its path, size and modification time."""
    status = path.stat()
    told = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    return f"{path.stem}-{hashlib.sha256(told.encode()).hexdigest()[:24]}.txt"


def _read_cached(kept: Path | None) -> float | None:
    """Return a model's cached full size, in model units; None if the file has no valid number."""
    if kept is None:
        return None
    try:
        with kept.open() as file:
            value = float(file.read(100))
    except (OSError, ValueError):
        return None
    return value if math.isfinite(value) and 0 < value <= LARGEST else None


def _write_cached(kept: Path | None, value: float) -> None:
    """Cache the size of a model's drawings, in model units, if the cache can be written."""
    if kept is None:
        return
    with suppress(OSError):
        os.makedirs(kept.parent, exist_ok=True)
        files.write_text(kept, f"{value!r}\n")
