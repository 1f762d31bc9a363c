"""Leave out what is dark but not a stroke: surroundings, edges, fingers, holes, filled areas.

Dimensions: H, W of the picture in pixels.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

COARSE = 150  # pixels of the shorter side, when looking for the paper
GONE = 9  # of these pixels: what is narrower is drawn on the paper
EDGE = 0.12  # change of the logarithm of brightness within two pixels, at the edge of an object
TINT = 0.05  # difference in color: a shadow on the paper causes less
DARKER = 0.45  # of the brightness of the brightest paper: paper in the shade is brighter
LEAST_PAPER = 0.15  # of the picture: a sheet of paper takes more
MARGIN = 0.012  # of the shorter side: the edge of the sheet is this wide
ALONG = 0.03  # of the shorter side: ink that is mostly this near the edge is an edge
THICK = 1.6  # line widths from its middle to its edge: what is thicker is no line
HOLE = 0.13  # of the shorter side: holes are punched this near the edge
ROUND = 0.75  # of the area of the circle around it: a hole fills more
FILL = 1.6  # line widths from its middle to its edge: a thicker area was filled in


def sheet(pixels: np.ndarray) -> np.ndarray | None:
    """Return where the paper is, bool `[H, W]`; None if it fills the picture or cannot be told.

    Paper is whatever has the color of its brightest part and is not much darker, as in the shade.
    """
    size = (pixels.shape[1], pixels.shape[0])
    share = max(min(size) / COARSE, 1)
    small = Image.fromarray(pixels).resize(
        [max(round(side / share), 1) for side in size], Image.Resampling.BOX
    )
    color = np.asarray(small, np.float32) + 1
    color = ndimage.grey_closing(color, size=(GONE, GONE, 1), mode="nearest")
    bright = color.mean(axis=2)
    tint = color / color.sum(axis=2, keepdims=True)
    log = np.log(bright)
    change = ndimage.maximum_filter(log, 3) - ndimage.minimum_filter(log, 3)
    change = np.maximum(change, 2 * _spread(tint))
    labels, count = ndimage.label(change < EDGE)
    if not count:
        return None
    numbers = np.arange(1, count + 1)
    area = ndimage.sum_labels(np.ones_like(bright), labels, numbers)
    level = ndimage.median(bright, labels, numbers)
    colors = np.stack([ndimage.median(tint[..., c], labels, numbers) for c in range(3)], 1)
    large = area > 0.03 * bright.size
    if not large.any():
        return None
    best = int(np.argmax(np.where(large, level, 0)))
    is_paper = (level > DARKER * level[best]) & (np.abs(colors - colors[best]).max(1) < TINT)
    region = np.concatenate([[False], is_paper])[labels]
    region = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(region, 5), iterations=4))
    region = _largest(region[5:-5, 5:-5])
    if not LEAST_PAPER < region.mean() < 0.985:
        return None
    inner = ndimage.binary_erosion(
        region, iterations=max(round(MARGIN * COARSE), 1), border_value=1
    )
    zoomed = Image.fromarray(inner).resize(size, Image.Resampling.NEAREST)
    return np.asarray(zoomed, bool)


def _spread(tint: np.ndarray) -> np.ndarray:
    high = ndimage.maximum_filter(tint, (3, 3, 1))
    return (high - ndimage.minimum_filter(tint, (3, 3, 1))).max(axis=2)


def _largest(region: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(region)
    if not count:
        return region
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))


def without_edges(
    mask: np.ndarray, radius: np.ndarray, width: float, sheet: np.ndarray | None = None
) -> tuple[np.ndarray, list[str]]:
    """Remove dark edges of the paper and punched holes from the ink.

    Args:
      mask: of ink, bool `[H, W]`.
      radius: distance of each pixel from the edge of its ink `[H, W]`.
      width: of most lines.
      sheet: where the paper is.

    Returns:
      The rest of the ink, and a line of text for each kind of thing that was removed.
    """
    from_edge = _from_edge(mask.shape, sheet)
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    gone = np.zeros(count + 1, bool)
    edges = holes = 0
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        part = labels[box] == number
        if _is_edge(from_edge[box][part], radius[box][part], width, min(mask.shape)):
            edges += 1
            gone[number] = True
        elif _is_hole(part, from_edge[box], radius[box][part], width, min(mask.shape)):
            holes += 1
            gone[number] = True
    said = ["dark edges of the paper left out"] if edges else []
    if holes:
        said.append(f"{holes} punched hole{'s' * (holes > 1)} left out")
    return mask & ~gone[labels], said


def _from_edge(shape: tuple[int, ...], sheet: np.ndarray | None) -> np.ndarray:
    """Return how far each pixel is from the edge of the paper, or of the picture."""
    if sheet is not None:
        return ndimage.distance_transform_edt(np.pad(sheet, 1))[1:-1, 1:-1]
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 1 for n in shape)
    return np.minimum(rows[:, None], columns)


def _is_edge(from_edge: np.ndarray, radius: np.ndarray, width: float, side: int) -> bool:
    """Return whether a region of ink touches the edge, and is thick or runs along it."""
    if from_edge.min() > 2:
        return False
    along = from_edge < max(ALONG * side, 3)
    return bool(radius.max() > THICK * width or along.mean() > 0.6)


def _is_hole(
    part: np.ndarray, from_edge: np.ndarray, radius: np.ndarray, width: float, side: int
) -> bool:
    """Return whether a region of ink is a large, filled, round spot near the edge."""
    if radius.max() < FILL * width or max(part.shape) > 1.3 * min(part.shape):
        return False
    circle = np.pi / 4 * max(part.shape) ** 2
    return bool(part.sum() > ROUND * circle and from_edge[part].min() < HOLE * side)


def hollowed(mask: np.ndarray, radius: np.ndarray, width: float) -> tuple[np.ndarray, int]:
    """Replace filled areas by lines around them; return the ink, and how many areas there were."""
    deep, count = ndimage.label(mask & (radius > width))
    if not count:
        return mask, 0
    numbers = np.arange(1, count + 1)
    deepest = ndimage.maximum(radius, deep, numbers)
    area = ndimage.sum_labels(mask, deep, numbers)
    full = (deepest > FILL * width) & (area > width**2)
    return mask & ~np.concatenate([[False], full])[deep], int(full.sum())
