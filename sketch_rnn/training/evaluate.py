"""A model's costs on drawings: one row per drawing, and validation costs to summarize them.

Legend: S drawings of a split, B batch, T time (N_max), Z latent, M mixtures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from sketch_rnn.choices import SPLITS
from sketch_rnn.data.dataset import Dataset, Split, load_dataset
from sketch_rnn.data.download import recorded_data_dir
from sketch_rnn.data.split import eval_batches
from sketch_rnn.errors import UserError, check_choice
from sketch_rnn.formats import load_model, original
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses
from sketch_rnn.model.execution import compiled
from sketch_rnn.model.fitting import Costs
from sketch_rnn.model.forward import SPLIT_STREAMS, Noise, Shard, SketchCosts, draw_noise, noise_key
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.packing import Batch
from sketch_rnn.tables import table
from sketch_rnn.training.options import DEFAULT_SEED

if TYPE_CHECKING:
    import pandas

_NEAR = 3  # how many folders above a run of the original are searched for its data set


@dataclass(frozen=True)
class Evaluation:
    """The costs of a split's drawings, one row per drawing, from the shortest to the longest.

    Attributes:
      index: the drawing's index in the split, `[S]`.
      points: the number of points in the drawing, `[S]`.
      batch: the number of the batch that contained it, `[S]`.
      offset: its offset loss, summed over its points and divided by N_max, `[S]`.
      pen: its pen loss, summed over all steps and divided by N_max, `[S]`.
      kl: the KL divergence of its posterior from the prior, `[S, Z]`; Z is 0 without an encoder.
      mu: the mean of its posterior, `[S, Z]`.
    """

    index: np.ndarray
    points: np.ndarray
    batch: np.ndarray
    offset: np.ndarray
    pen: np.ndarray
    kl: np.ndarray
    mu: np.ndarray

    def of(self, chosen: np.ndarray) -> "Evaluation":
        """Return the rows of some of the drawings; `chosen` is bool `[S]`."""
        return Evaluation(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def mu_in_order(self) -> np.ndarray:
        """The mu of each drawing in the split, in the split's order, `[S, Z]` float32."""
        return self.mu[np.argsort(self.index)].astype(np.float32)

    @property
    def kl_before_floor(self) -> float:
        """The mean KL divergence over drawings and latent dimensions (equation 10, L_KL)."""
        return float(self.kl.mean()) if self.kl.size else 0.0

    @property
    def kl_per_dimension(self) -> np.ndarray:
        """The mean KL divergence of each latent dimension, `[Z]`."""
        return self.kl.mean(axis=0)

    def table(self) -> "pandas.DataFrame":
        """Return these rows as a pandas table, in the split's order.

        The columns are `points`, `offset`, `pen`, `reconstruction` (the sum of `offset` and `pen`)
        and, with an encoder, `kl` (the mean over the dimensions of z, before its floor).

        Raises:
          UserError: pandas is not installed.
        """
        columns = {"points": self.points, "offset": self.offset, "pen": self.pen}
        columns["reconstruction"] = self.offset + self.pen
        if self.kl.shape[1]:
            columns["kl"] = self.kl.mean(axis=1)
        rows = self.index.tolist()
        return table(
            {name: dict(zip(rows, of.tolist(), strict=True)) for name, of in columns.items()},
            "drawing",
        )

    def costs(self, hparams: HParams) -> Costs:
        """Return the costs as a run's validation reports them.

        A batch whose mean KL is below the floor counts with the floor instead. The result is the
        mean over all batches, weighted by the number of drawings in each batch. In the cost, the
        weight of the KL is `kl_weight_start`.
        """
        reconstruction = float(np.mean(self.offset + self.pen))
        kl = 0.0
        if self.kl.shape[1]:
            _, batch, sketches = np.unique(self.batch, return_inverse=True, return_counts=True)
            means = np.bincount(batch, self.kl.mean(axis=1)) / sketches
            kl = float(np.average(losses.floored(means, hparams), weights=sketches))
        return Costs(reconstruction + hparams.kl_weight_start * kl, reconstruction, kl)


class Evaluator:
    """An evaluator of a model's costs on drawings, with sampled z and no dropout.

    Args:
      model: the model to evaluate.
      seed: the seed of the run, which determines the noise.
      scale_factor: the number of data units in a model unit.
      max_seq_len: N_max.
    """

    def __init__(self, model: SketchRNN, seed: int, scale_factor: float, max_seq_len: int):
        self.model, self.hparams, self.seed = model, model.hparams, seed
        self.scale_factor, self.max_seq_len = scale_factor, max_seq_len

    def evaluate(self, split: Split, name: str) -> Evaluation:
        """Return the costs of a split.

        The random numbers that z is sampled with depend on the split's name, "train", "valid" or
        "test".
        """
        check_choice("split", name, SPLITS)
        batch_size = self.hparams.batch_size
        batches = eval_batches(split, batch_size, self.scale_factor, self.max_seq_len)
        parts = []
        with self.model.execution.in_force():
            for number, (strokes5, lengths) in enumerate(batches):
                key = noise_key(self.seed, SPLIT_STREAMS[name], tf.constant(number, tf.int64))
                count, size = len(lengths), min(batch_size, len(split))
                found = self._step(*_filled(size, strokes5, lengths), key, count)
                parts.append([value.numpy()[:count].astype(np.float64) for value in found])
        offset, pen, kl, mu = (np.concatenate(part) for part in zip(*parts, strict=True))
        lengths = split.lengths()
        index = np.argsort(lengths, kind="stable")
        batch = np.arange(len(index)) // batch_size
        return Evaluation(
            index=index,
            points=lengths[index],
            batch=batch,
            offset=offset,
            pen=pen,
            kl=kl,
            mu=mu,
        )

    @tf.function(autograph=False, reduce_retracing=False)
    def _step(
        self, strokes5: tf.Tensor, lengths: tf.Tensor, key: tf.Tensor, count: int
    ) -> SketchCosts:
        """Return the costs of a batch in which only the first `count` sketches are real."""
        size, steps = strokes5.shape[0], strokes5.shape[1] - 1
        noise = draw_noise(self.hparams, key, Shard(0, count, count), steps, training=False)
        filled = tf.nest.map_structure(
            lambda value: None if value is None else _zero_rows_to(size, value), noise
        )
        return self._costs(strokes5, lengths, filled)

    @compiled
    def _costs(self, strokes5: tf.Tensor, lengths: tf.Tensor, noise: Noise) -> SketchCosts:
        return self.model.forward.sketch_costs(Batch(strokes5, lengths), noise)


def _filled(size: int, *arrays: np.ndarray) -> list[tf.Tensor]:
    """Pad arrays `[n, ...]` to `[size, ...]`, so that one compiled program fits all batches."""
    return [
        tf.constant(np.concatenate([array, np.repeat(array[:1], size - len(array), axis=0)]))
        for array in arrays
    ]


def _zero_rows_to(size: int, rows: tf.Tensor) -> tf.Tensor:
    """Pad `[n, ...]` with zeros to `[size, ...]`."""
    return tf.pad(rows, [[0, size - rows.shape[0]]] + [[0, 0]] * (len(rows.shape) - 1))


def evaluate(
    log_root: str | PathLike[str],
    data_dir: str | Path | None = None,
    split: str = "test",
    checkpoint: str = "best",
) -> tuple[Evaluation, Costs]:
    """Evaluate a trained model on a split, as a run's validation does.

    Args:
      log_root: a `Run`, its folder, or another model that `load_model` reads.
      data_dir: the folder of the data set; None means the folder that the run used.
      split: "train", "valid" or "test".
      checkpoint: "best" or "latest", for a run.

    Returns:
      An `Evaluation` with one row per drawing, and the validation costs, which summarize it.

    Raises:
      UserError: the model or the data set is missing or damaged.
    """
    if not isinstance(log_root, str | PathLike):
        raise UserError(
            "evaluate: expected a run, or the path or name of a model, got "
            f"{type(log_root).__name__}; save the model, and pass the path of its file"
        )
    log_root = fspath(log_root)
    check_choice("split", split, SPLITS)
    model = load_model(log_root, checkpoint)
    dataset = dataset_of(log_root, model.hparams.data_set, data_dir)
    evaluator = evaluator_of(log_root, model, dataset.scale_factor, dataset.max_seq_len)
    evaluation = evaluator.evaluate(getattr(dataset, split), split)
    return evaluation, evaluation.costs(model.hparams)


def dataset_of(log_root: str | Path, names: Sequence[str], data_dir: str | Path | None) -> Dataset:
    """Open the data set of a model, in `data_dir` or in the folder that its run used.

    The original trainer does not record the folder of the data set. For one of its runs, the data
    set is looked for in the run's folder, in the folders above it, and in a folder `datasets` in
    each of them.
    """
    folder = RunFolder(log_root)
    config = folder.read_config() if folder.holds_run() else None
    if data_dir is None and config:
        data_dir = recorded_data_dir(config.data_dir, names)
    elif data_dir is None and original.find(folder.path) is not None:
        data_dir = _folder_beside(folder.path, names)
    dataset = load_dataset(names, data_dir)
    return dataset.holding_out(config.held_out) if config else dataset


def _folder_beside(folder: Path, names: Sequence[str]) -> Path | None:
    """Find all files of a data set near a run of the original trainer; see `dataset_of`.

    Returns:
      The folder that holds the files; None if they were not found.
    """
    near = [folder, *folder.resolve().parents[:_NEAR]]
    places = [place for part in near for place in (part, part / "datasets")]
    return next((p for p in places if all((p / name).is_file() for name in names)), None)


def evaluator_of(
    log_root: str | Path, model: SketchRNN, scale_factor: float | None, longest: int
) -> Evaluator:
    """Return the evaluator of a model, with the seed of its run.

    Args:
      log_root: the path that the model was loaded from.
      model: the model to evaluate.
      scale_factor: the scale factor of its data set, used if the model does not know its own.
      longest: the number of points in the longest drawing; N_max is the model's, or this number
        if it is larger.

    Raises:
      UserError: the model has no scale factor, and `scale_factor` is None.
    """
    folder = RunFolder(log_root)
    seed = folder.read_config().seed if folder.holds_run() else DEFAULT_SEED
    scale_factor = model.scale_factor or scale_factor
    if scale_factor is None:
        raise UserError(
            f"{log_root} does not contain its scale factor; evaluate it on its own data set, "
            "in `data_dir`"
        )
    return Evaluator(model, seed, scale_factor, max(model.hparams.max_seq_len, longest))
