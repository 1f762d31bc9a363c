"""A picture to the strokes of the pen that drew it.

`trace` goes the whole way; each step is a function of the module that it names, and can be looked
at on its own. Dimensions: H, W of the picture in pixels, n points of a line.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from sketch_rnn.errors import UserError
from sketch_rnn.trace import branches, ink, light, order, paper, ruling, smooth
from sketch_rnn.trace.graph import Graph, skeleton_graph

LEAST_WIDTH, MOST_WIDTH = 5.0, 8.0  # pixels of a line, at which its middle is found best
WIDTH = 6.0  # pixels that the lines of other pictures are scaled to
MOST_PIXELS = 3_000_000  # of a picture that is enlarged
MOST_SCALED = 3.0  # times that a picture is enlarged, at most
GRAIN = 0.25  # line widths that the contrast is smoothed by


@dataclass(frozen=True)
class Traced:
    """What is found in a picture.

    lines: one `[n, 2]` float64 array a stroke, in pixels of the picture (x, y; the left upper
      corner of its first pixel is the origin), in drawing order; a dot is one point.
    width: of most lines, in pixels.
    left_out: what else was found and is no stroke, a line of text for each kind.
    """

    lines: list[np.ndarray]
    width: float
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Inked:
    """Where ink is, at the scale at which it is looked at.

    mask: bool `[H, W]`. width: of most lines there. pen: that of the pen, at half of full ink.
    scale: of the mask, as a share of the picture's.
    """

    mask: np.ndarray
    width: float
    pen: float
    scale: float


def trace(pixels: np.ndarray, ink_is: str = "auto") -> Traced:
    """The strokes of a drawing.

    Args:
      pixels: `[H, W, 3]` uint8.
      ink_is: dark or light; `auto` finds out.

    Raises:
      UserError: there is no drawing in it.
    """
    found, left_out = inked(pixels, ink_is)
    lines = lines_of(found)
    if not lines:
        raise UserError("no line is drawn in it")
    lines = [line / found.scale for line in order.ordered(lines)]
    return Traced(lines, found.pen / found.scale, tuple(left_out))


def inked(pixels: np.ndarray, ink_is: str = "auto") -> tuple[Inked, list[str]]:
    """Where the drawing's ink is, and what else is dark and left out of it."""
    pixels = light.dark_ink(pixels, ink_is)
    dark = light.contrast(pixels)
    sheet, said = paper.sheet(pixels), []
    if sheet is not None:
        dark[~sheet] = 0
        said.append("what lies beside the paper left out")
    dark, ruled = ruling.without_ruling(dark, sheet)
    if ruled:
        said.append("ruling left out")
    full = ink.full_ink(dark)
    mask = ink.ink_mask(dark, full) if full else np.zeros(dark.shape, bool)
    width = ink.about_width(mask)
    if not width:
        raise UserError("no line is drawn in it")
    scale = _best_scale(mask, width)
    dark = ndimage.gaussian_filter(_zoomed(dark, scale), GRAIN * width * scale)
    if sheet is not None and sheet.shape != dark.shape:
        sheet = _zoomed(sheet.astype(np.float32), scale) > 0.5
    found, more = _inked(dark, sheet, scale)
    return found, [*said, *more]


def _inked(dark: np.ndarray, sheet: np.ndarray | None, scale: float) -> tuple[Inked, list[str]]:
    """The ink of an image of contrast at its best scale."""
    full = ink.full_ink(dark)
    mask = ink.ink_mask(dark, full)
    radius = ndimage.distance_transform_edt(mask)
    width = max(ink.line_width(radius, skeletonize(mask)), 1.5)
    pen = width * float((mask & (dark > full / 2)).sum()) / max(float(mask.sum()), 1)
    mask, said = paper.without_edges(ink.cleaned(mask, width), radius, width, sheet)
    mask, filled = paper.hollowed(mask, radius, width)
    if filled:
        said.append(f"{filled} filled area{'s' * (filled > 1)} left out (their edges are lines)")
    return Inked(mask, width, pen, scale), said


def _best_scale(mask: np.ndarray, width: float) -> float:
    """By what a picture is scaled so that its lines are as wide as is best, if it is not huge."""
    if LEAST_WIDTH <= width <= MOST_WIDTH:
        return 1.0
    return min(WIDTH / width, MOST_SCALED, max((MOST_PIXELS / mask.size) ** 0.5, 1.0))


def _zoomed(values: np.ndarray, scale: float) -> np.ndarray:
    """An image `[H, W]` scaled, averaged where it becomes smaller."""
    if scale == 1:
        return values
    if scale < 1:
        values = ndimage.gaussian_filter(values, 0.4 / scale)
    return ndimage.zoom(values, scale, order=1, grid_mode=True, mode="nearest")


def lines_of(found: Inked) -> list[np.ndarray]:
    """The lines `[n, 2]` along the middle of the ink, in pixels of the mask."""
    radius = ndimage.distance_transform_edt(found.mask)
    graph = graph_of(found, radius)
    graph, partner = branches.merged_and_paired(graph, radius, found.width)
    lines = branches.lines_of(graph, partner, found.width)
    return [smooth.smooth(line, found.width) + 0.5 for line in lines]


def graph_of(found: Inked, radius: np.ndarray) -> Graph:
    """The skeleton of the ink as a graph, mended; radius: how far ink is from its edge `[H, W]`."""
    graph = skeleton_graph(skeletonize(found.mask))
    branches.without_spurs(graph, radius)
    branches.reach_ends(graph, radius, found.width)
    branches.join_gaps(graph, found.width)
    branches.sharpen_tips(graph, radius, found.width)
    branches.part_shared(graph, found.width)
    return graph
