"""Split pages into drawings, by a printed grid or by white space, in reading order.

Dimensions: L lines on a page, n points in a line, C cells in a grid.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import KDTree

from sketch_rnn.trace import light

GAP = 0.035  # share of the shorter side: lines farther apart belong to different drawings
SMALL = 0.03  # share of the shorter side: a drawing is larger
CELLS = 400  # shorter side in pixels of the image in which white space is found
WALL, INK = 0.04, 0.3  # the least contrast of a printed grid, and of ink
CROSSING = 25  # pixels around ink in which the grid's lines may be hidden
CELL = 0.004  # share of the page: a cell of a grid is larger
FULL = 0.8  # share of its bounding box: a cell fills more
ALIKE = 1.6  # the largest ratio between a cell's area and the median area
PITCH = 1.08  # distance between the centers of neighboring cells, in cell sizes
FOUND = 0.6  # share of the cells: more outlines must be found
GRID = 0.3  # share of the page: the cells of a grid cover more


def drawings(
    lines: Sequence[np.ndarray], size: tuple[int, int], cells: np.ndarray | None = None
) -> list[list[np.ndarray]]:
    """Group the lines on a page by drawing, starting with the upper left drawing.

    Args:
      lines: the lines on the whole page, each `[n, 2]`, in pixels.
      size: the width and height of the page, in pixels.
      cells: the centers `[C, 2]` of the cells in its printed grid, if any; see `grid_cells`.
    """
    side, scale = min(size), CELLS / min(size)
    if cells is not None:
        return _in_cells(lines, cells, SMALL * side)
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
    boxes = [np.concatenate(group) for group in kept]
    return [kept[n] for n in _reading_order(boxes)]


def grid_cells(pixels: np.ndarray) -> np.ndarray | None:
    """Return the centers of the cells in a printed grid, `[C, 2]` in reading order.

    If a cell's outline is hidden, for example by the edge of a shadow, the cell's place is computed
    from its neighbors.

    Returns:
      The centers, or None if the page has no grid.
    """
    dark = light.darkness(pixels.min(axis=2))
    inked = ndimage.maximum_filter(dark > INK, 7)
    faint = ndimage.gaussian_filter(np.where(inked, 0, dark), 1.0)
    walls = faint > WALL
    walls |= inked & ndimage.maximum_filter(walls, CROSSING)  # where lines cross the grid
    walls = ndimage.binary_dilation(walls, np.ones((3, 3)), iterations=3)
    labels, count = ndimage.label(~walls)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(labels)
    cells = [n for n in range(1, count + 1) if areas[n] > CELL * walls.size]
    cells = [n for n in cells if _is_grid_cell(labels, n, boxes[n - 1])]
    typical = float(np.median(areas[cells])) if cells else 0
    cells = [n for n in cells if typical / ALIKE < areas[n] < typical * ALIKE]
    if len(cells) < 2:
        return None
    corners = np.array([[[s.start, s.stop] for s in boxes[n - 1][::-1]] for n in cells])
    middles = _lattice(corners.mean(axis=2), np.median(np.ptp(corners, axis=2), axis=0))
    share = typical * len(middles) / walls.size
    return middles if len(cells) > FOUND * len(middles) and share > GRID else None


def _lattice(middles: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the centers of all cells, given some centers `[n, 2]` and the size of a cell `[2]`."""
    place = np.rint((middles - middles.min(axis=0)) / (size * PITCH)).astype(int)
    columns, rows = place.max(axis=0) + 1
    row, column = (part.ravel() for part in np.mgrid[:rows, :columns])
    return _bilinear(column, row) @ np.linalg.lstsq(_bilinear(*place.T), middles, rcond=None)[0]


def _bilinear(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.stack([np.ones(len(row)), column, row, column * row], 1)


def _is_grid_cell(labels: np.ndarray, number: int, box: tuple[slice, slice]) -> bool:
    """Return whether a region, with its holes filled, is a rectangle away from the page's edges."""
    if any(s.start == 0 or s.stop == side for s, side in zip(box, labels.shape, strict=True)):
        return False
    return bool(ndimage.binary_fill_holes(labels[box] == number).mean() > FULL)


def _in_cells(
    lines: Sequence[np.ndarray], middles: np.ndarray, limit: float
) -> list[list[np.ndarray]]:
    """Group lines by the cell that holds most of their points; leave out empty cells."""
    found: list[list[np.ndarray]] = [[] for _ in middles]
    tree = KDTree(middles)
    for line in lines:
        found[int(np.argmax(np.bincount(tree.query(line)[1])))].append(line)
    return [group for group in found if group and _side(group) > limit]


def _side(lines: Sequence[np.ndarray]) -> float:
    return float(np.ptp(np.concatenate(lines), axis=0).max())


def _reading_order(boxes: Sequence[np.ndarray]) -> list[int]:
    """Return the indices of boxes in reading order, row by row and from left to right.

    Each box is given by the points `[n, 2]` in it.

    The remaining box with the highest top starts the next row, and its bottom is the lower edge of
    the row.
    """
    left = sorted(range(len(boxes)), key=lambda n: boxes[n][:, 1].min())
    ordered: list[int] = []
    while left:
        bottom = boxes[left[0]][:, 1].max()
        row = [n for n in left if boxes[n].mean(axis=0)[1] <= bottom]
        ordered += sorted(row, key=lambda n: boxes[n][:, 0].min())
        left = [n for n in left if n not in row]
    return ordered
