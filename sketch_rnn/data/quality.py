"""Warnings about a data set, which its owner should read before training."""

from collections.abc import Iterator

import numpy as np

from sketch_rnn.data.dataset import Dataset, Split
from sketch_rnn.data.first_row import SAMPLE, is_place
from sketch_rnn.data.layout import oddities
from sketch_rnn.data.npz import LIMIT

FEW = 1000  # training sketches; with fewer, a model memorizes them
REPEATED = 2  # drawings; up to this number, `build` puts each drawing into every split
FEW_TO_CHOOSE_BY = 30  # validation sketches; with fewer, the best checkpoint is a matter of chance
FEW_HELD_BACK = 50  # validation or test sketches; with fewer, their cost means little
LONG = 300  # points; a step's time and memory grow with N_max
OUTLIER_RATIO = 1.5  # N_max relative to the length that 99% of the sketches need
MANY_COPIES = 0.01  # the largest share of training sketches that may be copies
MAX_BLOCKS = 24  # the most blocks of each split to examine, at even intervals
BLOCK = 8192  # sketches in a block


def dataset_warnings(
    dataset: Dataset, instead: str | None = "`config=few` chooses settings that suit them"
) -> list[str]:
    """Return a line for each property of a data set that harms training, with a remedy.

    Args:
      dataset: the data set to examine.
      instead: advice that ends the line about a data set with few drawings; None leaves out that
        line.
    """
    return [
        *_about_counts(dataset, instead),
        *_about_lengths(dataset),
        *_about_rows(dataset.train),
        *_about_offsets(dataset.train),
        *_about_copies(dataset),
    ]


def _about_counts(dataset: Dataset, instead: str | None) -> Iterator[str]:
    count = len(dataset.train)
    if count < FEW and instead is not None:
        yield (
            f"few sketches: {count} to train on; below {FEW} a model of the default size "
            f"memorizes them; {instead}"
        )
    count = len(dataset.valid)
    if count < FEW_TO_CHOOSE_BY:
        yield (
            f"{count} sketches in the valid split are too few to judge which checkpoint is best; "
            "also look at what `checkpoint=latest` draws"
        )
    for name in ("valid", "test"):
        count = len(getattr(dataset, name))
        if (FEW_TO_CHOOSE_BY if name == "valid" else 0) <= count < FEW_HELD_BACK:
            yield f"only {count} sketches in the {name} split; its cost will be noisy"


def _about_lengths(dataset: Dataset) -> Iterator[str]:
    lengths = np.concatenate([s.lengths() for s in (dataset.train, dataset.valid, dataset.test)])
    usual = int(np.percentile(lengths, 99))
    longest = dataset.max_seq_len
    if longest > OUTLIER_RATIO * usual:
        share = f"{np.mean(lengths > usual):.1%} of the sketches"
        yield (
            f"a few very long sketches make training slow: every step runs over N_max={longest} "
            f"points, although only {share} have more than {usual}; build the data set again with "
            f"`max_points={usual}`"
        )
    elif longest > LONG:
        yield (
            f"long sketches: every step runs over N_max={longest} points; build the data set "
            "again with a smaller `max_points` or a larger `epsilon` to train faster"
        )


def _about_rows(train: Split) -> Iterator[str]:
    chosen = np.linspace(0, len(train) - 1, min(len(train), SAMPLE)).astype(int)
    points, lengths = train.gather(chosen)
    found = oddities(np.split(points, np.cumsum(lengths)[:-1]))
    for clause in found:
        yield (
            f"the sketches of the train split {clause}; build the data set again, which corrects "
            "this"
        )
    if not found and is_place(points, lengths):
        yield (
            "the first row of the train split's sketches looks like the position of their first "
            "point; read as an offset, it draws a long line that nobody drew; build the data set "
            "again with --first_row=place"
        )


def _about_offsets(train: Split) -> Iterator[str]:
    clamped = sum(int((np.abs(points[:, :2]) >= LIMIT).sum()) for points, _ in _blocks(train))
    if clamped:
        yield (
            f"{clamped} offsets in the train split reach {LIMIT} or more and were reduced to "
            f"{LIMIT}; scale the drawings down (if many drawings are affected, "
            "sketch_rnn_dataset build scales them)"
        )


def _about_copies(dataset: Dataset) -> Iterator[str]:
    if len(dataset.train) <= REPEATED:
        return
    digests = list(_digests(dataset.train))
    train = set(digests)
    copies = len(digests) - len(train)
    if copies > MANY_COPIES * len(digests):
        yield (
            f"{copies} of {len(digests)} sketches in the train split are copies of others; build "
            "the data set again with `drop_copies`"
        )
    for name in ("valid", "test"):
        shared = len(train.intersection(_digests(getattr(dataset, name))))
        if shared:
            yield (
                f"the {name} split shares {shared} of its sketches with the train split, so its "
                "cost is too low; build the data set again with `drop_copies`"
            )


def _blocks(split: Split) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield a split's sketches, in blocks, as flat points `[P, 3]` and lengths.

    If there are very many sketches, yield only a sample.
    """
    firsts = np.arange(0, len(split), BLOCK)
    if len(firsts) > MAX_BLOCKS:
        firsts = firsts[np.linspace(0, len(firsts) - 1, MAX_BLOCKS).astype(int)]
    for first in firsts.tolist():
        yield split.gather(np.arange(first, min(first + BLOCK, len(split))))


def _digests(split: Split) -> Iterator[int]:
    """Yield a hash of each sketch, the same for identical sketches."""
    for points, lengths in _blocks(split):
        for sketch in np.split(points, np.cumsum(lengths)[:-1]):
            yield hash(sketch.tobytes())
