"""What drawings cost a model: a row a drawing, which sums up to the validation figures.

Legend: S drawings of a split, B batch, T time (N_max), Z latent, M mixtures.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from sketch_rnn.data.batches import eval_batches
from sketch_rnn.data.dataset import Split, load_dataset
from sketch_rnn.data.download import remembered
from sketch_rnn.formats import load_model
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses
from sketch_rnn.model.network import Batch, SketchRNN
from sketch_rnn.model.noise import SPLIT_STREAMS, Noise, Shard, draw_noise, noise_key
from sketch_rnn.train.metrics import Costs
from sketch_rnn.train.options import DEFAULT_SEED


@dataclass(frozen=True)
class Evaluation:
    """What the drawings of a split cost, a row a drawing, from the shortest to the longest.

    Attributes:
      index: the drawing's place in the split, `[S]`.
      points: of the drawing, `[S]`.
      batch: the number of the batch that it was in, `[S]`.
      offset: its offset loss, summed over its points and divided by N_max, `[S]`.
      pen: its pen loss, summed over all steps and divided by N_max, `[S]`.
      kl: KL divergence of its z from the prior, `[S, Z]`; Z is 0 without an encoder.
    """

    index: np.ndarray
    points: np.ndarray
    batch: np.ndarray
    offset: np.ndarray
    pen: np.ndarray
    kl: np.ndarray

    @property
    def kl_per_dimension(self) -> np.ndarray:
        """KL divergence of each latent dimension, `[Z]`."""
        return self.kl.mean(axis=0)

    def costs(self, hparams: HParams) -> Costs:
        """The validation figures: KL with its floor batch by batch, weighted by drawings; the cost
        weighs it with `kl_weight_start`."""
        reconstruction = float(np.mean(self.offset + self.pen))
        kl = 0.0
        if self.kl.shape[1]:
            sketches = np.bincount(self.batch)
            means = np.bincount(self.batch, self.kl.mean(axis=1)) / sketches
            kl = float(np.average(np.maximum(means, hparams.kl_tolerance), weights=sketches))
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
        batch_size = self.hparams.batch_size
        batches = eval_batches(split, batch_size, self.scale_factor, self.max_seq_len)
        parts = []
        for number, (strokes5, lengths) in enumerate(batches):
            key = noise_key(self.seed, SPLIT_STREAMS[name], tf.constant(number, tf.int64))
            found = self._step(tf.constant(strokes5), tf.constant(lengths), key)
            parts.append([value.numpy().astype(np.float64) for value in found])
        offset, pen, kl = (np.concatenate(part) for part in zip(*parts, strict=True))
        lengths = split.lengths()
        index = np.argsort(lengths, kind="stable")
        batch = np.arange(len(index)) // batch_size
        return Evaluation(index, lengths[index], batch, offset, pen, kl)

    @tf.function(reduce_retracing=False)
    def _step(self, strokes5, lengths, key):
        batch, steps = strokes5.shape[0], strokes5.shape[1] - 1
        noise = draw_noise(self.hparams, key, Shard(0, batch, batch), steps, training=False)
        return self._losses(strokes5, lengths, noise)

    @tf.function(jit_compile=True)
    def _losses(self, strokes5: tf.Tensor, lengths: tf.Tensor, noise: Noise):
        """Of each sketch: offset and pen loss `[B]` divided by N_max, and KL `[B, Z]`."""
        output, mu, logvar = self.model(Batch(strokes5, lengths), noise)
        target = tf.transpose(strokes5[:, 1:], [1, 0, 2])  # [T, B, 5]
        offset = tf.reduce_mean(losses.offset_losses(output, target), axis=0)
        pen = tf.reduce_mean(losses.pen_losses(output, target), axis=0)
        kl = tf.zeros([strokes5.shape[0], 0]) if mu is None else losses.kl_divergence(mu, logvar)
        return offset, pen, kl


def evaluate(
    log_root: str | Path,
    data_dir: str | Path | None = None,
    split: str = "test",
    checkpoint: str = "best",
) -> tuple[Evaluation, Costs]:
    """What the drawings of a split cost a trained model, as in a run's validation figures.

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
    model = load_model(log_root, checkpoint)
    folder = RunFolder(log_root)
    seed, place = DEFAULT_SEED, None
    if folder.holds_run():
        config = folder.read_config()
        seed = config.seed
        if data_dir is None:
            place = remembered(config.data_dir, model.hparams.data_set)
    dataset = load_dataset(model.hparams.data_set, data_dir or place)
    evaluator = Evaluator(
        model,
        seed,
        model.scale_factor or dataset.scale_factor,
        max(model.hparams.max_seq_len, dataset.max_seq_len),
    )
    evaluation = evaluator.evaluate(getattr(dataset, split), split)
    return evaluation, evaluation.costs(model.hparams)
