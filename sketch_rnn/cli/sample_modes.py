"""What `sketch_rnn_sample` draws in each mode.

Legend: B drawings, Z latent.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np

from sketch_rnn import drawing, files
from sketch_rnn.choices import SPLITS
from sketch_rnn.convert.sketches_json import to_lists
from sketch_rnn.data import dataset
from sketch_rnn.errors import UserError, warn
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.model import sampling
from sketch_rnn.model.network import SketchRNN

FEW_STEPS = 300
HIGH_KL = 0.6  # nats a dimension
LARGEST_Z_FILE = 256 << 20  # bytes of its `mu`


@dataclass
class Picture:
    """Rows of drawings, all of the same number.

    Attributes:
      rows: stroke-3 in data units; inputs and what the model made of them.
      titles: of each row; all empty or none.
      column_titles: or empty.
      is_row: keep a single row in one line.
      given: columns at the start of every row that are inputs.
      prefixes: points of each row's drawings that were given; or empty.
    """

    rows: list[list[np.ndarray]]
    titles: list[str] = field(default_factory=list)
    column_titles: list[str] = field(default_factory=list)
    is_row: bool = True
    given: int = 0
    prefixes: list[int] = field(default_factory=list)

    def drawn(self) -> list[np.ndarray]:
        """What the model drew."""
        return [sketch for row in self.rows for sketch in row[self.given :]]


@dataclass(frozen=True)
class SampleOptions:
    """How to draw.

    Attributes:
      temperatures: one or more.
      count: drawings, as the mode means it; None is the mode's default.
      steps: drawings of an interpolation, or of each side of a grid.
      spherical: interpolate on the sphere.
      greedy, max_len, seed: as in `SketchRNN.decode`.
    """

    temperatures: Sequence[float]
    count: int | None = None
    steps: int = 10
    spherical: bool = True
    greedy: bool = False
    max_len: int | None = None
    seed: int = 1


@dataclass(frozen=True)
class Sampler:
    """Draws with one model.

    Attributes:
      model: the model.
      options: how.
      inputs: drawings, stroke-3 in data units; may be empty.
      z: `[B, Z]` from a file, or None.
    """

    model: SketchRNN
    options: SampleOptions
    inputs: Sequence[np.ndarray] = ()
    z: np.ndarray | None = None

    def generate(self) -> Picture:
        """New drawings, of random z or of the given ones; a row for each temperature."""
        z = self.z
        if z is None:
            z = sampling.random_z(
                self.model, self.options.count or sampling.NEW_DRAWINGS, self.options.seed
            )
        elif self.options.count:
            z = np.repeat(z, self.options.count, axis=0)
        count = (self.options.count or sampling.NEW_DRAWINGS) if z is None else len(z)
        rows = [self._decode(z, count, t) for t in self.options.temperatures]
        if len(rows) == 1:
            return Picture(rows, is_row=False)
        return Picture(rows, self._temperature_titles())

    def reconstruct(self) -> Picture:
        """Each input, and what the model makes of it at each temperature."""
        mu, _ = self.model.encode(self.inputs)
        columns = [self._decode(mu, len(mu), t) for t in self.options.temperatures]
        rows = [list(row) for row in zip(self.inputs, *columns, strict=True)]
        titles = self._temperature_titles() if len(columns) > 1 else ["reconstruction"]
        return Picture(rows, column_titles=["input", *titles], given=1)

    def interpolate(self) -> Picture:
        """A row from each z to the next."""
        z = self._z_or_random(self.options.count or 2)
        if len(z) < 2:
            raise UserError(f"interpolate: expected two or more inputs, got {len(z)}")
        pairs = [
            sampling.interpolate(first, last, self.options.steps, self.options.spherical)
            for first, last in pairwise(z)
        ]
        picture = Picture([])
        for pair in pairs:
            for t in self.options.temperatures:
                picture.rows.append(self._decode(pair, self.options.steps, t))
        if len(self.options.temperatures) > 1:
            picture.titles = self._temperature_titles() * len(pairs)
        return picture

    def complete(self) -> Picture:
        """Each input finished in several ways, in a row."""
        options, picture = self.options, Picture([])
        for number, sketch in enumerate(self.inputs):
            z = None if self.z is None else self.z[number % len(self.z)]
            for t in options.temperatures:
                row = sampling.complete(
                    self.model,
                    sketch,
                    z,
                    options.count,
                    t,
                    options.greedy,
                    options.max_len,
                    options.seed + number,
                )
                picture.rows.append(row)
                picture.prefixes.append(len(sketch))
        if len(options.temperatures) > 1:
            picture.titles = self._temperature_titles() * len(self.inputs)
        return picture

    def temperature_row(self) -> Picture:
        """One z, or each of several, at all temperatures in a row."""
        z = None
        if self.model.hparams.conditional:
            z = self._z_or_random(self.options.count or 1)
        count = (self.options.count or 1) if z is None else len(z)
        columns = [self._decode(z, count, t) for t in self.options.temperatures]
        return Picture(
            [list(r) for r in zip(*columns, strict=True)], [], self._temperature_titles()
        )

    def analogy(self) -> Picture:
        """Three inputs, and what the first - the second + the third is; a row a temperature."""
        if len(self.inputs) != 3:
            raise UserError(f"analogy: expected three inputs, got {len(self.inputs)}")
        mu, _ = self.model.encode(self.inputs)
        z = sampling.analogy(*mu)
        count = self.options.count or 1
        rows = [
            [*self.inputs, *self._decode(np.repeat(z[None], count, axis=0), count, t)]
            for t in self.options.temperatures
        ]
        titles = ["input", "- input", "+ input", *["="] * count]
        row_titles = self._temperature_titles() if len(rows) > 1 else []
        return Picture(rows, row_titles, titles, given=3)

    def grid(self) -> Picture:
        """A square of z whose corners are four z: the first two above, the others below."""
        z = self._z_or_random(4)
        if len(z) != 4:
            raise UserError(f"grid: expected four inputs, got {len(z)}")
        if len(self.options.temperatures) > 1:
            raise UserError("grid: expected one temperature")
        steps = self.options.steps
        square = sampling.grid(z, steps, self.options.spherical).reshape(steps * steps, -1)
        drawn = self._decode(square, steps * steps, self.options.temperatures[0])
        return Picture([drawn[row * steps : (row + 1) * steps] for row in range(steps)])

    def _z_or_random(self, count: int) -> np.ndarray:
        """z of the file, of the inputs, or from the prior."""
        if self.z is not None:
            return self.z
        if self.inputs:
            return self.model.encode(self.inputs)[0]
        z = sampling.random_z(self.model, count, self.options.seed)
        return cast(np.ndarray, z)  # asked of conditional models only

    def _decode(self, z, count, temperature) -> list[np.ndarray]:
        count = count if z is None else 1
        return self.model.decode(
            z, count, temperature, self.options.greedy, self.options.max_len, self.options.seed
        )

    def _temperature_titles(self) -> list[str]:
        return [f"t = {t:g}" for t in self.options.temperatures]


MODES: dict[str, Callable[[Sampler], Picture]] = {
    "generate": Sampler.generate,
    "reconstruct": Sampler.reconstruct,
    "interpolate": Sampler.interpolate,
    "complete": Sampler.complete,
    "temperatures": Sampler.temperature_row,
    "analogy": Sampler.analogy,
    "grid": Sampler.grid,
}


def warn_of_junk(sampler: Sampler, run: RunFolder, checkpoint: str) -> None:
    """Warns where a run's model cannot draw well yet, or not from random z."""
    steps = run.steps_done(checkpoint) if run.holds_run() else None
    if steps is None:
        return
    if steps < FEW_STEPS:
        warn(
            f"this model has trained for {steps} steps; drawings can be recognised after some "
            f"hundreds: {run.path} can go on by sketch_rnn_train --resume_training"
        )
    takes_z = sampler.model.hparams.conditional and not sampler.inputs and sampler.z is None
    kl = run.validated(steps - 1)[1] if takes_z else None
    if kl is not None and kl > HIGH_KL:
        warn(
            f"random z mean little to this model: KL {kl:.2f} a dimension; try "
            "`mode=reconstruct`, or train with a larger kl_weight"
        )


def with_scale_factor(
    model: SketchRNN, scale_factor: float | None, data_dir: str | None
) -> SketchRNN:
    """The model with the scale factor, or where it has none with that of its data set.

    Raises:
      UserError: the scale factor is none, or the data set cannot be read.
    """
    if scale_factor is not None:
        if not 0 < scale_factor < 1e30:
            raise UserError(f"--scale_factor: expected a number above 0, got {scale_factor}")
        return model.with_scale_factor(scale_factor)
    if model.scale_factor is None and data_dir:
        data = dataset.load_dataset(model.hparams.data_set, data_dir)
        return model.with_scale_factor(data.scale_factor)
    return model


def check_scale_factor(model: SketchRNN) -> None:
    """Refuses a model without scale factor, which inputs need."""
    if model.scale_factor is None:
        raise UserError(
            "this model does not know its scale factor, which inputs need: give --scale_factor, "
            "or --data_dir to compute it"
        )


def first_half(sketch: np.ndarray) -> np.ndarray:
    """What to complete of a whole drawing: about half its points, up to the end of a line."""
    ends = np.flatnonzero(sketch[:-1, 2]) + 1  # there may be none
    nearest = ends[np.abs(ends - len(sketch) / 2).argmin()] if len(ends) else len(sketch) // 2
    return sketch[: max(nearest, 1)]


def read_z(path: str, model: SketchRNN) -> np.ndarray:
    """z `[B, Z]` from a file of `--mode=encode`: its `mu`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if file.zip.getinfo("mu.npy").file_size > LARGEST_Z_FILE:
                raise ValueError("it becomes too large")
            z = np.atleast_2d(np.asarray(file["mu"], np.float32))
    except FileNotFoundError:
        raise UserError(f"--z_file: there is no file {path}") from None
    except Exception:  # whatever a damaged file makes zipfile and NumPy raise
        raise UserError(
            f"--z_file: expected a file that --mode=encode wrote, with mu in it; {path} is none"
        ) from None
    size = model.hparams.z_size
    if z.ndim != 2 or z.shape[1] != size or not len(z) or not np.isfinite(z).all():
        raise UserError(f"--z_file: expected finite mu [B, {size}], got shape {list(z.shape)}")
    return z


def write_latent(path: Path, mu: np.ndarray, logvar: np.ndarray) -> None:
    """Writes `mu` and `logvar`, each `[B, Z]`."""
    with files.replacing(path) as file:
        np.savez(file, mu=mu, logvar=logvar)


def write(path: Path, picture: Picture, style: drawing.Style, animate: bool = False) -> None:
    """Writes a picture (.svg, .png), or what the model drew (.npz, .json)."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        _write_npz(path, picture.drawn())
    elif suffix == ".json":
        sketches = [to_lists(sketch) for sketch in picture.drawn()]
        with files.replacing(path) as file:
            file.write(json.dumps({"sketches": sketches}).encode() + b"\n")
    else:
        picture = _arranged(picture, style.columns)
        columns = len(picture.rows[0]) if len(picture.rows) > 1 or picture.is_row else None
        drawing.draw(
            [sketch for row in picture.rows for sketch in row],
            path,
            style=style,
            columns=columns,
            row_titles=picture.titles or None,
            column_titles=picture.column_titles or None,
            prefixes=np.repeat(picture.prefixes, len(picture.rows[0])).tolist()
            if picture.prefixes
            else 0,
            animate=animate,
        )


def _arranged(picture: Picture, columns: int | None) -> Picture:
    """The same with its rows in so many columns: a single row is broken, many go side by side.

    By default many short rows go side by side to about a square.
    """
    width, has_titles = len(picture.rows[0]), bool(picture.titles or picture.column_titles)
    if columns is not None and len(picture.rows) == 1 and not has_titles:
        return replace(picture, is_row=False)
    can_be_blocks = picture.is_row and not picture.titles and not picture.prefixes
    if columns is None:
        blocks = round(math.sqrt(len(picture.rows) / width)) if can_be_blocks else 1
        return _side_by_side(picture, blocks)
    if columns == width or (can_be_blocks and columns % width == 0):
        return _side_by_side(picture, columns // width)
    raise UserError(f"--columns: this picture has rows of {width} drawings, got {columns}")


def _side_by_side(picture: Picture, blocks: int) -> Picture:
    """The same with its rows in several blocks beside each other."""
    if blocks < 2:
        return picture
    height = math.ceil(len(picture.rows) / blocks)
    blank = [np.zeros((0, 3), np.float32)] * len(picture.rows[0])
    rows = picture.rows + [blank] * (blocks * height - len(picture.rows))
    rows = [[drawn for row in rows[r::height] for drawn in row] for r in range(height)]
    return Picture(rows, column_titles=picture.column_titles * blocks)


def _write_npz(path: Path, sketches: list[np.ndarray]) -> None:
    """Writes a data set whose three splits all hold the sketches, in order."""
    array = np.empty(len(sketches), object)
    for i, sketch in enumerate(sketches):
        array[i] = sketch
    with files.replacing(path) as file:
        splits: dict[str, Any] = dict.fromkeys(SPLITS, array)
        np.savez_compressed(file, **splits)
