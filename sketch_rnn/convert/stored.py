"""Convert sketches that are already stroke-3 or stroke-5.

A file's sketches stay unchanged if all offsets are whole numbers and few are large; otherwise all
of its sketches are scaled and simplified, as a `Recipe` says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from sketch_rnn.convert.prepare import MAX_OFFSET, Recipe, Sketch, arranged, simplify, to_sketch
from sketch_rnn.data import npz
from sketch_rnn.data.first_row import is_place, without_place
from sketch_rnn.data.layout import Layout, plain
from sketch_rnn.errors import UserError, warn
from sketch_rnn.strokes import checked, to_polylines

MANY_LARGE = 0.01  # share of sketches with offsets above `npz.LIMIT`


@dataclass(frozen=True)
class Form:
    """The format in which all sketches in a file are stored.

    Attributes:
      whole: whether all offsets are whole numbers.
      large: whether many sketches have offsets above the limit.
      is_place: whether row 0 is the position of the first point.
    """

    whole: bool
    large: bool
    is_place: bool

    @property
    def scaled(self) -> bool:
        """True if all sketches are scaled and simplified; False if only very long ones are."""
        return self.large or not self.whole


def read_as(
    members: Mapping[str, Sequence[np.ndarray]], where: str, layout: Layout
) -> tuple[dict[str, list[np.ndarray]], Form]:
    """Return a file's sketches as stroke-3, keyed by archive member, and their common format.

    Raises:
      UserError: the meaning of the rows cannot be determined.
    """
    every = [_with_one_pen(sketch) for sketch in chain.from_iterable(members.values())]
    found = plain(every, where, layout)
    rest = iter(found)
    read = {name: list(islice(rest, len(sketches))) for name, sketches in members.items()}
    return read, _form_of(found, where, layout.first_row)


def _with_one_pen(sketch: np.ndarray) -> np.ndarray:
    """Turn rows (x, y, pen down, pen lifted) into (x, y, pen lifted); keep other rows."""
    if sketch.ndim != 2 or sketch.shape[1] != 4 or sketch.dtype.kind not in "iuf":
        return sketch
    pens = sketch[:, 2:]
    is_row = np.isin(pens, (0, 1)).all(axis=1) & (pens.sum(axis=1) == 1)
    is_padding = (sketch == sketch[:, :1]).all(axis=1) | np.isnan(sketch).all(axis=1)
    return sketch[:, [0, 1, 3]] if (is_row | is_padding).all() and is_row.any() else sketch


def _form_of(sketches: Sequence[np.ndarray], where: str, first_row: str) -> Form:
    """Return the format of the sketches in a file, and warn about anything unusual."""
    usable = [s for s in sketches if s.ndim == 2 and s.shape[1] in (3, 5) and len(s)]
    usable = [s for s in usable if np.isfinite(s).all()]
    places = first_row == "place" or (first_row == "auto" and _are_places(usable))
    if places and first_row == "auto":
        warn(
            f"{where}: row 0 of its drawings looks like a position, and is read as a position "
            "rather than a line"
        )
    offsets = [s[int(places) :, :2] for s in usable]
    whole = all(o.dtype.kind in "iu" or np.array_equal(o, np.rint(o)) for o in offsets)
    count = sum(bool((np.abs(o) > npz.LIMIT).any()) for o in offsets)
    large = count > MANY_LARGE * len(offsets)
    if large:
        warn(
            f"{where}: {count} of {len(offsets)} drawings have offsets above {npz.LIMIT}; so all "
            "drawings are scaled down"
        )
    return Form(whole, large, places)


def _are_places(sketches: Sequence[np.ndarray]) -> bool:
    """Return whether row 0 of unchecked sketches looks like a position; False if any is invalid."""
    try:
        stroke3 = [npz.as_stroke3(sketch) for sketch in sketches[:: len(sketches) // 1000 + 1]]
    except UserError:
        return False
    return bool(stroke3) and is_place(
        np.concatenate(stroke3), np.array([len(sketch) for sketch in stroke3])
    )


def stored_sketch(sketch: np.ndarray, form: Form, recipe: Recipe) -> Sketch:
    """Convert a stored sketch as the format of its file requires; raise UserError if invalid."""
    sketch = npz.as_stroke3(sketch)
    if form.is_place:
        sketch = without_place(sketch)
    sketch = checked(sketch)
    if not np.isin(sketch[:, 2], (0, 1)).all():
        raise UserError("a pen state is neither 0 nor 1")
    if form.scaled:
        return to_sketch(to_polylines(sketch), recipe)
    sketch = np.clip(sketch, -MAX_OFFSET, MAX_OFFSET)
    if len(sketch) <= recipe.max_points:
        return Sketch(sketch.astype(np.int16), 0)
    return simplify(arranged(to_polylines(sketch), recipe, pieces=False), recipe)
