"""Ruled and squared paper: lines that run across the whole page, evenly spaced, are no strokes.

Dimensions: H, W of the picture in pixels.
"""

import numpy as np
from scipy import ndimage

from sketch_rnn.trace import ink

FAINT = 0.05  # contrast from which a pixel may be of a ruling
LENGTH = 1 / 16  # of the shorter side: pieces of a ruling are as long, and level or upright
ACROSS = 0.6  # of the page: a line of a ruling is as long
LEVEL = 0.08  # of its length: a line of a ruling rises no more
EDGE = 0.06  # of the page from its edge: a line of a ruling ends there
FEW = 4  # lines, at least, that are a ruling
EVEN = 0.25  # of the spacing of the lines of a ruling: by so much it differs
CLOSE = 9  # pixels: a ruling is no wider, so that no gap that it leaves in ink is
THIN = 1.5  # times the thickness of a ruling: what is thicker there is ink


def without_ruling(dark: np.ndarray, sheet: np.ndarray | None = None) -> tuple[np.ndarray, bool]:
    """The contrast without that of a ruling, and whether there was one.

    Args:
      dark: contrast to the paper `[H, W]`, 0 to 1.
      sheet: where the paper is; None: everywhere.
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
    """Where level lines of a ruling are, with ink on them: bool `[H, W]`."""
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
        return np.zeros_like(mask)
    return np.isin(labels, [number for number, _ in lines])


def _is_across(box: tuple[slice, slice], width: int) -> bool:
    """Whether a region is a thin line from one edge of the page to far across it."""
    rows, columns = box
    long = columns.stop - columns.start
    at_edge = columns.start < EDGE * width or columns.stop > (1 - EDGE) * width
    return at_edge and long > ACROSS * width and rows.stop - rows.start < LEVEL * long


def _are_even(places: np.ndarray) -> bool:
    """Whether most of the lines are evenly spaced; some may be missing."""
    gaps = np.diff(places)
    spacing = float(np.median(gaps))
    if spacing < 3:
        return False
    times = np.maximum(np.rint(gaps / spacing), 1)
    return bool((np.abs(gaps / times - spacing) < EVEN * spacing).mean() > 0.7)


def _thin(mask: np.ndarray, level: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Where level lines of a ruling are, and no ink: the mask is no thicker there than they are."""
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
