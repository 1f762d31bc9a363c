"""The full size of a model: the longer side of a typical drawing, in its data units.

Runs and what is written of them record it. For other models it is found out, of their data set
where that is known, else of drawings of their own; what those say is kept in the cache.
"""

import hashlib
import math
import os
from contextlib import suppress
from pathlib import Path

from sketch_rnn import files
from sketch_rnn.data import catalog
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.data.download import remembered
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
    """Sets the full size of a model, and returns it; says how it was found out.

    Args:
      model: to know it.
      path: where the model was loaded from.
      full_size: what the user says; it counts before anything else.
      data_dir: where its data set is; None is where its run had it.

    Raises:
      UserError: what the user says cannot be.
    """
    if full_size is not None:
        if not 0 < full_size <= LARGEST:
            raise UserError(f"`full_size`: expected a number above 0, got {full_size:g}")
        model.full_size = full_size
    if model.full_size is None:
        model.full_size = _of_data_set(model, path, data_dir)
    if model.full_size is None:
        model.full_size = _of_own_drawings(model, catalog.model_path(path))
    return model.full_size


def _of_data_set(
    model: SketchRNN, path: str | Path | None, data_dir: str | Path | None
) -> float | None:
    """Of the data set, where it can be had without an address that nobody named."""
    names = model.hparams.data_set
    with suppress(UserError):
        folder = RunFolder(path or "")
        if data_dir is None and path is not None and folder.holds_run():
            data_dir = remembered(folder.read_config().data_dir, names)
        if data_dir is not None:
            return load_dataset(names, data_dir).full_size
    return None


def _of_own_drawings(model: SketchRNN, path: Path) -> float:
    """Of drawings of the model's own, which are drawn once."""
    scale_factor = model.scale_factor or 1.0
    kept = files.cache_dir() / "full_sizes" / _key(path) if path.is_file() else None
    known = _read(kept)
    if known is None:
        found = sampling.typical_size(model)
        known = found / scale_factor
        inform(
            f"{path} does not say how large its drawings are; {sampling.DRAWN} that it drew have a "
            f"median longer side of {found:.4g}, and inputs are made so; `full_size=N` sets it"
        )
        _keep(kept, known)
    return known * scale_factor


def _key(path: Path) -> str:
    """A name for what is in a file, by its path, size and time of change."""
    status = path.stat()
    told = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    return f"{path.stem}-{hashlib.sha256(told.encode()).hexdigest()[:24]}.txt"


def _read(kept: Path | None) -> float | None:
    """The full size in model units that was kept; None if there is none that can be."""
    if kept is None:
        return None
    try:
        with kept.open() as file:
            value = float(file.read(100))
    except (OSError, ValueError):
        return None
    return value if math.isfinite(value) and 0 < value <= LARGEST else None


def _keep(kept: Path | None, value: float) -> None:
    """Keeps it where that is possible; else it is found out again."""
    if kept is None:
        return
    with suppress(OSError):
        os.makedirs(kept.parent, exist_ok=True)
        files.write_text(kept, f"{value!r}\n")
