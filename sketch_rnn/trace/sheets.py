"""Pages that hold many drawings: told apart by the white space between them, in reading order.

Dimensions: L lines of a page, n points of a line.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from sketch_rnn.errors import UserError

GAP = 0.035  # of the page's shorter side: what is further apart is two drawings
SMALL = 0.03  # of it: what is smaller is no drawing, but a speck
CELLS = 400  # pixels of the page's shorter side, at which white space is looked for
PAPER = (2480, 3508)  # pixels of a page of A4, 300 an inch
FAINT = (214, 238, 255)  # color of a printed grid, too light to be taken for a line


def drawings(lines: Sequence[np.ndarray], size: tuple[int, int]) -> list[list[np.ndarray]]:
    """The lines of each drawing of a page, from the upper left one on.

    Args:
      lines: of the whole page, each `[n, 2]`, in pixels. size: width and height of the page.
    """
    side, scale = min(size), CELLS / min(size)
    page = Image.new("1", [int(length * scale) + 1 for length in size])
    pen = ImageDraw.Draw(page)
    for line in lines:
        pen.line([tuple(point) for point in np.repeat(line * scale, 1 + (len(line) < 2), 0)], 1)
    near = ndimage.binary_dilation(np.asarray(page), iterations=round(GAP * CELLS / 2))
    labels, count = ndimage.label(near, np.ones((3, 3)))
    found: list[list[np.ndarray]] = [[] for _ in range(count + 1)]
    for line in lines:
        x, y = np.clip((line[0] * scale).astype(int), 0, np.array(page.size) - 1)
        found[labels[y, x]].append(line)
    kept = [group for group in found if group and _side(group) > SMALL * side]
    return _in_reading_order(kept)


def _side(lines: Sequence[np.ndarray]) -> float:
    return float(np.ptp(np.concatenate(lines), axis=0).max())


def _in_reading_order(groups: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """Row by row; the highest drawing that is left says how far down its row reaches."""
    boxes = [np.concatenate(group) for group in groups]
    left = sorted(range(len(groups)), key=lambda n: boxes[n][:, 1].min())
    ordered: list[int] = []
    while left:
        bottom = boxes[left[0]][:, 1].max()
        row = [n for n in left if boxes[n].mean(axis=0)[1] <= bottom]
        ordered += sorted(row, key=lambda n: boxes[n][:, 0].min())
        left = [n for n in left if n not in row]
    return [groups[n] for n in ordered]


def print_grid(path: str | Path, columns: int = 3, rows: int = 4) -> None:
    """Writes a page of A4 as PDF, with a grid to draw in that is too faint to be traced."""
    if not 1 <= columns <= 20 or not 1 <= rows <= 30:
        raise UserError(f"expected 1 to 20 columns and 1 to 30 rows, got {columns} and {rows}")
    page = Image.new("RGB", PAPER, "white")
    pen, edge = ImageDraw.Draw(page), 120
    width, height = ((PAPER[0] - 2 * edge) / columns, (PAPER[1] - 2 * edge) / rows)
    for row in range(rows):
        for column in range(columns):
            x, y = edge + column * width, edge + row * height
            box = (x + 20, y + 20, x + width - 20, y + height - 20)
            pen.rounded_rectangle(box, radius=30, outline=FAINT, width=6)
    page.save(path, "PDF", resolution=300)
