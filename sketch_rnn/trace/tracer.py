"""Trace a picture: find the strokes of the pen that drew it.

`trace` runs all steps; each is a function, most in a module of its own. Dimensions: H, W of the
picture in pixels, n points of a line.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from sketch_rnn.errors import UserError
from sketch_rnn.trace import branches, ink, light, order, paper, ruling, smooth
from sketch_rnn.trace.graph import Graph, skeleton_graph

LEAST_WIDTH, MOST_WIDTH = 5.0, 8.0  # pixels: lines of these widths are traced best
WIDTH = 6.0  # pixels: pictures with other lines are scaled to this width
MOST_PIXELS = 3_000_000  # of a picture after it was enlarged, at most
MOST_SCALED = 3.0  # times: a picture is enlarged no more
GRAIN = 0.2  # line widths by which the contrast is smoothed


@dataclass(frozen=True)
class Traced:
    """The strokes of a picture.

    lines: one `[n, 2]` float64 array per stroke, in drawing order, in pixels of the picture (x, y;
      the origin is the upper left corner of the first pixel); a dot is one point.
    width: of most lines, in pixels.
    left_out: a line of text for each kind of thing that is not a stroke.
    """

    lines: list[np.ndarray]
    width: float
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Inked:
    """The ink of a picture, at the scale at which it is traced.

    mask: where ink is, bool `[H, W]`. width: of most lines in the mask. pen: width of most lines
    where the ink has half of its full contrast. scale: size of the mask over that of the picture.
    """

    mask: np.ndarray
    width: float
    pen: float
    scale: float


def trace(pixels: np.ndarray, ink_is: str = "auto") -> Traced:
    """Find the strokes of a drawing.

    Args:
      pixels: `[H, W, 3]` uint8.
      ink_is: dark or light; `auto` decides by the picture.

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
    """Find the ink of a drawing; return it, and what else is dark and was left out."""
    pixels = light.dark_ink(pixels, ink_is)
    dark = light.contrast(pixels)
    sheet, said = paper.sheet(pixels), []
    if sheet is not None:
        dark[~sheet] = 0
        said.append("surroundings of the paper left out")
    dark, ruled = ruling.without_ruling(dark, sheet)
    if ruled:
        said.append("ruling left out")
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
    """Find the ink in an image of contrast at its final scale; lines are about `width` wide."""
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
    """Return the scale at which lines have the best width, unless the picture becomes too large."""
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
    return [smooth.smooth(line, found.width) + 0.5 for line in lines]


def graph_of(found: Inked, radius: np.ndarray) -> Graph:
    """Return the mended graph of the ink's skeleton; radius: distance to its edge `[H, W]`."""
    graph = skeleton_graph(skeletonize(found.mask))
    branches.without_spurs(graph, radius)
    branches.reach_ends(graph, radius, found.width)
    branches.join_gaps(graph, found.width)
    branches.sharpen_tips(graph, radius, found.width)
    branches.part_shared(graph, found.width)
    return graph
