"""Tables that compare models by their losses, with one row per model and file or per drawing.

All losses are in nats. Divided by N_max and averaged over drawings, they are the paper's losses
(Ha & Eck 2017, table 1). For a drawing with n points, the paper's loss is the loss per point times
n / N_max.

The density of an offset, and so its loss, depends on the unit of length. Losses are in model units,
which differ from model to model. To compare models, use the losses in units that make the drawing's
longer side 1 ("at size 1"). For a drawing whose longer side is s model units, the loss per point in
model units is the loss per point at size 1, plus 2 ln s.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TextIO

import numpy as np

from sketch_rnn.convert.inputs import Choice, Size, read_named
from sketch_rnn.data.dataset import Split
from sketch_rnn.data.layout import AS_IT_LOOKS, Layout
from sketch_rnn.data.split import flatten, make_part
from sketch_rnn.drawing import draw
from sketch_rnn.formats import load_model
from sketch_rnn.formats.full_size import find_full_size
from sketch_rnn.hparams import HParams
from sketch_rnn.strokes import longer_side
from sketch_rnn.training.evaluate import Evaluation, dataset_of, evaluator_of

ALL = "all"  # the file name in a row that sums up several files
EXTREMES_IN_A_ROW = 10
LEGEND = """
All losses are in nats. L_R, offset, pen and L_KL are means over the drawings, as in the paper.
L_R: the reconstruction cost, divided by N_max
offset: the part of L_R for the offsets
pen: the part of L_R for the pen states
L_R/point: L_R, divided by the number of actual points (without padding) instead of N_max
L_R/point at size 1: L_R/point if the longer side of each drawing is 1; use it to compare models
L_KL: the KL cost per dimension of z; the floor is not applied
cost: L_R + kl_weight_start * L_KL, with the floor applied to L_KL, as in a run's validation
"""


@dataclass(frozen=True)
class Row:
    """A model's costs on the drawings of a file.

    Attributes:
      model: the name of the model.
      file: the name of the file; `all` means several files together.
      split: the name of the split.
      sketches: the number of drawings.
      points: the number of points in all drawings.
      N_max: the number that losses are divided by.
      offset: the mean over drawings of L_s / N_max (equation 9).
      pen: the mean over drawings of L_p / N_max (equation 9).
      reconstruction: L_R, the sum of `offset` and `pen`.
      per_point: L_R, divided by the number of actual points instead of N_max.
      per_point_of_1: the value that `per_point` would have if the longer side of each drawing were
        1.
      kl_before_floor: L_KL (equation 10).
      kl: L_KL, where a batch whose L_KL is below the floor counts as the floor.
      cost: the cost, computed as in a run's validation.
    """

    model: str
    file: str
    split: str
    sketches: int
    points: int
    N_max: int
    offset: float
    pen: float
    reconstruction: float
    per_point: float
    per_point_of_1: float
    kl_before_floor: float
    kl: float
    cost: float


@dataclass(frozen=True)
class Evaluated:
    """A model's costs on the drawings of some files.

    Attributes:
      model: the model's name.
      hparams: the model's hyperparameters.
      scale_factor: the number of data units in a model unit.
      max_seq_len: N_max, the number that losses are divided by.
      split_name: "train", "valid" or "test".
      split: the drawings, with one part per file.
      files: the name of each file.
      names: the name of each drawing within its file; None means that drawings are named by their
        index.
      table: the costs, with one row per drawing.
    """

    model: str
    hparams: HParams
    scale_factor: float
    max_seq_len: int
    split_name: str
    split: Split
    files: Sequence[str]
    names: Sequence[str] | None
    table: Evaluation

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """The index of each row's file, and the drawing's index within that file, `[S]` each."""
        return self.split.places(self.table.index)

    @property
    def file_numbers(self) -> np.ndarray:
        """The index of each row's file, `[S]`."""
        return self.places[0]

    @cached_property
    def surprise(self) -> np.ndarray:
        """How unlikely each row's drawing is for the model, `[S]`, in nats per point.

        This is the cost of z and of the drawing given z, divided by the number of points:
        (L_R * N_max + the KL summed over z) / the number of points.
        """
        reconstruction = (self.table.offset + self.table.pen) * self.max_seq_len
        return (reconstruction + self.table.kl.sum(axis=1)) / self.table.points

    @cached_property
    def to_side_of_1(self) -> np.ndarray:
        """The number to add to each drawing's loss per point to correct for its size, `[S]`.

        The sum is the loss per point, in nats, in units in which the longer side of the drawing is
        1.
        """
        sides = np.array([longer_side(self.drawing(row)) for row in range(len(self.table.index))])
        return 2 * np.log(self.scale_factor / np.where(sides > 0, sides, self.scale_factor))

    def rows(self) -> list[Row]:
        """Return one row per file, and a row for all files if there are several."""
        rows = [self._row(name, self.file_numbers == i) for i, name in enumerate(self.files)]
        if len(rows) > 1:
            rows.append(self._row(ALL, np.ones(len(self.table.index), bool)))
        return rows

    def _row(self, file: str, chosen: np.ndarray) -> Row:
        table = self.table.of(chosen)
        costs, points = table.costs(self.hparams), int(table.points.sum())
        per_point = costs.reconstruction * self.max_seq_len * len(table.index) / points
        to_side_of_1 = float(np.average(self.to_side_of_1[chosen], weights=table.points))
        return Row(
            model=self.model,
            file=file,
            split=self.split_name,
            sketches=len(table.index),
            points=points,
            N_max=self.max_seq_len,
            offset=float(table.offset.mean()),
            pen=float(table.pen.mean()),
            reconstruction=costs.reconstruction,
            per_point=per_point,
            per_point_of_1=per_point + to_side_of_1,
            kl_before_floor=table.kl_before_floor,
            kl=costs.kl,
            cost=costs.cost,
        )

    def drawing(self, row: int) -> np.ndarray:
        """Return the drawing of a row, stroke-3 `[n, 3]` in data units."""
        return self.split[int(self.table.index[row])]

    def label(self, row: int) -> str:
        """Return the name of a row's drawing within its file, or its index in the file."""
        if self.names is not None:
            return self.names[self.table.index[row]]
        return str(self.places[1][row])


def evaluate_data_set(
    path: str,
    data_dir: str | None = None,
    split: str = "test",
    checkpoint: str = "best",
    data_set: Sequence[str] = (),
) -> Evaluated:
    """Evaluate a model on a data set, by default its training data set; see `evaluate`."""
    model = load_model(path, checkpoint)
    names = data_set or model.hparams.data_set
    dataset = dataset_of(path, names, data_dir)
    evaluator = evaluator_of(path, model, dataset.scale_factor, dataset.max_seq_len)
    drawings: Split = getattr(dataset, split)
    return Evaluated(
        model=path,
        hparams=model.hparams,
        scale_factor=evaluator.scale_factor,
        max_seq_len=evaluator.max_seq_len,
        split_name=split,
        split=drawings,
        files=names,
        names=None,
        table=evaluator.evaluate(drawings, split),
    )


def evaluate_inputs(
    path: str,
    inputs: Sequence[str],
    split: str = "test",
    checkpoint: str = "best",
    full_size: float | None = None,
    layout: Layout = AS_IT_LOOKS,
) -> Evaluated:
    """Evaluate a model on other drawings.

    Args:
      path: the model's path.
      inputs: files and folders, as for `convert.inputs.read_inputs`; each counts as one file.
      split: the split to read from inputs that have splits. The random numbers that z is sampled
        with depend on this name.
      checkpoint: "best" or "latest", for a run.
      full_size: the longer side of drawings whose format has no fixed size; see `find_full_size`.
      layout: the meaning of the rows of stored sketches.

    Raises:
      UserError: an input cannot be read, or the model does not know its scale factor.
    """
    model = load_model(path, checkpoint)
    hparams, parts, names = model.hparams, [], []
    size = Size(full=find_full_size(model, path, full_size))
    for name in inputs:
        drawings = read_named(
            name, hparams.data_set, hparams.max_seq_len, Choice(split), size, layout
        )
        parts.append(make_part(*flatten([drawing.sketch for drawing in drawings])))
        names += [drawing.name for drawing in drawings]
    evaluator = evaluator_of(path, model, None, max(part.longest for part in parts))
    return Evaluated(
        model=path,
        hparams=hparams,
        scale_factor=evaluator.scale_factor,
        max_seq_len=evaluator.max_seq_len,
        split_name=split,
        split=Split(parts),
        files=inputs,
        names=names,
        table=evaluator.evaluate(Split(parts), split),
    )


def write_drawings(evaluated: Sequence[Evaluated], file: TextIO) -> None:
    """Write a CSV with the costs of each drawing, one row per drawing.

    The mean over the drawings in a file is the value that `rows` returns for this file.
    """
    writer = csv.writer(file, lineterminator="\n")
    costs = ["offset", "pen", "reconstruction", "kl_before_floor", "surprise", "surprise_of_1"]
    writer.writerow(["model", "file", "split", "drawing", "points", *costs])
    for found in evaluated:
        table = found.table
        kl = table.kl.mean(axis=1) if table.kl.shape[1] else np.zeros(len(table.index))
        surprises = (found.surprise, found.surprise + found.to_side_of_1)
        values = np.stack([table.offset, table.pen, table.offset + table.pen, kl, *surprises])
        for row, number in enumerate(found.file_numbers):
            name = [found.model, found.files[number], found.split_name, found.label(row)]
            writer.writerow([*name, int(table.points[row]), *values[:, row].tolist()])


def draw_extremes(evaluated: Evaluated, count: int, path: Path) -> None:
    """Draw the oddest and the plainest drawings, each with its surprise in nats per point."""
    order = np.argsort(-evaluated.surprise, kind="stable")
    count = min(count, len(order))
    columns = min(count, EXTREMES_IN_A_ROW)
    sketches, labels, titles = [], [], []
    for title, chosen in (("oddest", order[:count]), ("plainest", order[::-1][:count])):
        empty = -len(chosen) % columns
        sketches += [evaluated.drawing(row) for row in chosen] + [np.zeros((0, 3))] * empty
        labels += [_cost_label(evaluated, row) for row in chosen] + [""] * empty
        titles += [title] + [""] * ((len(chosen) - 1) // columns)
    draw(sketches, path, columns=columns, labels=labels, row_titles=titles)


def _cost_label(evaluated: Evaluated, row: int) -> str:
    name = Path(evaluated.label(row)).name
    if len(evaluated.files) > 1 and name.isdecimal():
        name = f"{Path(evaluated.files[evaluated.file_numbers[row]]).stem} {name}"
    return f"{evaluated.surprise[row]:.2f}: {name}"


def text_table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a human-readable table, and an explanation of its columns."""
    heads = ["model", "file", "split", "drawings", "points", "N_max", "offset", "pen", "L_R"]
    heads += ["L_R/point", "L_R/point at size 1", "L_KL", "cost"]
    table = [heads]
    for row in rows:
        losses = (row.offset, row.pen, row.reconstruction, row.per_point, row.per_point_of_1)
        table.append(
            [row.model, row.file, row.split, str(row.sketches), str(row.points), str(row.N_max)]
            + [f"{loss:.4f}" for loss in (*losses, row.kl_before_floor, row.cost)]
        )
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = [
            cell.ljust(width) if i < 3 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    yield from LEGEND.rstrip().splitlines()


def _write_text(rows: Sequence[Row], file: TextIO) -> None:
    file.writelines(f"{line}\n" for line in text_table(rows))


def _write_json(rows: Sequence[Row], file: TextIO) -> None:
    """Write one JSON object per row, each on one line."""
    file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def _write_csv(rows: Sequence[Row], file: TextIO) -> None:
    writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)


FORMATS: dict[str, Callable[[Sequence[Row], TextIO], None]] = {
    "text": _write_text,
    "json": _write_json,
    "csv": _write_csv,
}
