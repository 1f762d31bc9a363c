"""Does a model copy its training drawings? Measure how close its drawings are to them.

The distance between two drawings is the mean distance from a point on one drawing's lines to the
nearest point on the other's, measured in both directions and divided by the longer side. Before the
distance is measured, both drawings are moved to the same place and scaled to the same size; where
their proportions differ, one drawing is stretched, by `STRETCH` at most.

Legend: S drawings, R points on the lines of each.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sketch_rnn.data.dataset import Dataset
from sketch_rnn.drawing import draw
from sketch_rnn.errors import UserError
from sketch_rnn.formats import load_model
from sketch_rnn.model.sampling import random_z
from sketch_rnn.training.evaluate import dataset_of

POINTS = 64  # R
STRETCH = 1.4  # the most that a side is stretched to match another drawing
GENERATED = 40
TEMPERATURE = 0.3
SEED = 1
FEW_HELD_OUT = 30  # with fewer held out, distances between training drawings are measured too
NEAR = 0.1  # the share of real drawings that count as close to a training drawing
MANY = 0.5  # the share of close generated drawings that counts as copying
PAIRS = 10  # pairs of drawings in a picture
_CHUNK = 16  # drawings compared in one batch: their distances fit into a processor's cache


@dataclass(frozen=True)
class Copies:
    """Distances from drawings to their nearest training drawings, relative to the longer side.

    Attributes:
      drawn: S drawings by the model, stroke-3 in data units.
      nearest: for each drawing by the model, the nearest training drawing.
      distances: the distance from each drawing to its nearest training drawing, `[S]`.
      real: the distances from drawings that the model has not seen to their nearest training
        drawings; if there are few such drawings, also from each training drawing to the nearest
        other training drawing.
    """

    drawn: list[np.ndarray]
    nearest: list[np.ndarray]
    distances: np.ndarray
    real: np.ndarray

    @property
    def close_share(self) -> float:
        """The share of the model's drawings that are very close to a training drawing.

        A drawing is very close if it is closer to its nearest training drawing than 90% of the real
        drawings are to theirs.
        """
        return float(np.mean(self.distances < np.quantile(self.real, NEAR)))

    @property
    def verdict(self) -> str:
        """One line of text that tells whether the model copies its training drawings."""
        found = f"{self.close_share:.0%} of {len(self.drawn)} drawings are closer to a training"
        found += " drawing than 90% of real drawings are"
        if self.close_share >= MANY:
            return (
                f"the model copies its training drawings: {found}; train for fewer steps or on "
                "more drawings"
            )
        if self.close_share > 2 * NEAR:
            return f"some drawings may be copies: {found} (10% would be expected by chance)"
        return f"no sign of copying: {found} (10% would be expected by chance)"

    def table(self) -> list[str]:
        """Return the distances as lines of text."""
        rows = [("drawn by the model", self.distances), ("real drawings", self.real)]
        lines = [f"{'distance to the nearest training drawing':42}{'nearest':>8}{'median':>8}"]
        for name, values in rows:
            text = f"{name} ({len(values)})"
            lines.append(f"{text:42}{values.min():>8.1%}{np.median(values):>8.1%}")
        return lines

    def picture(self, path: Path) -> None:
        """Draw the closest pairs."""
        order = np.argsort(self.distances)[:PAIRS]
        pairs = [sketch for i in order for sketch in (self.drawn[i], self.nearest[i])]
        labels = [text for i in order for text in (f"{self.distances[i]:.1%}", "")]
        titles = ("by the model", "in training") * min(2, len(order))
        draw(pairs, path, columns=len(titles), labels=labels, column_titles=titles)


def find_copies(
    path: str, data_dir: str | None = None, checkpoint: str = "best", count: int = GENERATED
) -> Copies:
    """Draw with a model, and find the nearest training drawing of each drawing.

    Args:
      path: the model's path.
      data_dir: the folder of its data set; None means the folder that its run used.
      checkpoint: "best" or "latest", for a run.
      count: how many drawings to make.

    Raises:
      UserError: the model or its data set is missing, or all drawings are empty.
    """
    model = load_model(path, checkpoint)
    dataset = dataset_of(path, model.hparams.data_set, data_dir)
    z = random_z(model, count, SEED)
    count = 1 if z is not None else count
    drawn = model.decode(z, count, temperature=TEMPERATURE, seed=SEED)
    if not any(len(sketch) for sketch in drawn):
        raise UserError(f"{path}: all {count} drawings are empty; train the model for longer")
    return copies_of(drawn, dataset)


def copies_of(drawn: Sequence[np.ndarray], dataset: Dataset) -> Copies:
    """Find the training drawing that is nearest to each drawing; skip empty drawings."""
    drawn, nearest, distances, training = _nearest(drawn, dataset)
    return Copies(drawn, nearest, distances, np.array([*_real(training, dataset)]))


def copies_if_many(drawn: Sequence[np.ndarray], dataset: Dataset) -> Copies | None:
    """Return the result of `copies_of` if the model copies its training drawings, else None.

    The model copies if `Copies.close_share` is `MANY` or more. The search stops as soon as the real
    drawings examined so far show that `close_share` must be less than `MANY`. Thus it takes little
    time at the end of a run if the model does not copy its training drawings.
    """
    drawn, nearest, distances, training = _nearest(drawn, dataset)
    decisive = np.sort(distances)[math.ceil(MANY * len(distances)) - 1]
    real, as_close = [], 0
    enough = math.floor(NEAR * (_count_real(dataset) - 1)) + 2  # then NEAR's quantile <= decisive
    for distance in _real(training, dataset):
        real.append(distance)
        as_close += distance <= decisive
        if as_close >= enough:
            return None
    found = Copies(drawn, nearest, distances, np.array(real))
    return found if found.close_share >= MANY else None


def _nearest(
    drawn: Sequence[np.ndarray], dataset: Dataset
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, "_Shapes"]:
    """Find the training drawing that is nearest to each drawing; skip empty drawings.

    Returns:
      The drawings that are not empty, the training drawing nearest to each, the distances between
      them, `[S]`, and all training drawings.
    """
    training = _Shapes([dataset.train[i] for i in range(len(dataset.train))])
    drawn = [sketch for sketch in drawn if len(sketch)]
    found = [training.nearest(*shape) for shape in _Shapes(drawn).points_and_sides()]
    nearest = [dataset.train[i] for i, _ in found]
    return drawn, nearest, np.array([distance for _, distance in found]), training


def _real(training: "_Shapes", dataset: Dataset) -> Iterator[float]:
    """Yield the distances of real drawings, as in `Copies.real`.

    `_count_real` returns the number of these distances.
    """
    held = [split[i] for split in (dataset.valid, dataset.test) for i in range(len(split))]
    for shape in _Shapes(held).points_and_sides():
        yield training.nearest(*shape)[1]
    if _count_real(dataset) > len(held):
        for i, shape in enumerate(training.points_and_sides()):
            yield training.nearest(*shape, but=i)[1]


def _count_real(dataset: Dataset) -> int:
    held, count = len(dataset.valid) + len(dataset.test), len(dataset.train)
    return held + count if held < FEW_HELD_OUT and count > 1 else held


class _Shapes:
    """Drawings as points `[S, R, 2]`, centered, with a longer side of 1."""

    def __init__(self, sketches: Sequence[np.ndarray]):
        shapes = [_shape(sketch) for sketch in sketches]
        self.points = np.array([points for points, _ in shapes], np.float32).reshape(-1, POINTS, 2)
        self.sides = np.array([sides for _, sides in shapes]).reshape(-1, 2)

    def points_and_sides(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Return the points `[R, 2]` and the side lengths `[2]` of each drawing."""
        return zip(self.points, self.sides, strict=True)

    def nearest(self, points: np.ndarray, sides: np.ndarray, but: int = -1) -> tuple[int, float]:
        """Return the index and the distance of the nearest drawing; ignore the drawing `but`."""
        found = np.concatenate(
            [
                _distances(points, sides, self.points[i : i + _CHUNK], self.sides[i : i + _CHUNK])
                for i in range(0, len(self.points), _CHUNK)
            ]
        )
        if but >= 0:
            found[but] = np.inf
        return int(found.argmin()), float(found.min())


def _distances(
    points: np.ndarray, sides: np.ndarray, others: np.ndarray, their_sides: np.ndarray
) -> np.ndarray:
    """Return the distances from one drawing to each of several, `[S]`."""
    stretch = np.clip(their_sides / sides, 1 / STRETCH, STRETCH)
    matched = points[None] * stretch[:, None]  # [S, R, 2]
    squares = np.zeros([len(others), POINTS, POINTS], np.float32)
    for axis in range(2):
        offset = matched[:, :, None, axis].astype(np.float32) - others[:, None, :, axis]
        squares += np.square(offset, out=offset)
    there, back = np.sqrt(squares.min(axis=2)), np.sqrt(squares.min(axis=1))
    return (there.mean(axis=1) + back.mean(axis=1)) / 2


def _shape(sketch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points `[R, 2]` at even distances along a drawing's lines, and its width and height.

    The width and height are an array `[2]`.
    """
    offsets = np.asarray(sketch, np.float64)[:, :2]
    corners = np.concatenate([np.zeros((1, 2)), np.cumsum(offsets, axis=0)])
    is_drawn = np.concatenate([[True], sketch[:-1, 2] == 0])  # the pen was down on the way there
    steps = np.where(is_drawn, np.linalg.norm(offsets, axis=1), 0.0)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    length += np.arange(len(length)) * 1e-9  # interpolation needs it to increase everywhere
    at = np.linspace(0, length[-1], POINTS)
    low, high = corners.min(axis=0), corners.max(axis=0)
    longer = max(float((high - low).max()), 1e-9)
    centered = (corners - (low + high) / 2) / longer
    points = np.stack([np.interp(at, length, centered[:, axis]) for axis in (0, 1)], axis=1)
    return points, np.maximum((high - low) / longer, 1e-3)
