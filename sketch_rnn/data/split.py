"""The sketches of a split, and the batches for training and evaluation that are made of them.

flat: the points of several sketches, one sketch after another, and the length of each sketch.

Dimensions: S sketches, n points in one sketch, P points in all sketches, B requested sketches,
N_max longest sketch.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np

from sketch_rnn.errors import UserError, warn
from sketch_rnn.hparams import HParams
from sketch_rnn.strokes import START_TOKEN

SHOWN, SHOWN_CELL = 20, 80  # sketches shown in a notebook, and pixels for each
_ROWS = 1 << 20  # points processed together

Made = TypeVar("Made")


@dataclass(frozen=True)
class Part:
    """The sketches of a split that come from one file, in flat form.

    Attributes:
      points: `[P, 3]` stroke-3 rows, int16 or float32, clamped, in data units.
      offsets: `[S + 1]` int64; sketch i is `points[offsets[i]:offsets[i + 1]]`.
      longest: the number of points in the longest sketch.
      mean: the mean of all dx and dy.
      squares: the sum of the squared differences between all dx and dy and the mean.
    """

    points: np.ndarray
    offsets: np.ndarray
    longest: int
    mean: float
    squares: float

    def __len__(self) -> int:
        return len(self.offsets) - 1


def make_part(points: np.ndarray, lengths: np.ndarray) -> Part:
    """Make a part from flat points `[P, 3]` and lengths `[S]`."""
    count = max(1, 2 * len(points))
    mean = float(points[:, :2].sum(dtype=np.float64)) / count
    squares = 0.0
    for first in range(0, len(points), _ROWS):
        squares += float(np.square(points[first : first + _ROWS, :2] - mean).sum())
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return Part(points, offsets, int(lengths.max(initial=0)), mean, squares)


class Split(Sequence[np.ndarray]):
    """The sketches of a split, from one or more files, as a sequence of stroke-3 arrays.

    `split[i]` is a sketch `[n, 3]` float32, in data units, clamped; `split[:4]` and `split[[1, 5]]`
    are splits that contain some of the sketches. A notebook displays a split as pictures of some of
    its sketches.

    The points may be memory-mapped.
    """

    def __init__(self, parts: Sequence[Part]):
        self.parts = list(parts)
        self._ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.parts else 0

    @overload
    def __getitem__(self, index: int | np.integer) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> "Split": ...
    def __getitem__(
        self, index: int | np.integer | slice | Sequence[int] | np.ndarray
    ) -> "np.ndarray | Split":
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"sketch {index} of {len(self)}")
            return self.gather(np.array([int(index) % len(self)]))[0]
        return Split([make_part(*self.gather(np.arange(len(self))[index]))])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        if not len(self):
            return "<Split without sketches>"
        lengths = self.lengths()
        return f"<Split of {len(self)} sketches of {lengths.min()} to {lengths.max()} points>"

    def _repr_svg_(self) -> str:
        from sketch_rnn.drawing import draw

        return draw(list(self.spread(SHOWN)), cell=SHOWN_CELL, columns=10)._repr_svg_()

    def spread(self, count: int) -> "Split":
        """Return `count` sketches at even intervals, or all sketches if there are fewer."""
        chosen = np.linspace(0, len(self) - 1, min(count, len(self)))
        return self[chosen.round().astype(int)]

    def lengths(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Return the number of points in each of the given sketches, or in all, `[B]` int64."""
        if indices is None:
            return np.concatenate([np.diff(part.offsets) for part in self.parts])
        return np.array([end - start for _, start, end in self._find(indices)], np.int64)

    def gather(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the given sketches as flat points `[P, 3]` float32 and lengths `[B]` int64."""
        found = self._find(indices)
        return flatten([part.points[start:end] for part, start, end in found])

    def places(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which of the split's parts each sketch is in, and where in that part.

        Returns:
          The index of the part and the index of the sketch within the part, `[B]` each.
        """
        numbers = np.searchsorted(self._ends, indices, side="right")
        return numbers, indices - np.concatenate([[0], self._ends])[numbers]

    def _find(self, indices: np.ndarray) -> Iterator[tuple[Part, int, int]]:
        """Yield each sketch's `Part`, and where the sketch's points start and end in this part."""
        for number, index in zip(*(found.tolist() for found in self.places(indices)), strict=True):
            part = self.parts[number]
            yield part, int(part.offsets[index]), int(part.offsets[index + 1])


class TrainBatches:
    """Training batches, each of which depends only on (seed, step).

    For every step, `batch_size` sketches are drawn at random from the whole split, without
    replacement (with replacement if the split has fewer sketches). The batches are augmented and
    in model units.

    Args:
      split: the split to draw sketches from.
      hparams: the hyperparameters, of which `batch_size`, `max_seq_len` (N_max),
        `random_scale_factor` and `augment_stroke_prob` are used.
      scale_factor: the data set's scale factor.
      seed: a non-negative integer.
      shard: (index, count): make only shard `index` of the `count` equal shards of each batch.
    """

    def __init__(
        self,
        split: Split,
        hparams: HParams,
        scale_factor: float,
        seed: int,
        shard: tuple[int, int] = (0, 1),
    ):
        index, count = shard
        if hparams.batch_size % count:
            raise UserError(
                f"expected a batch_size that the {count} workers can divide equally, "
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
        self._seed = seed

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a step's batch: stroke-5 `[B, N_max + 1, 5]` float32 and lengths `[B]` int32."""
        size, spread = self._hparams.batch_size, self._hparams.random_scale_factor
        rng = np.random.default_rng([self._seed, int(step)])
        chosen = rng.choice(len(self._split), size, replace=len(self._split) < size)
        scale = rng.uniform(1 - spread, 1 + spread, (size, 2))
        ends = np.cumsum(self._split.lengths(chosen))
        uniform = rng.random(ends[-1], np.float32)

        points, lengths = self._split.gather(chosen[self._rows])
        points[:, :2] /= self._scale_factor
        last = ends[self._rows][-1]
        points, lengths = augment(
            points,
            lengths,
            scale[self._rows],
            uniform[last - len(points) : last],
            self._hparams.augment_stroke_prob,
        )
        batch = flat_to_stroke5(points, lengths, self._hparams.max_seq_len)
        return batch, lengths.astype(np.int32)


def eval_batches(
    split: Split, batch_size: int, scale_factor: float, max_seq_len: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the batches for validation, sorted by length and not augmented.

    Each is a pair: stroke-5 `[B, N_max + 1, 5]` float32 in model units, and lengths `[B]` int32.
    Sketches of equal length keep their order; the last batch may be smaller.
    """
    order = np.argsort(split.lengths(), kind="stable")
    for first in range(0, len(order), batch_size):
        points, lengths = split.gather(order[first : first + batch_size])
        points[:, :2] /= np.float32(scale_factor)
        yield flat_to_stroke5(points, lengths, max_seq_len), lengths.astype(np.int32)


def prefetch(make: Callable[[int], Made], first_step: int = 0) -> Iterator[Made]:
    """Yield `make(step)` for `first_step` and all later steps, without end.

    Another thread computes the values in order, while the caller uses earlier values. (An endless
    `tf.data` pipeline that calls Python would keep the interpreter from exiting.)
    """
    steps = itertools.count(first_step)
    with ThreadPoolExecutor(1, "batches") as pool:
        ahead = deque(pool.submit(make, step) for step in itertools.islice(steps, 4))
        while True:
            ahead.append(pool.submit(make, next(steps)))
            yield ahead.popleft().result()


def flatten(sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Convert stroke-3 sketches to flat points `[P, 3]` float32 and lengths `[B]` int64."""
    lengths = np.array([len(sketch) for sketch in sketches], np.int64)
    points = np.zeros((lengths.sum(), 3), np.float32)
    np.concatenate([np.zeros((0, 3)), *sketches], out=points, casting="unsafe")
    return points, lengths


def to_stroke5(sketches: Sequence[np.ndarray], max_len: int) -> np.ndarray:
    """Convert stroke-3 sketches to one stroke-5 batch `[B, max_len + 1, 5]` float32.

    Row 0 is the start token (0, 0, 1, 0, 0); each sketch is followed by rows (0, 0, 0, 0, 1).

    Raises:
      UserError: a sketch has more than `max_len` points.
    """
    return flat_to_stroke5(*flatten(sketches), max_len)


def flat_to_stroke5(points: np.ndarray, lengths: np.ndarray, max_len: int) -> np.ndarray:
    """Convert flat points `[P, 3]` and lengths `[B]` as `to_stroke5` does."""
    if len(lengths) and lengths.max() > max_len:
        i = int(np.argmax(lengths))
        raise UserError(
            f"expected sketches of at most {max_len} points, but sketch {i} has {lengths[i]}; "
            "simplify it, or use a model with a larger max_seq_len"
        )
    batch = np.zeros((len(lengths), max_len + 1, 5), np.float32)
    batch[:, :, 4] = 1
    batch[:, 0] = START_TOKEN
    row_of_sketch = np.arange(len(lengths)) * (max_len + 1) + 1
    rows = np.repeat(row_of_sketch - _starts(lengths), lengths) + np.arange(len(points))
    found = np.zeros((len(points), 5), np.float32)
    found[:, :2] = points[:, :2]
    found[:, 2] = 1 - points[:, 2]
    found[:, 3] = points[:, 2]
    batch.reshape(-1, 5)[rows] = found
    return batch


def augment(
    points: np.ndarray,
    lengths: np.ndarray,
    scale: np.ndarray,
    uniform: np.ndarray,
    drop_prob: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Scale each sketch, then drop points within its lines.

    The first three points of a line and its last point, after which the pen is lifted, are never
    dropped. Any other point is dropped if its random number in `uniform` is below `drop_prob`. The
    offset of a dropped point is added to that of the last point kept, so that later points do not
    move.

    Args:
      points: flat stroke-3 points `[P, 3]` float32.
      lengths: the number of points in each sketch, `[B]`.
      scale: the factors for x and y of each sketch, `[B, 2]`.
      uniform: a random number in [0, 1) for each point, `[P]`.
      drop_prob: the probability of dropping a point.

    Returns:
      The new points `[P', 3]` float32 and lengths `[B]`.
    """
    points = points.copy()
    points[:, :2] *= np.repeat(scale.astype(np.float32), lengths, axis=0)
    lifted = points[:, 2] > 0
    starts_line = np.zeros(len(points) + 3, bool)  # shifted by 3: no index is negative below
    starts_line[4:] = lifted[:-1] if len(points) else []
    starts_line[_starts(lengths)[lengths > 0] + 3] = True
    near_start = starts_line[3:] | starts_line[2:-1] | starts_line[1:-2]
    drop = ~lifted & ~near_start & (uniform < drop_prob)

    dropped, kept = np.flatnonzero(drop), ~drop
    into = np.cumsum(kept)[dropped] - 1
    result = points[kept]
    for axis in (0, 1):
        sums = np.bincount(into, weights=points[dropped, axis], minlength=len(result))
        result[:, axis] += sums.astype(np.float32)
    sketch = np.searchsorted(np.cumsum(lengths), dropped, side="right")
    return result, lengths - np.bincount(sketch, minlength=len(lengths))


def _starts(lengths: np.ndarray) -> np.ndarray:
    """Return the flat index of each sketch's first point, `[B]`."""
    return np.cumsum(lengths) - lengths
