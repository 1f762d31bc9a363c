"""The costs of drawings for a model: a row a drawing, which sums up to the validation figures.

Legend: S drawings of a split, B batch, T time (N_max), Z latent, M mixtures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from sketch_rnn.choices import SPLITS
from sketch_rnn.data.batches import eval_batches
from sketch_rnn.data.dataset import Dataset, Split, load_dataset
from sketch_rnn.data.download import remembered
from sketch_rnn.errors import UserError, check_choice
from sketch_rnn.formats import load_model, original
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses
from sketch_rnn.model.compiling import compiled
from sketch_rnn.model.forward import SketchCosts
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.noise import SPLIT_STREAMS, Noise, Shard, draw_noise, noise_key
from sketch_rnn.model.packing import Batch
from sketch_rnn.tables import table
from sketch_rnn.training.metrics import Costs
from sketch_rnn.training.options import DEFAULT_SEED

if TYPE_CHECKING:
    import pandas

_NEAR = 3  # folders above a run of the original in which its data set may be


@dataclass(frozen=True)
class Evaluation:
    """The costs of a split's drawings, a row a drawing, from the shortest to the longest.

    Attributes:
      index: the drawing's place in the split, `[S]`.
      points: of the drawing, `[S]`.
      batch: the number of the batch that it was in, `[S]`.
      offset: its offset loss, summed over its points and divided by N_max, `[S]`.
      pen: its pen loss, summed over all steps and divided by N_max, `[S]`.
      kl: KL divergence of its z from the prior, `[S, Z]`; Z is 0 without an encoder.
      mu: mean of its z, `[S, Z]`.
    """

    index: np.ndarray
    points: np.ndarray
    batch: np.ndarray
    offset: np.ndarray
    pen: np.ndarray
    kl: np.ndarray
    mu: np.ndarray

    def of(self, chosen: np.ndarray) -> "Evaluation":
        """The rows of some of the drawings, bool `[S]`."""
        return Evaluation(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def mu_in_order(self) -> np.ndarray:
        """mu of each drawing of the split, in the split's order, `[S, Z]` float32."""
        return self.mu[np.argsort(self.index)].astype(np.float32)

    @property
    def kl_before_floor(self) -> float:
        """Mean KL divergence over drawings and latent dimensions (equation 10, L_KL)."""
        return float(self.kl.mean()) if self.kl.size else 0.0

    @property
    def kl_per_dimension(self) -> np.ndarray:
        """KL divergence of each latent dimension, `[Z]`."""
        return self.kl.mean(axis=0)

    def table(self) -> "pandas.DataFrame":
        """These rows as a table of pandas, in the order of the split.

        Its columns are `points`, `offset`, `pen`, their sum `reconstruction`, and with an encoder
        `kl`, the mean over the dimensions of z, before its floor.

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
        """The validation figures: KL with its floor batch by batch, weighted by drawings; the cost
        weighs it with `kl_weight_start`."""
        reconstruction = float(np.mean(self.offset + self.pen))
        kl = 0.0
        if self.kl.shape[1]:
            _, batch, sketches = np.unique(self.batch, return_inverse=True, return_counts=True)
            means = np.bincount(batch, self.kl.mean(axis=1)) / sketches
            kl = float(np.average(losses.floored(means, hparams), weights=sketches))
        return Costs(reconstruction + hparams.kl_weight_start * kl, reconstruction, kl)


class Evaluator:
    """Computes what drawings cost a model: z sampled, no dropout.

    Args:
      model: to evaluate.
      seed: of the run, which the noise follows from.
      scale_factor: data units in a model unit.
      max_seq_len: N_max.
    """

    def __init__(self, model: SketchRNN, seed: int, scale_factor: float, max_seq_len: int):
        self.model, self.hparams, self.seed = model, model.hparams, seed
        self.scale_factor, self.max_seq_len = scale_factor, max_seq_len

    def evaluate(self, split: Split, name: str) -> Evaluation:
        """The costs of a split; its name, "train", "valid" or "test", says the noise."""
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
        """The costs of a batch that holds `count` sketches; the rest of it fills up its rows."""
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
    """Arrays `[n, ...]` as `[size, ...]`, so that one program is compiled for all batches."""
    return [
        tf.constant(np.concatenate([array, np.repeat(array[:1], size - len(array), axis=0)]))
        for array in arrays
    ]


def _zero_rows_to(size: int, rows: tf.Tensor) -> tf.Tensor:
    """`[n, ...]` -> `[size, ...]`."""
    return tf.pad(rows, [[0, size - rows.shape[0]]] + [[0, 0]] * (len(rows.shape) - 1))


def evaluate(
    log_root: str | Path,
    data_dir: str | Path | None = None,
    split: str = "test",
    checkpoint: str = "best",
) -> tuple[Evaluation, Costs]:
    """Evaluate a trained model on a split, as a run's validation does.

    Args:
      log_root: a run's folder, or another model that `load_model` reads.
      data_dir: where the data set is; None is where the run had it.
      split: "train", "valid" or "test".
      checkpoint: of a run, "best" or "latest".

    Returns:
      A row a drawing, and what they sum up to.

    Raises:
      UserError: there is no model or no data set, or one of them is damaged.
    """
    check_choice("split", split, SPLITS)
    model = load_model(log_root, checkpoint)
    dataset = dataset_of(log_root, model.hparams.data_set, data_dir)
    evaluator = evaluator_of(log_root, model, dataset.scale_factor, dataset.max_seq_len)
    evaluation = evaluator.evaluate(getattr(dataset, split), split)
    return evaluation, evaluation.costs(model.hparams)


def dataset_of(log_root: str | Path, names: Sequence[str], data_dir: str | Path | None) -> Dataset:
    """The data set of a model, in `data_dir` or where its run had it.

    A run of the original does not say where that was; it is looked for in the run's folder, in
    those that this lies in, and in a `datasets` of each.
    """
    folder = RunFolder(log_root)
    config = folder.read_config() if folder.holds_run() else None
    if data_dir is None and config:
        data_dir = remembered(config.data_dir, names)
    elif data_dir is None and original.find(folder.path) is not None:
        data_dir = _beside(folder.path, names)
    dataset = load_dataset(names, data_dir)
    return dataset.holding_out(config.held_out) if config else dataset


def _beside(folder: Path, names: Sequence[str]) -> Path | None:
    """The folder near a run of the original that holds all files of its data set."""
    near = [folder, *folder.resolve().parents[:_NEAR]]
    places = [place for part in near for place in (part, part / "datasets")]
    return next((p for p in places if all((p / name).is_file() for name in names)), None)


def evaluator_of(
    log_root: str | Path, model: SketchRNN, scale_factor: float | None, longest: int
) -> Evaluator:
    """The evaluator of a model, with the seed of its run.

    Args:
      log_root: where the model was loaded from.
      model: to evaluate.
      scale_factor: of its data set, if the model does not know it.
      longest: points of the longest drawing; N_max is that of the model, or this if it is larger.

    Raises:
      UserError: nobody knows the scale factor.
    """
    folder = RunFolder(log_root)
    seed = folder.read_config().seed if folder.holds_run() else DEFAULT_SEED
    scale_factor = model.scale_factor or scale_factor
    if scale_factor is None:
        raise UserError(
            f"{log_root} does not know its scale factor; evaluate it on its own data set, "
            "in `data_dir`"
        )
    return Evaluator(model, seed, scale_factor, max(model.hparams.max_seq_len, longest))
