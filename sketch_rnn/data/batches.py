"""Batches for training and evaluation; a training batch depends only on (seed, step).

Dimensions: B batch, N_max longest sketch.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.data.split import Split
from sketch_rnn.errors import UserError, warn
from sketch_rnn.hparams import HParams

Made = TypeVar("Made")


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
        points, lengths = strokes.augment(
            points,
            lengths,
            scale[self._rows],
            uniform[last - len(points) : last],
            self._hparams.augment_stroke_prob,
        )
        batch = strokes.flat_to_stroke5(points, lengths, self._hparams.max_seq_len)
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
        yield strokes.flat_to_stroke5(points, lengths, max_seq_len), lengths.astype(np.int32)


def prefetch(make: Callable[[int], Made], first_step: int = 0) -> Iterator[Made]:
    """Yield `make(step)` for every step from `first_step` on, without end.

    Another thread computes the values in order, while the caller uses earlier values. (An endless
    `tf.data` pipeline that calls Python would keep the interpreter from exiting.)
    """
    steps = itertools.count(first_step)
    with ThreadPoolExecutor(1, "batches") as pool:
        ahead = deque(pool.submit(make, step) for step in itertools.islice(steps, 4))
        while True:
            ahead.append(pool.submit(make, next(steps)))
            yield ahead.popleft().result()
