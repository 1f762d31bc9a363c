"""Even light: how much darker each point of a picture is than the paper around it.

Dimensions: H, W of the picture in pixels.
"""

import numpy as np
from scipy import ndimage

REACH = 1 / 10  # of the picture's shorter side: a dark region wider than this is ground, not ink
COARSE = 160  # pixels of the shorter side at which the largest dark regions are looked for
SOFT = 0.8  # pixels that the paper is smoothed by


def contrast(bright: np.ndarray) -> np.ndarray:
    """How much darker than the local paper each pixel is, 0 to 1 `[H, W]` float32.

    The local paper is the closing of the brightness (the largest value within reach, then the
    smallest of these), which is exact on both sides of the edge of a shadow.

    Args:
      bright: brightness `[H, W]`, 0 is black.
    """
    soft = ndimage.gaussian_filter(bright.astype(np.float32), SOFT)
    reach = 2 * round(REACH * min(bright.shape) / 2) + 1
    paper = ndimage.grey_closing(soft, size=(reach, reach), mode="nearest")
    paper = ndimage.uniform_filter(paper, 5, mode="nearest")
    dark = 1 - bright / np.maximum(paper, 1e-3)
    return np.clip(dark - np.median(dark), 0, 1)
