"""Does a model copy? How near its drawings are to those that it was trained on.

The distance of two drawings is how far a point on a line of one is from the nearest of the other,
on average and in both directions, as a share of the longer side, after both have been brought to
the same place and size; where their proportions differ one is stretched, within limits.

Legend: S drawings, R points on the lines of each.
"""

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
STRETCH = 1.4  # of a side, at most, to lie over another drawing
GENERATED = 40
TEMPERATURE = 0.3
SEED = 1
FEW_HELD_OUT = 30  # below, training drawings among each other are measured too
NEAR = 0.1  # quantile of the distances of real drawings; fewer than so many are as near by chance
MANY = 0.5  # share of the generated drawings
PAIRS = 10  # in a picture
_CHUNK = 256  # drawings that are compared at once


@dataclass(frozen=True)
class Copies:
    """How near drawings are to the nearest training drawing, as shares of their longer sides.

    Attributes:
      drawn: what the model drew, stroke-3 in data units; `[S]`.
      nearest: the training drawing that is nearest to each.
      distances: to it, of each, `[S]`.
      real: the distances of drawings that the model has not seen, or of each training drawing to
        the nearest other one.
    """

    drawn: list[np.ndarray]
    nearest: list[np.ndarray]
    distances: np.ndarray
    real: np.ndarray

    @property
    def share(self) -> float:
        """Of the drawn, what is nearer than nine in ten of the real ones are."""
        return float(np.mean(self.distances < np.quantile(self.real, NEAR)))

    @property
    def verdict(self) -> str:
        """One line for a person."""
        found = f"{self.share:.0%} of {len(self.drawn)} drawings are nearer to a training drawing"
        found += " than nine in ten drawings are that were not learnt"
        if self.share >= MANY:
            return f"the model copies: {found}; take fewer steps, or more drawings"
        return f"the model does not copy: {found}, where 10% are so by chance"

    def table(self) -> list[str]:
        """The distances, as lines of text."""
        rows = [("drawn by the model", self.distances), ("drawings it has not learnt", self.real)]
        lines = [f"{'distance to the nearest training drawing':42}{'nearest':>8}{'median':>8}"]
        for name, values in rows:
            text = f"{name} ({len(values)})"
            lines.append(f"{text:42}{values.min():>8.1%}{np.median(values):>8.1%}")
        return lines

    def picture(self, path: Path) -> None:
        """Draws the nearest pairs."""
        order = np.argsort(self.distances)[:PAIRS]
        pairs = [sketch for i in order for sketch in (self.drawn[i], self.nearest[i])]
        labels = [text for i in order for text in (f"{self.distances[i]:.1%}", "")]
        titles = ("drawn", "nearest learnt") * min(2, len(order))
        draw(pairs, path, columns=len(titles), labels=labels, column_titles=titles)


def find_copies(
    path: str, data_dir: str | None = None, checkpoint: str = "best", count: int = GENERATED
) -> Copies:
    """Draws with a model, and finds the nearest training drawing of each.

    Args:
      path: of the model.
      data_dir: where its data set is; None is where its run had it.
      checkpoint: of a run, "best" or "latest".
      count: drawings.

    Raises:
      UserError: there is no model or no data set, or nothing was drawn.
    """
    model = load_model(path, checkpoint)
    dataset = dataset_of(path, model.hparams.data_set, data_dir)
    z = random_z(model, count, SEED)
    count = 1 if z is not None else count
    drawn = model.decode(z, count, temperature=TEMPERATURE, seed=SEED)
    if not any(len(sketch) for sketch in drawn):
        raise UserError(f"{path}: what the model draws is empty; train it for longer")
    return copies_of(drawn, dataset)


def copies_of(drawn: Sequence[np.ndarray], dataset: Dataset) -> Copies:
    """The nearest training drawing of each that is not empty, and how near real ones are."""
    learnt = _Shapes([dataset.train[i] for i in range(len(dataset.train))])
    drawn = [sketch for sketch in drawn if len(sketch)]
    found = [learnt.nearest(*shape) for shape in _Shapes(drawn).each()]
    held = [split[i] for split in (dataset.valid, dataset.test) for i in range(len(split))]
    real = [learnt.nearest(*shape)[1] for shape in _Shapes(held).each()]
    if len(held) < FEW_HELD_OUT and len(dataset.train) > 1:
        real += [learnt.nearest(*shape, but=i)[1] for i, shape in enumerate(learnt.each())]
    nearest = [dataset.train[i] for i, _ in found]
    return Copies(list(drawn), nearest, np.array([d for _, d in found]), np.array(real))


class _Shapes:
    """Drawings as points `[S, R, 2]` about the middle of a box whose longer side is 1."""

    def __init__(self, sketches: Sequence[np.ndarray]):
        shapes = [_shape(sketch) for sketch in sketches]
        self.points = np.array([points for points, _ in shapes]).reshape(-1, POINTS, 2)
        self.sides = np.array([sides for _, sides in shapes]).reshape(-1, 2)

    def each(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The points `[R, 2]` and the sides `[2]` of each."""
        return zip(self.points, self.sides, strict=True)

    def nearest(self, points: np.ndarray, sides: np.ndarray, but: int = -1) -> tuple[int, float]:
        """The number of the nearest drawing but one, and its distance."""
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
    """From one drawing to each of several, `[S]`."""
    stretch = np.clip(their_sides / sides, 1 / STRETCH, STRETCH)
    laid = points[None] * stretch[:, None]  # [S, R, 2]
    apart = np.linalg.norm(laid[:, :, None] - others[:, None], axis=3)  # [S, R, R]
    return (apart.min(axis=2).mean(axis=1) + apart.min(axis=1).mean(axis=1)) / 2


def _shape(sketch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points evenly on the lines of a drawing, `[R, 2]`, and the sides of its box, `[2]`."""
    offsets = np.asarray(sketch, np.float64)[:, :2]
    corners = np.concatenate([np.zeros((1, 2)), np.cumsum(offsets, axis=0)])
    is_drawn = np.concatenate([[True], sketch[:-1, 2] == 0])  # the pen came there on the paper
    steps = np.where(is_drawn, np.linalg.norm(offsets, axis=1), 0.0)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    way += np.arange(len(way)) * 1e-9  # so that it grows where the pen is up
    at = np.linspace(0, way[-1], POINTS)
    low, high = corners.min(axis=0), corners.max(axis=0)
    longer = max(float((high - low).max()), 1e-9)
    middle = (corners - (low + high) / 2) / longer
    points = np.stack([np.interp(at, way, middle[:, axis]) for axis in (0, 1)], axis=1)
    return points, np.maximum((high - low) / longer, 1e-3)
