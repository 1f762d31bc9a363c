"""Even out the light: measure how much darker each pixel is than the paper around it.

Dimensions: H, W height and width of the picture in pixels.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

REACH = 1 / 10  # share of the shorter side: wider dark regions are background, not ink
SOFT = 0.8  # pixels: smoothing against noise before the paper's brightness is measured
COARSE = 100  # shorter side in pixels of the image that tells dark ink from light ink
COLORED = 0.3  # contrast in one color channel that only colored pens reach
TINTED = 0.12  # contrast in one color channel that the paper's ruled lines may also reach
LITTLE = 3e-4  # share of the picture: if less is colored, nothing was drawn in color
CROSSED = 9  # pixels: a ruled line thinner than this does not interrupt ink
RULED = 0.5  # share of the colored pixels: if more lie on long straight lines, they are ruling


def dark_ink(pixels: np.ndarray, ink: str) -> np.ndarray:
    """Return the picture, inverted if its ink is lighter than the background, like chalk.

    Args:
      pixels: the picture, `[H, W, 3]` uint8.
      ink: dark, light, or auto, which compares how much the lightest and the darkest pixels differ
        from the background around them.
    """
    if ink == "light" or (ink == "auto" and _is_light(pixels)):
        return 255 - pixels
    return pixels


def _is_light(pixels: np.ndarray) -> bool:
    gray = Image.fromarray(pixels).convert("L")
    share = max(min(gray.size) / COARSE, 1)
    small = gray.resize([max(round(side / share), 1) for side in gray.size], Image.Resampling.BOX)
    ground = ndimage.median_filter(np.asarray(small, np.float32), 15, mode="nearest")
    zoom = np.asarray(Image.fromarray(ground).resize(gray.size, Image.Resampling.BILINEAR))
    off = np.asarray(gray, np.float32)[::2, ::2] - zoom[::2, ::2]
    darkest, lightest = np.percentile(off, [0.3, 99.7])
    return bool(lightest > -darkest)


def contrast(pixels: np.ndarray) -> np.ndarray:
    """Return how much darker each pixel is than the paper around it, 0 to 1 `[H, W]` float32.

    Measure in the brightest color channel of each pixel, where blue ruled lines nearly vanish. If
    pen lines are colored too, also measure in the darkest channel of each pixel.
    """
    dark = darkness(pixels.max(axis=2))
    if (pixels.max(axis=2) - pixels.min(axis=2)).max() < 255 * TINTED:
        return dark
    in_color = darkness(pixels.min(axis=2))
    inked = ndimage.maximum_filter(dark > COLORED, 7)  # dark ink has colored fringes
    if not inked.any():
        return np.maximum(dark, in_color)
    only = np.where(inked, 0, in_color - dark)
    ruled, colored = np.logical_or(*_long_lines(in_color > TINTED)), only > TINTED
    if int((colored & ruled).sum()) > RULED * int(colored.sum()):
        in_color = np.where(_except_ink(ruled, only > COLORED), 0, in_color)
        only = np.where(ruled, 0, only)
    if (only > COLORED).mean() < LITTLE:
        return dark
    return np.maximum(dark, in_color)


def darkness(bright: np.ndarray) -> np.ndarray:
    """Return how much darker a channel is than the paper around it, 0 to 1 `[H, W]` float32.

    The brightness of that paper is estimated by a morphological closing: first take the maximum in
    a window around each pixel, then the minimum of these maxima in the same window. The estimate is
    exact on both sides of a shadow's edge.
    """
    bright = bright.astype(np.float32)
    soft = ndimage.gaussian_filter(bright, SOFT)
    reach = 2 * round(REACH * min(bright.shape) / 2) + 1
    paper = ndimage.grey_closing(soft, size=(reach, reach), mode="nearest")
    paper = ndimage.uniform_filter(paper, 5, mode="nearest")
    dark = 1 - bright / np.maximum(paper, 1)
    return np.clip(dark - np.median(dark[::2, ::2]), 0, 1)


def _long_lines(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of the pixels on long horizontal lines and on long vertical ones, `[H, W]`."""
    length = max(min(mask.shape) // 8, 15)
    thick = ndimage.binary_dilation(mask, np.ones((3, 3))).view(np.uint8)
    lines = []
    for size in ((1, length), (length, 1)):
        line = ndimage.maximum_filter(ndimage.minimum_filter(thick, size), size)
        lines.append(ndimage.maximum_filter(line, 5).view(bool))
    return lines[0], lines[1]


def _except_ink(ruled: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return the mask of ruled lines, bool `[H, W]`, without pixels that have ink on both sides."""
    rest = np.pad(ink & ~ruled, CROSSED)
    closed = ndimage.binary_closing(rest, np.ones((CROSSED, CROSSED)))
    return ruled & ~closed[CROSSED:-CROSSED, CROSSED:-CROSSED]
