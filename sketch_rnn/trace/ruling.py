"""Remove ruling, the evenly spaced lines, grids and margins printed on paper.

Dimensions: H, W height and width of the picture in pixels.
"""

import numpy as np
from scipy import ndimage

from sketch_rnn.trace import ink

FAINT = 0.05  # the least contrast of a ruling's pixels
LENGTH = 1 / 16  # share of the shorter side: length of straight pieces of a ruling
ACROSS = 0.6  # share of the page's width: a ruling's lines are longer
LEVEL = 0.08  # share of a line's length: a ruling's lines rise less
WHOLE = 0.97  # share of the page's width: the line of a margin is longer
STRAIGHT = 0.02  # share of its length: the line of a margin rises less
EDGE = 0.06  # share of the page's width: a ruling's lines end nearer to its edge
FEW = 4  # the fewest lines in a ruling
EVEN = 0.25  # share of the spacing between a ruling's lines: it varies by less
CLOSE = 9  # pixels: narrower gaps in the ink are closed
THIN = 1.5  # times the thickness of a ruling: anything thicker is ink


def without_ruling(dark: np.ndarray, sheet: np.ndarray | None = None) -> tuple[np.ndarray, bool]:
    """Remove ruled lines from a contrast image; return the image and whether there were any lines.

    Args:
      dark: the contrast with the paper `[H, W]`, 0 to 1.
      sheet: a mask of the paper, bool `[H, W]`; None if it fills the picture.
    """
    mask = dark > max(FAINT, ink.NOISE / 2 * ink.noise(dark))
    box = ndimage.find_objects(sheet.astype(int))[0] if sheet is not None else np.s_[:, :]
    inside = mask[box]
    level = _ruled(inside)
    upright = _ruled(inside.T).T
    if not (level.any() or upright.any()):
        return dark, False
    gone = _thin(inside, level, upright) | _thin(inside.T, upright.T, level.T).T
    near = ndimage.binary_closing(np.pad(inside & ~gone, CLOSE), np.ones((CLOSE, CLOSE)))
    gone &= ~near[CLOSE:-CLOSE, CLOSE:-CLOSE]  # where ink lies on both sides
    result = dark.copy()
    result[box][gone] = 0
    return result, True


def _ruled(mask: np.ndarray) -> np.ndarray:
    """Return a mask, bool `[H, W]`, of horizontal ruled lines, including the ink on them."""
    width = mask.shape[1]
    length = max(round(LENGTH * min(mask.shape)), 15)
    thick = ndimage.maximum_filter1d(mask.view(np.uint8), 3, axis=0)
    pieces = ndimage.minimum_filter1d(thick, length, axis=1)
    pieces = ndimage.maximum_filter1d(pieces, length, axis=1)
    labels, _ = ndimage.label(pieces, np.ones((3, 3)))
    lines = [
        (number, box)
        for number, box in enumerate(ndimage.find_objects(labels), 1)
        if _is_across(box, width)
    ]
    middles = np.sort([(box[0].start + box[0].stop) / 2 for _, box in lines])
    if len(lines) < FEW or not _are_even(middles):
        lines = [(number, box) for number, box in lines if _is_margin(box, width)]
    return np.isin(labels, [number for number, _ in lines])


def _is_across(box: tuple[slice, slice], width: int) -> bool:
    """Return whether a region is a level line that reaches far across the page from an edge."""
    rows, columns = box
    long = columns.stop - columns.start
    at_edge = columns.start < EDGE * width or columns.stop > (1 - EDGE) * width
    return at_edge and long > ACROSS * width and rows.stop - rows.start < LEVEL * long


def _is_margin(box: tuple[slice, slice], width: int) -> bool:
    """Return whether a line reaches from edge to edge, like the printed line beside a margin."""
    rows, columns = box
    long = columns.stop - columns.start
    return long > WHOLE * width and rows.stop - rows.start < STRAIGHT * long


def _are_even(places: np.ndarray) -> bool:
    """Return whether most of the lines are evenly spaced; some may be missing."""
    gaps = np.diff(places)
    spacing = float(np.median(gaps))
    if spacing < 3:
        return False
    times = np.maximum(np.rint(gaps / spacing), 1)
    return bool((np.abs(gaps / times - spacing) < EVEN * spacing).mean() > 0.7)


def _thin(mask: np.ndarray, level: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Return a mask of the horizontal ruled lines, except where ink makes them thicker."""
    if not level.any():
        return np.zeros_like(mask)
    alone = mask & ~upright
    labels, _ = ndimage.label(alone, [[0, 1, 0], [0, 1, 0], [0, 1, 0]])
    thickness = np.bincount(labels.ravel())
    thickness[0] = 0
    run = thickness[labels]
    limit = THIN * float(np.median(run[level & alone])) + 1 if (level & alone).any() else 0
    ruled = level & (run <= limit)
    return ruled & (alone | upright)
