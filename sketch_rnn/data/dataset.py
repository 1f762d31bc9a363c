"""Data sets: splits, N_max and scale factor.

Dimensions: S sketches in a split, P points in all sketches, B batch, N_max longest sketch.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.choices import SPLITS
from sketch_rnn.data import download, npz
from sketch_rnn.data.mapped import mapped_parts
from sketch_rnn.data.split import Part, Split, TrainBatches, eval_batches, make_part
from sketch_rnn.errors import UserError, check_choice
from sketch_rnn.hparams import HParams, as_hparams

if TYPE_CHECKING:
    import tensorflow as tf

MIN_SCALE = 1e-8  # data units
MAPPED_FROM = 50 << 20  # bytes in all files of a data set; smaller ones are read into memory
_MEASURED = 1000  # the largest number of sketches measured to find the full size
SHOWN, SHOWN_CELL = 10, 80  # sketches shown from each split in a notebook, and pixels for each


@dataclass(frozen=True)
class Dataset:
    """The three splits that a run uses, and the numbers that follow from them.

    Attributes:
      scale_factor: standard deviation of the training split's offsets; data units / scale_factor =
        model units.
      max_seq_len: N_max, the number of points in the longest sketch in all splits.
    """

    train: Split
    valid: Split
    test: Split
    scale_factor: float
    max_seq_len: int

    @property
    def full_size(self) -> float:
        """The median length of the longer sides of the training drawings; always > 0.

        If there are many drawings, only a sample is measured.
        """
        count = min(len(self.train), _MEASURED)
        chosen = np.linspace(0, len(self.train) - 1, count).astype(int)
        points, lengths = self.train.gather(chosen)
        sketches = np.split(points, np.cumsum(lengths)[:-1])
        return strokes.typical_side(sketches) or self.scale_factor

    def split(self, name: str) -> Split:
        """Return the split with that name.

        Raises:
          UserError: there is no such split.
        """
        check_choice("split", name, SPLITS)
        return getattr(self, name)

    def batches(
        self,
        split: str = "train",
        batch_size: int | None = None,
        *,
        hparams: HParams | Mapping[str, Any] | None = None,
        seed: int = 1,
        first_step: int = 0,
    ) -> "tf.data.Dataset":
        """Return batches (strokes5, lengths) in model units, for custom loops and for Keras.

        Batches from "train" are drawn and augmented as in a run with this seed, step by step,
        without end. Batches from the other splits are sorted by length and not augmented; the last
        one may be smaller.

        Args:
          split: "train", "valid" or "test".
          batch_size: the number of sketches in a batch; None means `hparams.batch_size`.
          hparams: the hyperparameters, which say how training drawings are augmented; None means
            the defaults.
          seed: the seed of the training batches.
          first_step: the training step to begin with.

        Returns:
          A `tf.data.Dataset` of strokes5 `[B, N_max + 1, 5]` float32, beginning with the start
          token, and lengths `[B]` int32, the number of points in each sketch.

        Raises:
          UserError: there is no such split.
        """
        from sketch_rnn.setup import setup

        setup()
        import tensorflow as tf

        chosen = as_hparams(hparams or {})
        size = chosen.batch_size if batch_size is None else batch_size
        chosen = chosen.replace(max_seq_len=self.max_seq_len, batch_size=size)
        sketches, is_training = self.split(split), split == "train"
        signature = (
            tf.TensorSpec([size if is_training else None, self.max_seq_len + 1, 5], tf.float32),
            tf.TensorSpec([size if is_training else None], tf.int32),
        )
        make = partial(self._training_batches, chosen, seed, first_step)
        if not is_training:
            make = partial(eval_batches, sketches, size, self.scale_factor, self.max_seq_len)
        made = tf.data.Dataset.from_generator(make, output_signature=signature)
        count = -(-len(sketches) // size)
        known = tf.data.INFINITE_CARDINALITY if is_training else count
        return made.apply(tf.data.experimental.assert_cardinality(known))

    def _training_batches(
        self, hparams: HParams, seed: int, first_step: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        batches = TrainBatches(self.train, hparams, self.scale_factor, seed)
        return map(batches.batch, itertools.count(first_step))

    def _repr_svg_(self) -> str:
        from sketch_rnn.drawing import draw

        shown = [list(self.split(name).spread(SHOWN)) for name in SPLITS]
        rows = [sketch for row in shown for sketch in row + [np.zeros((0, 3))] * (SHOWN - len(row))]
        return draw(rows, cell=SHOWN_CELL, columns=SHOWN, row_titles=SPLITS)._repr_svg_()

    def holding_out(self, count: int) -> "Dataset":
        """Return a data set in which `count` training sketches are moved to the validation split.

        The sketches are chosen at even intervals. The scale factor stays the same.

        Raises:
          UserError: no sketches would be left to train on.
        """
        if not count:
            return self
        if count >= len(self.train):
            raise UserError(
                f"holding out {count} of {len(self.train)} sketches leaves none to train on"
            )
        chosen = np.linspace(0, len(self.train) - 1, count).round().astype(int)
        numbers, _ = self.train.places(np.arange(len(self.train)))
        is_held = np.isin(np.arange(len(self.train)), chosen)
        train, valid = [], []
        for number, part in enumerate(self.valid.parts):
            of_file = numbers == number
            train.append(self._part(np.flatnonzero(of_file & ~is_held)))
            held = self._part(np.flatnonzero(of_file & is_held))
            valid.append(_joined(part, held))
        return replace(self, train=Split(train), valid=Split(valid))

    def _part(self, indices: np.ndarray) -> Part:
        """Return some of the training sketches as a new part."""
        return make_part(*self.train.gather(indices))


def load_dataset(names: str | Sequence[str], data_dir: str | Path | None = None) -> Dataset:
    """Read one or more `.npz` files, in the given order, as one data set.

    Args:
      names: a file name or a list of file names.
      data_dir: the folder or http(s) address of the files. If it is None, each name may be the path
        of an existing file, the name of a file in this package, or the name of a file in the public
        data set.

    Raises:
      UserError: a file cannot be found, downloaded or read (see `download.resolve` and
        `npz.read_split`), a split has no sketches, or all training offsets are equal.
    """
    names = [names] if isinstance(names, str) else names
    data_dir, names = download.locate(data_dir, names)
    paths = download.resolve(data_dir, names)
    try:
        parts = _read(paths)
    except UserError:
        if not download.discard_damaged(data_dir, paths):
            raise
        parts = _read(download.resolve(data_dir, names))
    splits = {split: Split([part[split] for part in parts]) for split in SPLITS}
    for name, split in splits.items():
        if not len(split):
            raise UserError(f"{', '.join(map(str, paths))}: the {name} split holds no sketches")
    longest = max(part.longest for split in splits.values() for part in split.parts)
    scale_factor = _scale_factor(splits["train"])
    if scale_factor < MIN_SCALE:
        raise UserError(
            f"{', '.join(map(str, paths))}: all offsets in the train split are equal; expected "
            "drawings"
        )
    return Dataset(**splits, scale_factor=scale_factor, max_seq_len=longest)


def _read(paths: Sequence[Path]) -> list[dict[str, Part]]:
    """Return the splits of each file: in memory, or memory-mapped if the files are large."""
    if sum(path.stat().st_size for path in paths) >= MAPPED_FROM:
        return mapped_parts(paths)
    return [{name: make_part(*npz.read_split(path, name)) for name in SPLITS} for path in paths]


def _joined(first: Part, then: Part) -> Part:
    """Return one part with the sketches in `first`, followed by the sketches in `then`."""
    lengths = np.concatenate([np.diff(first.offsets), np.diff(then.offsets)])
    return make_part(np.concatenate([first.points, then.points]), lengths)


def _scale_factor(train: Split) -> float:
    """Return the standard deviation of all dx and dy in the split, rounded to float32."""
    counts = np.array([2 * len(part.points) for part in train.parts])
    means = np.array([part.mean for part in train.parts])
    squares = np.array([part.squares for part in train.parts])
    mean = np.average(means, weights=counts)
    variance = (squares.sum() + (counts * (means - mean) ** 2).sum()) / counts.sum()
    return float(np.float32(math.sqrt(variance)))
