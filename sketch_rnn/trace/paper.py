"""Leave out dark things that are not strokes: surroundings, edges, fingers, holes, filled areas.

Dimensions: H, W height and width of the picture in pixels.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

COARSE = 150  # shorter side in pixels of the image in which the paper is found
GONE = 9  # pixels of that image: narrower things are drawings on the paper
EDGE = 0.12  # change in log brightness within two pixels at the edge of an object
TINT = 0.05  # difference in color: shadows on the paper cause less
DARKER = 0.45  # share of the brightest paper's brightness: paper in the shade has more
LEAST_PAPER = 0.15  # share of the picture: a sheet of paper covers more
MARGIN = 0.012  # share of the shorter side: width of the sheet's edge
ALONG = 0.03  # share of the shorter side: ink mostly this near to the edge is removed
THICK = 1.6  # line widths from middle to edge: thicker ink is not a line
HOLE = 0.13  # share of the shorter side: punched holes are nearer to the edge
ROUND = 0.75  # share of the surrounding circle's area: a hole fills more
FILL = 1.3  # line widths from middle to edge: a thicker area was filled in


def paper_mask(pixels: np.ndarray) -> np.ndarray | None:
    """Return a mask of the paper, bool `[H, W]`; None if it fills the picture or cannot be found.

    The brightest large area in the picture is taken to be paper. Other areas are paper too if they
    have the color of this brightest area, and are no darker than paper in the shade.
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
      mask: a mask of the ink, bool `[H, W]`.
      radius: the distance of each pixel from the edge of the ink `[H, W]`.
      width: the width of most lines, in pixels.
      sheet: a mask of the paper, bool `[H, W]`; None if it fills the picture.

    Returns: The ink that remains, and a description of each kind of thing that was removed.
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
    """Return each pixel's distance `[H, W]` from the edge of the paper.

    If `sheet` is None, the paper fills the picture.
    """
    if sheet is not None:
        return ndimage.distance_transform_edt(np.pad(sheet, 1))[1:-1, 1:-1]
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 1 for n in shape)
    return np.minimum(rows[:, None], columns)


def _is_edge(from_edge: np.ndarray, radius: np.ndarray, width: float, side: int) -> bool:
    """Return whether a region of ink belongs to the edge of the paper, not to the drawing.

    Such a region touches the edge. In addition, it is thicker than a line, or runs along the edge.
    """
    if from_edge.min() > 2:
        return False
    along = from_edge < max(ALONG * side, 3)
    return bool(radius.max() > THICK * width or along.mean() > 0.6)


def _is_hole(
    part: np.ndarray, from_edge: np.ndarray, radius: np.ndarray, width: float, side: int
) -> bool:
    """Return whether a region of ink is a large, filled, round spot near the edge."""
    if radius.max() < THICK * width or max(part.shape) > 1.3 * min(part.shape):
        return False
    circle = np.pi / 4 * max(part.shape) ** 2
    return bool(part.sum() > ROUND * circle and from_edge[part].min() < HOLE * side)


def hollowed(mask: np.ndarray, radius: np.ndarray, width: float) -> tuple[np.ndarray, int]:
    """Replace filled areas with lines around them; return the ink and the number of areas."""
    deep, count = ndimage.label(mask & (radius > width))
    if not count:
        return mask, 0
    numbers = np.arange(1, count + 1)
    deepest = ndimage.maximum(radius, deep, numbers)
    area = ndimage.sum_labels(mask, deep, numbers)
    full = (deepest > FILL * width) & (area > width**2)
    return mask & ~np.concatenate([[False], full])[deep], int(full.sum())
