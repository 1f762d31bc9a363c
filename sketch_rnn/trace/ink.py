"""Tell ink from paper, and measure how wide the pen's line is.

Dimensions: H, W of the picture in pixels.
"""

import numpy as np
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import skeletonize

LOW, HIGH = 0.28, 0.45  # of the contrast of full ink
EDGE = 0.42  # of the smoothed contrast of ink nearby: the edge of a line has as much
EVEN = 0.3  # line widths by which that is smoothed, as the ink of a pencil is grainy
FAINTEST = 0.06  # contrast that can be ink at all
NOISE = 10.0  # times the paper's noise: ink has more contrast
SLANT = 1.13  # mean length of a line for each of its pixels, over all directions
SPECK = 0.8  # squares of the line width: a smaller region is a speck
PINHOLE = 0.6  # squares of the line width: a smaller hole is filled


def full_ink(dark: np.ndarray) -> float:
    """Return the contrast of full ink; 0 on a page without any.

    Args:
      dark: contrast to the paper `[H, W]`.
    """
    ink = dark[dark > max(FAINTEST, NOISE * noise(dark))]
    return float(np.percentile(ink, 85)) if len(ink) >= 4 else 0.0


def noise(dark: np.ndarray) -> float:
    """Estimate the standard deviation of the paper's contrast; most of a page is paper."""
    some = dark[::2, ::2]
    return 1.4826 * float(np.median(np.abs(some - np.median(some))))


def ink_mask(dark: np.ndarray, full: float) -> np.ndarray:
    """Return where ink is, bool `[H, W]`, by two thresholds with hysteresis."""
    return apply_hysteresis_threshold(dark, LOW * full, HIGH * full)


def sharp_mask(dark: np.ndarray, full: float, width: float) -> np.ndarray:
    """Return the part of `ink_mask` with about half the contrast of ink nearby, bool `[H, W]`.

    So a dark line ends at its edge, which keeps narrow gaps open, and a faint line stays.
    """
    even = ndimage.gaussian_filter(dark, EVEN * width)
    near = ndimage.maximum_filter(even, 2 * max(round(width), 1) + 1)
    return ink_mask(dark, full) & (dark > EDGE * np.minimum(near, full))


def about_width(mask: np.ndarray) -> float:
    """Estimate how wide lines are, from their area and their length; 0 without ink."""
    middle = int(skeletonize(mask).sum())
    return float(mask.sum()) / (SLANT * middle) if middle else 0.0


def line_width(radius: np.ndarray, middle: np.ndarray) -> float:
    """Return the width of most lines, in pixels; 0 without ink.

    Args:
      radius: distance to the edge of the ink `[H, W]`. middle: skeleton of the ink, bool `[H, W]`.
    """
    return 2 * float(np.median(radius[middle])) - 1 if middle.any() else 0.0


def cleaned(mask: np.ndarray, width: float) -> np.ndarray:
    """Return the mask without specks and pinholes."""
    mask = _without_small(mask, SPECK * width**2)
    return ~_without_small(~mask, PINHOLE * width**2)


def _without_small(mask: np.ndarray, area: float) -> np.ndarray:
    """Return the mask without regions smaller than an area."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    keep = sizes >= area
    keep[0] = False
    return keep[labels]
