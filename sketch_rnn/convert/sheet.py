"""Describe a data set with statistics and a contact sheet of its drawings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sketch_rnn import shipped, strokes
from sketch_rnn.choices import SPLITS
from sketch_rnn.data.dataset import Dataset, Split, load_dataset
from sketch_rnn.data.split import augment
from sketch_rnn.drawing import draw
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.pictures import Style

ARRANGEMENTS = ("random", "index", "length")
_PERCENTILES = (0, 1, 25, 50, 75, 99, 100)
_NAMES = ("min", "1%", "25%", "median", "75%", "99%", "max")
_SAMPLE = 20_000  # the most sketches that statistics are computed from


def read(path: str | Path) -> Dataset:
    """Load a data set from one file."""
    path = shipped.drawings(path)
    return load_dataset([path.name], path.parent)


def describe(dataset: Dataset) -> list[str]:
    """Return a table as lines of text: counts, distributions, and values that training derives."""
    lines = [_row("", "sketches", "points", "mean", _NAMES)]
    for name in SPLITS:
        lengths = getattr(dataset, name).lengths()
        lines.append(_distribution(f"{name}: points", lengths, len(lengths), lengths.sum()))
    points, lengths = _sample(dataset.train)
    lines += [
        _distribution("train: lines", _lines_of_each(points, lengths)),
        _distribution("train: longer side", _longer_sides(points, lengths)),
        _distribution("train: dx", points[:, 0]),
        _distribution("train: dy", points[:, 1]),
    ]
    lines.append(f"scale factor {dataset.scale_factor:.4f}, N_max {dataset.max_seq_len}")
    return lines


def contact_sheet(
    split: Split,
    path: str | Path,
    arrange: str = "random",
    count: int = 60,
    seed: int = 0,
    style: Style | None = None,
) -> None:
    """Draw sketches of a split, labeled with their index and number of points.

    Args:
      split: the sketches.
      path: the `.svg` or `.png` to write.
      arrange: `index` draws the first sketches, `random` draws random ones, and `length` draws
        sketches from the shortest to the longest, evenly spaced by rank.
      count: the number of sketches.
      seed: the seed for the random choice.
      style: the look of the drawings.
    """
    if count < 1:
        raise UserError(f"count: expected a number of at least 1, got {count}")
    count = min(count, len(split))
    if arrange == "length":
        order = np.argsort(split.lengths(), kind="stable")
        chosen = order[np.linspace(0, len(split) - 1, count).round().astype(int)]
    elif arrange == "random":
        chosen = np.random.default_rng(seed).permutation(len(split))[:count]
    else:
        chosen = np.arange(count)
    sketches = _sketches(*split.gather(chosen))
    labels = [f"{i}: {len(sketch)} points" for i, sketch in zip(chosen, sketches, strict=True)]
    draw(
        sketches,
        path,
        style=style,
        labels=labels,
        caption="index of each drawing and its number of points",
    )


def augmentation_sheet(
    split: Split,
    index: int,
    path: str | Path,
    hparams: HParams,
    count: int = 20,
    seed: int = 0,
    style: Style | None = None,
) -> None:
    """Draw one sketch, then augmented versions of it, as training would see them.

    The labels give the factors by which each augmented version is stretched, and its number of
    points.
    """
    if not 0 <= index < len(split):
        raise UserError(f"index: expected a number from 0 to {len(split) - 1}, got {index}")
    points, lengths = split.gather(np.full(max(count - 1, 1), index))
    rng = np.random.default_rng(seed)
    spread = hparams.random_scale_factor
    scale = rng.uniform(1 - spread, 1 + spread, (len(lengths), 2))
    uniform = rng.random(len(points), np.float32)
    points, lengths = augment(points, lengths, scale, uniform, hparams.augment_stroke_prob)
    augmented = _sketches(points, lengths)
    labels = [f"{x:.0%} {y:.0%}: {n} points" for (x, y), n in zip(scale, lengths, strict=True)]
    original = split[index]
    draw(
        [original, *augmented],
        path,
        style=style,
        labels=[f"{index}: {len(original)} points", *labels],
        caption="index of the drawing; for augmented versions, the new width and height in percent",
    )


def _sketches(points: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    return np.split(points, np.cumsum(lengths)[:-1])


def _sample(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return the concatenated points and the lengths of all sketches, or of a sample."""
    return split.gather(np.linspace(0, len(split) - 1, min(len(split), _SAMPLE)).astype(int))


def _lines_of_each(points: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return np.add.reduceat(points[:, 2], np.cumsum(lengths) - lengths)


def _longer_sides(points: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the longer side of each sketch's bounding box, which includes the point (0, 0)."""
    boxes = [strokes.bounds(sketch) for sketch in _sketches(points, lengths)]
    min_x, max_x, min_y, max_y = np.array(boxes).T
    width = np.maximum(max_x, 0) - np.minimum(min_x, 0)
    return np.maximum(width, np.maximum(max_y, 0) - np.minimum(min_y, 0))


def _distribution(name: str, values: np.ndarray, sketches: object = "", points: object = "") -> str:
    spread = [f"{n:.0f}" for n in np.percentile(values, _PERCENTILES)]
    return _row(name, sketches, points, f"{values.mean():.1f}", spread)


def _row(name: str, sketches: object, points: object, mean: str, spread: Sequence[str]) -> str:
    cells = "".join(f"{cell:>8}" for cell in spread)
    return f"{name:<19}{sketches:>9}{points:>11}{mean:>9}{cells}"
