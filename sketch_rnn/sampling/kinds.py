"""Find the kinds of drawings that a model has learned; each data set file is one kind."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sketch_rnn import shipped
from sketch_rnn.data import catalog, download, npz
from sketch_rnn.errors import UserError
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams_text import load_config
from sketch_rnn.model.network import SketchRNN


def kinds_of(model_dir: str | Path | None) -> dict[str, Path]:
    """Return the file that holds the drawings of each kind, keyed by the name of the kind.

    Args:
      model_dir: a run's folder; None or `doodles` means the model in the package.

    Raises:
      UserError: the model's data set is unknown, or its files are missing.
    """
    if catalog.is_packaged(model_dir):
        names = load_config(catalog.PACKAGED_MODEL)["data_set"]
        files = [shipped.drawings(Path(download.EMBEDDED, name)) for name in names]
    else:
        data_dir, names = data_of(str(model_dir))
        files = download.resolve(data_dir, names)
    return {Path(name).stem: file for name, file in zip(names, files, strict=True)}


def data_of(model_dir: str) -> tuple[str, Sequence[str]]:
    """Return the folder or address of a run's data set, and the names of its files.

    Raises:
      UserError: this is not the folder of a run, or the files no longer exist.
    """
    folder = RunFolder(model_dir)
    if not folder.holds_run():
        raise UserError(
            f"{model_dir} does not say which drawings it has learned: expected the folder of a "
            "run, or the model in the package"
        )
    config = folder.read_config()
    names = config.hparams.data_set
    return download.recorded_data_dir(config.data_dir, names), names


def z_like(
    model: SketchRNN, model_dir: str | Path | None, kinds: Sequence[str], count: int, seed: int
) -> np.ndarray:
    """Sample z `[B, Z]` from the posteriors of `count` random drawings, split evenly among kinds.

    Raises:
      UserError: a kind is unknown, or the model has no encoder.
    """
    if not model.hparams.conditional:
        raise UserError("`like` needs a conditional model, but this one is not; leave `like` out")
    files, rng = kinds_of(model_dir), np.random.default_rng(seed)
    for kind in kinds:
        if kind not in files:
            raise UserError(f"`like`: expected one of {', '.join(files)}, got {kind!r:.60}")
    points = {kind: npz.read_split(files[kind], "train") for kind in kinds}
    sketches = {kind: np.split(flat, np.cumsum(n)[:-1]) for kind, (flat, n) in points.items()}
    chosen = [kinds[i * len(kinds) // count] for i in range(count)]
    drawings = [sketches[kind][rng.integers(len(sketches[kind]))] for kind in chosen]
    mu, logvar = model.encode(drawings)
    return (mu + np.exp(logvar / 2) * rng.standard_normal(mu.shape)).astype(np.float32)
