"""Trace a picture: find the strokes of the pen that drew it.

`trace` runs all steps. Each step is a function, usually in a separate module. Dimensions: H, W
height and width of the picture in pixels, n points in a line.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from sketch_rnn.errors import UserError
from sketch_rnn.trace import branches, ink, light, order, overlaps, paper, ruling, smooth
from sketch_rnn.trace.graph import Graph, skeleton_graph

LEAST_WIDTH, MOST_WIDTH = 5.0, 8.0  # pixels: lines of these widths are traced best
WIDTH = 6.0  # pixels: pictures with other lines are scaled to this width
MOST_PIXELS = 3_000_000  # the most pixels in an enlarged picture
MOST_SCALED = 3.0  # the largest factor by which a picture is enlarged
GRAIN = 0.2  # line widths: standard deviation of the smoothing of the contrast


@dataclass(frozen=True)
class Traced:
    """The strokes in a picture.

    Attributes:
      lines: one `[n, 2]` float64 array per stroke, in drawing order, in pixels of the picture (x,
        y; the origin is the upper left corner of the first pixel); a dot is one point.
      width: the width of most lines, in pixels.
      left_out: descriptions of what was left out, one for each kind.
    """

    lines: list[np.ndarray]
    width: float
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Inked:
    """The ink in a picture, at the scale at which it is traced.

    Attributes:
      mask: whether each pixel is ink, bool `[H, W]`.
      width: the width of most lines in the mask, in its pixels.
      pen: the width of most lines measured at half of full contrast.
      scale: the size of the mask divided by the size of the picture.
    """

    mask: np.ndarray
    width: float
    pen: float
    scale: float


def trace(pixels: np.ndarray, ink_is: str = "auto") -> Traced:
    """Return the strokes in a picture.

    Args:
      pixels: the picture, `[H, W, 3]` uint8.
      ink_is: dark or light; `auto` decides for this picture.

    Raises:
      UserError: the picture has no lines.
    """
    found, left_out = inked(pixels, ink_is)
    lines = lines_of(found)
    if not lines:
        raise UserError("no line was found in it")
    lines = [line / found.scale for line in order.ordered(lines)]
    return Traced(lines, found.pen / found.scale, tuple(left_out))


def inked(pixels: np.ndarray, ink_is: str = "auto") -> tuple[Inked, list[str]]:
    """Return the ink in a picture, and descriptions of other dark things that were left out."""
    pixels = light.dark_ink(pixels, ink_is)
    dark = light.contrast(pixels)
    sheet, said = paper.paper_mask(pixels), []
    if sheet is not None:
        dark[~sheet] = 0
        said.append("surroundings of the paper left out")
    dark, ruled = ruling.without_ruling(dark, sheet)
    if ruled:
        said.append("ruled lines of the paper left out")
    full = ink.full_ink(dark)
    mask = ink.ink_mask(dark, full) if full else np.zeros(dark.shape, bool)
    width = ink.about_width(mask)
    if not width:
        raise UserError("no line was found in it")
    scale = _best_scale(mask, width)
    dark = ndimage.gaussian_filter(_zoomed(dark, scale), GRAIN * width * scale)
    if sheet is not None and sheet.shape != dark.shape:
        sheet = _zoomed(sheet.astype(np.float32), scale) > 0.5
    found, more = _inked(dark, sheet, width * scale, scale)
    return found, [*said, *more]


def _inked(
    dark: np.ndarray, sheet: np.ndarray | None, width: float, scale: float
) -> tuple[Inked, list[str]]:
    """Find the ink in a contrast image that has been scaled; its lines are about `width` wide."""
    full = ink.full_ink(dark)
    mask = ink.sharp_mask(dark, full, width)
    radius = ndimage.distance_transform_edt(mask)
    width = max(ink.line_width(radius, skeletonize(mask)), 1.5)
    pen = width * float((mask & (dark > full / 2)).sum()) / max(float(mask.sum()), 1)
    mask, said = paper.without_edges(ink.cleaned(mask, width), radius, width, sheet)
    mask, filled = paper.hollowed(mask, radius, width)
    if filled:
        said.append(f"{filled} filled area{'s' * (filled > 1)} left out (only outlines are traced)")
    return Inked(mask, width, pen, scale), said


def _best_scale(mask: np.ndarray, width: float) -> float:
    """Return the factor by which to scale a picture before its lines are traced.

    It gives lines the best width for tracing, but does not make the picture too large.
    """
    if LEAST_WIDTH <= width <= MOST_WIDTH:
        return 1.0
    return min(WIDTH / width, MOST_SCALED, max((MOST_PIXELS / mask.size) ** 0.5, 1.0))


def _zoomed(values: np.ndarray, scale: float) -> np.ndarray:
    """Scale an image `[H, W]`; smooth it first if it becomes smaller."""
    if scale == 1:
        return values
    if scale < 1:
        values = ndimage.gaussian_filter(values, 0.4 / scale)
    return ndimage.zoom(values, scale, order=1, grid_mode=True, mode="nearest")


def lines_of(found: Inked) -> list[np.ndarray]:
    """Return the lines `[n, 2]` along the middle of the ink, in pixels of the mask."""
    radius = ndimage.distance_transform_edt(found.mask)
    graph = graph_of(found, radius)
    graph, partner = branches.merged_and_paired(graph, radius, found.width)
    lines = branches.lines_of(graph, partner, found.width)
    return [smooth.smooth(line, found.width, radius) + 0.5 for line in lines]


def graph_of(found: Inked, radius: np.ndarray) -> Graph:
    """Return the repaired graph of the ink's skeleton; `radius` is the distance from the edge."""
    graph = skeleton_graph(skeletonize(found.mask))
    overlaps.sharpen_tips(graph, radius, found.width)
    branches.without_spurs(graph, radius)
    branches.reach_ends(graph, radius, found.width)
    branches.join_gaps(graph, found.width)
    overlaps.sharpen_tips(graph, radius, found.width)
    overlaps.turn_back(graph, radius, found.width)
    overlaps.duplicate_shared(graph, radius, found.width)
    return graph
