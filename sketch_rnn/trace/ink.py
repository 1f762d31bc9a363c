"""Tell ink from paper, and measure how wide the pen's lines are.

Dimensions: H, W height and width of the picture in pixels.
"""

import numpy as np
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import skeletonize

LOW, HIGH = 0.28, 0.45  # thresholds for ink, as shares of the contrast of full ink
EDGE = 0.42  # contrast at a line's edge, as a share of the smoothed contrast of nearby ink
EVEN = 0.3  # line widths: standard deviation of this smoothing; pencil lines are grainy
FAINTEST = 0.06  # the least contrast of ink
NOISE = 10.0  # times the paper's noise: the least contrast of ink
SLANT = 1.13  # mean length of a line per skeleton pixel, over all directions
SPECK = 0.8  # squared line widths: a smaller region is a speck
PINHOLE = 0.6  # squared line widths: a smaller hole is filled


def full_ink(dark: np.ndarray) -> float:
    """Return the contrast of the darkest lines on the page; return 0 if the page has no ink.

    Args:
      dark: the contrast with the paper `[H, W]`, 0 to 1.
    """
    ink = dark[dark > max(FAINTEST, NOISE * noise(dark))]
    return float(np.percentile(ink, 85)) if len(ink) >= 4 else 0.0


def noise(dark: np.ndarray) -> float:
    """Estimate the standard deviation of blank paper's contrast; most of the page must be blank."""
    some = dark[::2, ::2]
    return 1.4826 * float(np.median(np.abs(some - np.median(some))))


def ink_mask(dark: np.ndarray, full: float) -> np.ndarray:
    """Return a mask of the ink, bool `[H, W]`, computed with two thresholds (hysteresis)."""
    return apply_hysteresis_threshold(dark, LOW * full, HIGH * full)


def sharp_mask(dark: np.ndarray, full: float, width: float) -> np.ndarray:
    """Return a mask `[H, W]` of the ink without the blur at the edges of lines.

    A pixel is kept if its contrast is more than `EDGE` times the highest contrast near it. Faint
    lines are kept. The blur around dark lines is removed, because it would close narrow gaps.
    """
    even = ndimage.gaussian_filter(dark, EVEN * width)
    near = ndimage.maximum_filter(even, 2 * max(round(width), 1) + 1)
    return ink_mask(dark, full) & (dark > EDGE * np.minimum(near, full))


def about_width(mask: np.ndarray) -> float:
    """Estimate the width of lines from their area and length, in pixels; 0 if there is no ink."""
    middle = int(skeletonize(mask).sum())
    return float(mask.sum()) / (SLANT * middle) if middle else 0.0


def line_width(radius: np.ndarray, middle: np.ndarray) -> float:
    """Return the width of most lines, in pixels; return 0 if there is no ink.

    Args:
      radius: the distance to the edge of the ink `[H, W]`.
      middle: the skeleton of the ink, bool `[H, W]`.
    """
    return 2 * float(np.median(radius[middle])) - 1 if middle.any() else 0.0


def cleaned(mask: np.ndarray, width: float) -> np.ndarray:
    """Return the mask without specks, and with pinholes filled."""
    mask = _without_small(mask, SPECK * width**2)
    return ~_without_small(~mask, PINHOLE * width**2)


def _without_small(mask: np.ndarray, area: float) -> np.ndarray:
    """Return the mask without regions smaller than `area` pixels."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    keep = sizes >= area
    keep[0] = False
    return keep[labels]
