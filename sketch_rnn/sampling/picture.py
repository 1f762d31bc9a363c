"""Write drawings by a model as a picture, a data set or JSON; read and write latent vectors.

Legend: B drawings, Z latent.
"""

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sketch_rnn import files
from sketch_rnn.choices import SPLITS
from sketch_rnn.convert.sketches_json import to_lists
from sketch_rnn.drawing import draw
from sketch_rnn.errors import UserError
from sketch_rnn.pictures import Style

LARGEST_Z_FILE = 256 << 20  # bytes of `mu` in a file


@dataclass
class Picture:
    """Rows of drawings; all rows have the same number of drawings.

    Attributes:
      rows: the drawings, stroke-3 arrays in data units. Each row begins with the inputs, if there
        are any; the model's drawings follow.
      titles: a title for each row; empty means no titles.
      column_titles: a title for each column; empty means no titles.
      is_row: whether to keep a picture of a single row on one line instead of wrapping it.
      given: how many drawings at the start of each row are inputs.
      prefixes: for each row, how many points at the start of each drawing were given, not drawn by
        the model; empty means none.
    """

    rows: list[list[np.ndarray]]
    titles: list[str] = field(default_factory=list)
    column_titles: list[str] = field(default_factory=list)
    is_row: bool = True
    given: int = 0
    prefixes: list[int] = field(default_factory=list)

    def drawn(self) -> list[np.ndarray]:
        """Return the drawings by the model, without the inputs."""
        return [sketch for row in self.rows for sketch in row[self.given :]]

    def write(
        self,
        path: str | Path,
        style: Style | None = None,
        animate: bool = False,
        one_by_one: bool = False,
    ) -> None:
        """Write a picture (.svg, .png), or the drawings by the model (.npz, .json).

        Args:
          path: the file to write; an existing file is replaced.
          style: the look of a picture.
          animate: whether an SVG draws itself.
          one_by_one: whether an animated SVG draws its drawings one after another.

        Raises:
          UserError: the name does not end in .svg, .png, .npz or .json, or the rows do not fit the
            style's columns.
          OSError: the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix == ".npz":
            _write_npz(path, self.drawn())
        elif suffix == ".json":
            sketches = [to_lists(sketch) for sketch in self.drawn()]
            files.write_text(path, json.dumps({"sketches": sketches}) + "\n")
        else:
            self._draw(path, style or Style(), animate, one_by_one)

    def _draw(self, path: Path, style: Style, animate: bool, one_by_one: bool) -> None:
        picture = _arranged(self, style.columns)
        columns = len(picture.rows[0]) if len(picture.rows) > 1 or picture.is_row else None
        prefixes: int | list[int] = 0
        if picture.prefixes:
            prefixes = np.repeat(picture.prefixes, len(picture.rows[0])).tolist()
        draw(
            [sketch for row in picture.rows for sketch in row],
            path,
            style=style,
            columns=columns,
            row_titles=picture.titles or None,
            column_titles=picture.column_titles or None,
            prefixes=prefixes,
            animate=animate,
            one_by_one=one_by_one,
        )


def _arranged(picture: Picture, columns: int | None) -> Picture:
    """Return the picture with this many columns.

    A single row is wrapped; several rows are put side by side. If `columns` is None, many short
    rows are put side by side to form roughly a square.
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
    """Return the picture with its rows split into several blocks, which stand side by side."""
    if blocks < 2:
        return picture
    height = math.ceil(len(picture.rows) / blocks)
    blank = [np.zeros((0, 3), np.float32)] * len(picture.rows[0])
    rows = picture.rows + [blank] * (blocks * height - len(picture.rows))
    rows = [[drawn for row in rows[r::height] for drawn in row] for r in range(height)]
    return Picture(rows, column_titles=picture.column_titles * blocks)


def _write_npz(path: Path, sketches: list[np.ndarray]) -> None:
    """Write a data set whose three splits all hold the sketches, in order."""
    array = np.empty(len(sketches), object)
    for i, sketch in enumerate(sketches):
        array[i] = sketch
    with files.replacing(path) as file:
        splits: dict[str, Any] = dict.fromkeys(SPLITS, array)
        np.savez_compressed(file, **splits)


def read_z(path: str | Path, z_size: int) -> np.ndarray:
    """Read latent vectors, `[B, Z]` float32: the `mu` in a file.

    Raises:
      UserError: the file is missing, damaged, too large, or has a different Z.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if file.zip.getinfo("mu.npy").file_size > LARGEST_Z_FILE:
                raise ValueError("it becomes too large")
            z = np.atleast_2d(np.asarray(file["mu"], np.float32))
    except FileNotFoundError:
        raise UserError(f"`z_file`: there is no file {path}") from None
    except Exception:  # zipfile and NumPy raise many kinds of errors for damaged files
        raise UserError(
            f"`z_file`: expected a file with mu, written by `mode=encode`; {path} is not one"
        ) from None
    if z.ndim != 2 or z.shape[1] != z_size or not len(z) or not np.isfinite(z).all():
        raise UserError(f"`z_file`: expected finite mu [B, {z_size}], got shape {list(z.shape)}")
    return z


def write_latent(path: Path, mu: np.ndarray, logvar: np.ndarray) -> None:
    """Write the latent vectors' `mu` and `logvar`, each `[B, Z]`, to an `.npz`."""
    with files.replacing(path) as file:
        np.savez(file, mu=mu, logvar=logvar)
