"""Data sets: splits, N_max and scale factor.

Dimensions: S sketches of a split, P points of all of them, B batch, N_max longest sketch.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.choices import SPLITS
from sketch_rnn.data import download
from sketch_rnn.data.cache import Part, load_parts
from sketch_rnn.errors import UserError

MIN_SCALE = 1e-8  # data units


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

    def places(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of the part that holds each sketch, and its place in that part, `[B]` each."""
        numbers = np.searchsorted(self._ends, indices, side="right")
        return numbers, indices - np.concatenate([[0], self._ends])[numbers]

    def _find(self, indices: np.ndarray) -> Iterator[tuple[Part, int, int]]:
        """For each sketch: the part that holds it, and where it starts and ends there."""
        for number, index in zip(*(found.tolist() for found in self.places(indices)), strict=True):
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


def load_dataset(names: str | Sequence[str], data_dir: str | Path | None = None) -> Dataset:
    """Reads `.npz` files, one after the other, as one data set.

    Args:
      names: the file name, or a list of them.
      data_dir: the folder, or http(s) address, that holds them; with None names are paths of files
        that exist, or else of the embedded drawings or the public data set.

    Raises:
      UserError: a file that cannot be had or read (see `download.resolve`, `npz.read_split`), a
        split without sketches, or training sketches whose offsets are all equal.
    """
    names = [names] if isinstance(names, str) else names
    data_dir, names = download.located(data_dir, names)
    paths = download.resolve(data_dir, names)
    try:
        parts = load_parts(paths)
    except UserError:
        if not download.discard_damaged(data_dir, paths):
            raise
        parts = load_parts(download.resolve(data_dir, names))
    splits = {split: Split([part[split] for part in parts]) for split in SPLITS}
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
