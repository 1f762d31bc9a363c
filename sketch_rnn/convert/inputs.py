"""Read single drawings for a trained model, from any format that data sets can be built from.

Sketches from data sets stay unchanged if they are roughly in the model's own units, as they were in
training. Other drawings are prepared in the same way as for a data set, by the functions that
`build` uses, and then scaled to the model's full size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sketch_rnn import shipped
from sketch_rnn.choices import SPLITS
from sketch_rnn.convert import prepare, sources
from sketch_rnn.convert.prepare import MAX_EPSILON, Recipe, Sketch
from sketch_rnn.convert.readers.chunks import InputFile, Pending, Reading
from sketch_rnn.convert.readers.stored_files import Stored
from sketch_rnn.convert.stored import Form, read_as, stored_sketch
from sketch_rnn.data import download, npz
from sketch_rnn.data.first_row import FEW, without_place
from sketch_rnn.data.layout import AS_IT_IS, AS_IT_LOOKS, Layout
from sketch_rnn.errors import UserError, warn
from sketch_rnn.strokes import typical_side
from sketch_rnn.svg.reader import page_size, read_content, read_svg

# A file's drawings are in the model's units if their median size lies between these shares of the
# full size; a file with only a few drawings may hold small unfinished parts (_SMALLEST_OF_FEW).
_SMALLEST, _SMALLEST_OF_FEW, _LARGEST = 0.4, 0.05, 3.0
_LARGEST_PREPARED = 1500  # data units
AS_TRAINED = Form(whole=True, large=False, is_place=False)


class Named(NamedTuple):
    """A drawing, stroke-3 `[n, 3]` float32 in data units, and its name within its file."""

    name: str
    sketch: np.ndarray


@dataclass(frozen=True)
class Choice:
    """A selection of drawings from an input that holds several.

    Attributes:
      split: the split of a data set to choose from.
      indices: the indices of the drawings; if empty, choose `most` drawings at random, or all if
        `most` is None.
      seed: the seed for that choice.
    """

    split: str = "test"
    indices: Sequence[int] = ()
    most: int | None = None
    seed: int = 0

    def choose(self, count: int, where: str) -> Sequence[int]:
        """Return the indices of the drawings chosen from `count` drawings in the file `where`."""
        for index in self.indices:
            if not 0 <= index < count:
                raise UserError(
                    f"index: expected 0 to {count - 1}, as {where} holds {count} drawings; got "
                    f"{index}"
                )
        if self.indices:
            return self.indices
        if self.most is None or self.most >= count:
            return range(count)
        return np.sort(np.random.default_rng(self.seed).choice(count, self.most, False)).tolist()


@dataclass(frozen=True)
class Size:
    """The size that a drawing is scaled to.

    Attributes:
      share: the longer side that the drawing is scaled to, divided by the full size. None means
        that drawings are scaled to the full size, and that sketches from data sets are not scaled.
      page: if True, an SVG's page is scaled to this size; if False, the drawing on the page is.
      full: the full size, which is the longer side of a typical drawing by the model, in the
        model's data units. None means `Recipe.size`, which is then also taken as the size of
        sketches in files.
    """

    share: float | None = None
    page: bool = False
    full: float | None = None

    @property
    def prepared_side(self) -> float:
        """The length to which a whole drawing's longer side is scaled before it is simplified.

        This length is `full`, the size of the drawings that the model was trained on. So `epsilon`
        is measured in the model's data units, as in `build`. This choice rests on measurements with
        Google's browser models, whose drawings are about 900 units long. The length is limited to a
        range in which simplification removes neither too much nor too little.
        """
        return min(max(self.full or 0, Recipe.size), _LARGEST_PREPARED)

    @property
    def units(self) -> float:
        """The number of the model's data units in one unit of a prepared drawing."""
        return (self.full or self.prepared_side) / self.prepared_side

    def recipe(self, max_points: int) -> Recipe:
        """Return the settings for converting a drawing to at most `max_points` points."""
        coarsest = MAX_EPSILON * Recipe.epsilon * self.prepared_side / Recipe.size
        return Recipe(
            self.prepared_side * (self.share or 1), max_points=max_points, coarsest=coarsest
        )

    def is_far_from(self, sketches: Sequence[np.ndarray], where: str) -> bool:
        """Return True, with a warning, if the sketches' typical size is far from the full size."""
        side = typical_side(sketches)
        smallest = _SMALLEST if len(sketches) >= FEW else _SMALLEST_OF_FEW
        if not self.full or not side or smallest <= side / self.full <= _LARGEST:
            return False
        warn(
            f"{where}: its drawings are about {side:.4g} units long, but the drawings that the "
            f"model was trained on are about {self.full:.4g} units long; the inputs are scaled to "
            "that size"
        )
        return True


def read_inputs(
    paths: Sequence[str],
    data_set: Sequence[str],
    max_points: int,
    choice: Choice | None = None,
    size: Size | None = None,
    layout: Layout = AS_IT_LOOKS,
) -> list[np.ndarray]:
    """Return drawings as stroke-3 `[n, 3]` float32 in data units.

    Args:
      paths: files with drawings, folders with such files, or a folder with the data set.
      data_set: the names of the files in the data set.
      max_points: the most points in a drawing; drawings from other files are simplified to fit.
      choice: which drawings to read from inputs that hold several; by default all.
      size: the size that drawings are scaled to.
      layout: the meaning of the rows in stored sketches.

    Raises:
      UserError: an input cannot be read, or a drawing does not exist or cannot be used.
    """
    return [
        drawing.sketch
        for path in paths
        for drawing in read_named(path, data_set, max_points, choice, size, layout)
    ]


def read_named(
    path: str | Path,
    data_set: Sequence[str],
    max_points: int,
    choice: Choice | None = None,
    size: Size | None = None,
    layout: Layout = AS_IT_LOOKS,
) -> list[Named]:
    """Return the drawings of one input with their names; see `read_inputs`."""
    choice, size = choice or Choice(), size or Size()
    recipe = size.recipe(max_points)
    path = shipped.drawings(path)
    if size.page and path.suffix.lower() not in (".svg", ".svgz"):
        raise UserError(f"{path}: is not an SVG file and has no page; leave `page` out")
    if holds_data_set(path, data_set):
        return _from_data_set(path, data_set, recipe, choice, size)
    reader = sources.reader_of(InputFile(path))
    if reader and reader.stored:
        stored = reader.stored(InputFile(_existing(path)))
        if stored is not None:
            if stored.is_ours or (layout == AS_IT_LOOKS and path.name in data_set):
                layout = AS_IT_IS
            return _from_stored(path, stored, layout, recipe, choice, size)
    if size.page:
        return [Named(str(path), _in_data_units(_whole_page(path, recipe), size))]
    return _from_drawings(path, Reading(recipe, None, layout=layout, centerline=True), choice, size)


def holds_data_set(path: str | Path, data_set: Sequence[str]) -> bool:
    """Return whether a folder holds files of the data set; if so, only those are read."""
    folder = shipped.drawings(path)
    return folder.is_dir() and any((folder / name).is_file() for name in data_set)


def _from_data_set(
    folder: Path, data_set: Sequence[str], recipe: Recipe, choice: Choice, size: Size
) -> list[Named]:
    """Return sketches from a split of the model's own data set, clamped as in training."""
    found = [npz.read_split(file, choice.split) for file in download.resolve(folder, data_set)]
    sketches = list(chain.from_iterable(np.split(p, np.cumsum(n))[:-1] for p, n in found))
    return _chosen(sketches, f"{folder}, split {choice.split}", AS_TRAINED, recipe, choice, size)


def _from_stored(
    path: Path,
    stored: Stored,
    layout: Layout,
    recipe: Recipe,
    choice: Choice,
    size: Size,
) -> list[Named]:
    """Return sketches from a file; if many have offsets above the limit, scale all sketches."""
    where = str(path)
    members, form = read_as(stored.members, where, layout)
    everything = list(chain.from_iterable(members.values()))
    if set(SPLITS) & set(members):
        if choice.split not in members:
            raise UserError(f"{path}: has no split {choice.split}; it holds {', '.join(members)}")
        everything, where = members[choice.split], f"{path}, split {choice.split}"
    points, lengths = npz.checked(everything, where)
    sketches = np.split(points, np.cumsum(lengths))[:-1]
    if layout is not AS_IT_IS and size.is_far_from(sketches, where):
        form = replace(form, large=True)
    if form.is_place:
        sketches = [sketch for sketch in map(without_place, sketches) if len(sketch)]
        form = replace(form, is_place=False)
    return _chosen(sketches, where, form, recipe, choice, size)


def _chosen(
    sketches: list[np.ndarray],
    where: str,
    form: Form,
    recipe: Recipe,
    choice: Choice,
    size: Size,
) -> list[Named]:
    if not sketches:
        raise UserError(f"{where}: holds no drawings")
    chosen = [(index, sketches[index]) for index in choice.choose(len(sketches), where)]
    if form.large or size.share is not None:
        form = replace(form, large=True)
        makers = [
            (f"{where}[{index}]", partial(stored_sketch, sketch, form, recipe))
            for index, sketch in chosen
        ]
        return _prepare_all(makers, bool(choice.indices), size)
    found = [sketch for _, sketch in chosen]
    large = sum(bool((np.abs(sketch[:, :2]) > npz.LIMIT).any()) for sketch in found)
    if large:
        warn(
            f"{where}: {large} drawings have offsets above {npz.LIMIT}; these offsets are reduced "
            f"to {npz.LIMIT}"
        )
    return [
        Named(str(index), np.clip(sketch, -npz.LIMIT, npz.LIMIT).astype(np.float32))
        for index, sketch in chosen
    ]


def _from_drawings(path: Path, reading: Reading, choice: Choice, size: Size) -> list[Named]:
    """Prepare drawings as `build` does, but use a drawing's outlines if it has nothing else."""
    chunks = sources.find([path], reading)
    drawings = [drawing for chunk in chunks for drawing in chunk.drawings(reading)]
    chosen = choice.choose(len(drawings), str(path))
    return _prepare_all([drawings[index] for index in chosen], bool(choice.indices), size)


def _in_data_units(sketch: Sketch, size: Size) -> np.ndarray:
    """Return a prepared drawing as stroke-3 `[n, 3]` float32 in the model's data units."""
    return sketch.points * np.array([size.units, size.units, 1], np.float32)


def _prepare_all(drawings: Sequence[Pending], all_of_them: bool, size: Size) -> list[Named]:
    """Prepare drawings, and return each with its name, in the model's data units.

    Drawings that cannot be used are left out with a warning; if `all_of_them` is set, they are an
    error instead.
    """
    made, refused = [], []
    for name, make in drawings:
        try:
            made.append(Named(name, _in_data_units(make(), size)))
        except (UserError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            refused.append(f"{name}: {reason.removeprefix(f'{name}: ')}")
    if refused and (all_of_them or not made):
        raise UserError(refused[0])
    if refused:
        warn(f"left out {len(refused)} drawings that cannot be used (first: {refused[0]})")
    return made


def _whole_page(path: Path, recipe: Recipe) -> Sketch:
    """Return an SVG drawing, scaled so that the longer side of its page has the recipe's size."""
    content = read_content(_existing(path))
    try:
        scale = recipe.size / _page_side(content)
        lines = read_svg(content, outline=None)
        scaled = [line * scale for line in lines]
        return prepare.simplify(prepare.arranged(scaled, recipe, pieces=True), recipe)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _page_side(content: bytes) -> float:
    """Return the longer side of an SVG's page in pixels."""
    size = page_size(content)
    if size is None:
        raise UserError("does not give the size of its page; add a viewBox, or width and height")
    return max(size)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    return path
