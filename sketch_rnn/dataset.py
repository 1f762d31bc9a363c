"""Data sets: splits, N_max, scale factor, and batches that depend on (seed, step) alone.

Dimensions: S sketches of a split, P points of all of them, B batch, N_max longest sketch.
"""

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sketch_rnn import download, npz, strokes
from sketch_rnn.cache import Part, load_parts
from sketch_rnn.errors import UserError, warn

MIN_SCALE = 1e-8  # data units

Made = TypeVar("Made")


class Split:
    """The sketches of a split, from one file or several; `split[i]` is stroke-3 float32.

    Sketches are clamped, in data units. The points may be memory-mapped.
    """

    def __init__(self, parts: Sequence[Part]):
        self.parts = list(parts)
        self._ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.parts else 0

    def __getitem__(self, index: int) -> np.ndarray:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sketch {index} of {len(self)}")
        return self.gather(np.array([int(index) % len(self)]))[0]

    def lengths(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Points of the given sketches, or of all, `[B]` int64."""
        if indices is None:
            return np.concatenate([np.diff(part.offsets) for part in self.parts])
        return np.array([end - start for _, start, end in self._find(indices)], np.int64)

    def gather(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The given sketches as flat points `[P, 3]` float32 and lengths `[B]` int64."""
        found = self._find(indices)
        return strokes.flatten([part.points[start:end] for part, start, end in found])

    def _find(self, indices: np.ndarray) -> Iterator[tuple[Part, int, int]]:
        """For each sketch: the part that holds it, and where it starts and ends there."""
        numbers = np.searchsorted(self._ends, indices, side="right")
        before = np.concatenate([[0], self._ends])[numbers]
        for number, index in zip(numbers.tolist(), (indices - before).tolist(), strict=True):
            part = self.parts[number]
            yield part, int(part.offsets[index]), int(part.offsets[index + 1])


@dataclass(frozen=True)
class Dataset:
    """What a run trains on.

    scale_factor: standard deviation of the training split's offsets; data units / scale_factor =
      model units.
    max_seq_len: N_max, the points of the longest sketch of all splits.
    """

    train: Split
    valid: Split
    test: Split
    scale_factor: float
    max_seq_len: int


def load_dataset(
    names: str | Sequence[str], data_dir: str | Path = download.DEFAULT_DATA_DIR
) -> Dataset:
    """Reads `.npz` files, one after the other, as one data set.

    Args:
      names: the file name, or a list of them.
      data_dir: the folder, or http(s) address, that holds them.

    Raises:
      UserError: a file that cannot be had or read (see `download.resolve`, `npz.read_split`), a
        split without sketches, or training sketches whose offsets are all equal.
    """
    paths = download.resolve(data_dir, [names] if isinstance(names, str) else names)
    parts = load_parts(paths)
    splits = {split: Split([part[split] for part in parts]) for split in npz.SPLITS}
    for name, split in splits.items():
        if not len(split):
            raise UserError(f"{', '.join(map(str, paths))}: the {name} split holds no sketches")
    longest = max(part.longest for split in splits.values() for part in split.parts)
    scale_factor = _scale_factor(splits["train"])
    if scale_factor < MIN_SCALE:
        raise UserError(
            f"{', '.join(map(str, paths))}: the offsets of the train split are all equal; "
            "expected drawings"
        )
    return Dataset(**splits, scale_factor=scale_factor, max_seq_len=longest)


def _scale_factor(train: Split) -> float:
    """Standard deviation of every dx and dy of the split, a float32 number."""
    counts = np.array([2 * len(part.points) for part in train.parts])
    means = np.array([part.mean for part in train.parts])
    squares = np.array([part.squares for part in train.parts])
    mean = np.average(means, weights=counts)
    variance = (squares.sum() + (counts * (means - mean) ** 2).sum()) / counts.sum()
    return float(np.float32(math.sqrt(variance)))


class TrainBatches:
    """Training batches, each a function of (seed, step) alone.

    A batch is `batch_size` sketches drawn without replacement from the whole split, afresh for
    every step (with replacement if the split has fewer), augmented, in model units.

    Args:
      split: what to draw from.
      hparams: its `batch_size`, `random_scale_factor` and `augment_stroke_prob` are used.
      scale_factor: the data set's.
      max_seq_len: N_max.
      seed: any integer from 0.
      shard: (index, count): only that share of each batch's rows, of `count` equal ones.
    """

    def __init__(
        self,
        split: Split,
        hparams: Any,
        scale_factor: float,
        max_seq_len: int,
        seed: int,
        shard: tuple[int, int] = (0, 1),
    ):
        index, count = shard
        if hparams.batch_size % count:
            raise UserError(
                f"expected a batch_size that the {count} workers can share equally, "
                f"got {hparams.batch_size}"
            )
        if len(split) < hparams.batch_size:
            warn(
                f"the training split has {len(split)} sketches, fewer than batch_size="
                f"{hparams.batch_size}: batches are drawn with replacement"
            )
        self.local_batch_size = hparams.batch_size // count
        self._rows = slice(index * self.local_batch_size, (index + 1) * self.local_batch_size)
        self._split = split
        self._hparams = hparams
        self._scale_factor = np.float32(scale_factor)
        self.max_seq_len = max_seq_len
        self._seed = seed

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Stroke-5 `[B, N_max + 1, 5]` float32 and lengths `[B]` int32 of a step."""
        size, spread = self._hparams.batch_size, self._hparams.random_scale_factor
        rng = np.random.default_rng([self._seed, int(step)])
        chosen = rng.choice(len(self._split), size, replace=len(self._split) < size)
        scale = rng.uniform(1 - spread, 1 + spread, (size, 2))
        ends = np.cumsum(self._split.lengths(chosen))
        uniform = rng.random(ends[-1], np.float32)

        points, lengths = self._split.gather(chosen[self._rows])
        points[:, :2] /= self._scale_factor
        last = ends[self._rows][-1]
        points, lengths = strokes.augment(
            points,
            lengths,
            scale[self._rows],
            uniform[last - len(points) : last],
            self._hparams.augment_stroke_prob,
        )
        batch = strokes.flat_to_stroke5(points, lengths, self.max_seq_len)
        return batch, lengths.astype(np.int32)


def eval_batches(
    split: Split, batch_size: int, scale_factor: float, max_seq_len: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches for validation: in stable order of length, not augmented, the last may be smaller.

    Yields stroke-5 `[B, N_max + 1, 5]` float32 in model units and lengths `[B]` int32.
    """
    order = np.argsort(split.lengths(), kind="stable")
    for first in range(0, len(order), batch_size):
        points, lengths = split.gather(order[first : first + batch_size])
        points[:, :2] /= np.float32(scale_factor)
        yield strokes.flat_to_stroke5(points, lengths, max_seq_len), lengths.astype(np.int32)


def prefetch(make: Callable[[int], Made], first_step: int = 0) -> Iterator[Made]:
    """Yields `make(step)` for every step from `first_step` on, without end.

    They are made by another thread while the caller works, and come in order. (A `tf.data`
    pipeline that calls Python, read without end, keeps the interpreter from exiting.)
    """
    steps = itertools.count(first_step)
    with ThreadPoolExecutor(1, "batches") as pool:
        ahead = deque(pool.submit(make, step) for step in itertools.islice(steps, 4))
        while True:
            ahead.append(pool.submit(make, next(steps)))
            yield ahead.popleft().result()
