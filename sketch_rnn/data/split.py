"""The sketches of a split, wherever they lie.

Dimensions: P points of all sketches, B of them asked for.
"""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.data.cache import Part, make_part

SHOWN, SHOWN_CELL = 20, 80  # sketches in a notebook, and pixels of each


class Split:
    """The sketches of a split, from one file or several, as a sequence of stroke-3 arrays.

    `split[i]` is a sketch `[n, 3]` float32, in data units, clamped; `split[:4]` and `split[[1, 5]]`
    are splits of some of them. In a notebook a split shows some of its sketches.

    The points may be memory-mapped.
    """

    def __init__(self, parts: Sequence[Part]):
        self.parts = list(parts)
        self._ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.parts else 0

    @overload
    def __getitem__(self, index: int | np.integer) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> "Split": ...
    def __getitem__(
        self, index: int | np.integer | slice | Sequence[int] | np.ndarray
    ) -> "np.ndarray | Split":
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"sketch {index} of {len(self)}")
            return self.gather(np.array([int(index) % len(self)]))[0]
        return Split([make_part(*self.gather(np.arange(len(self))[index]))])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        if not len(self):
            return "<Split of no sketches>"
        lengths = self.lengths()
        return f"<Split of {len(self)} sketches of {lengths.min()} to {lengths.max()} points>"

    def _repr_svg_(self) -> str:
        from sketch_rnn.drawing import draw

        return draw(list(self.spread(SHOWN)), cell=SHOWN_CELL, columns=10)._repr_svg_()

    def spread(self, count: int) -> "Split":
        """So many of its sketches, or all, evenly spread."""
        chosen = np.linspace(0, len(self) - 1, min(count, len(self)))
        return self[chosen.round().astype(int)]

    def lengths(self, indices: np.ndarray | None = None) -> np.ndarray:
        """Points of the given sketches, or of all, `[B]` int64."""
        if indices is None:
            return np.concatenate([np.diff(part.offsets) for part in self.parts])
        return np.array([end - start for _, start, end in self._find(indices)], np.int64)

    def gather(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The given sketches as flat points `[P, 3]` float32 and lengths `[B]` int64."""
        found = self._find(indices)
        return strokes.flatten([part.points[start:end] for part, start, end in found])

    def places(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of the part that holds each sketch, and its place in that part, `[B]` each."""
        numbers = np.searchsorted(self._ends, indices, side="right")
        return numbers, indices - np.concatenate([[0], self._ends])[numbers]

    def _find(self, indices: np.ndarray) -> Iterator[tuple[Part, int, int]]:
        """For each sketch: the part that holds it, and where it starts and ends there."""
        for number, index in zip(*(found.tolist() for found in self.places(indices)), strict=True):
            part = self.parts[number]
            yield part, int(part.offsets[index]), int(part.offsets[index + 1])
