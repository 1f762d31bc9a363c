"""Find lines along the middle of filled shapes, by rendering and tracing them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

from sketch_rnn.trace import ink, order
from sketch_rnn.trace.tracer import Inked, lines_of

WIDE = 8.0  # width of a rendered ribbon, in pixels
MOST = 1600  # the longest side of a rendered picture, in pixels
AROUND = 3  # margin around the shape, in pixels


def middle(
    rings: Sequence[np.ndarray], even_odd: bool, stroke: float
) -> tuple[list[np.ndarray], float] | None:
    """Return the lines along the middle of a filled shape, each `[n, 2]`, and their width.

    Args:
      rings: the edges of the shape, each `[n, 2]`.
      even_odd: whether the shape is filled by the even-odd rule, not by the nonzero rule.
      stroke: the width of the line around it; 0 if there is none.

    Returns:
      The lines and their width, or None if the shape is not thin.
    """
    points = np.concatenate(rings)
    low = points.min(axis=0) - stroke / 2
    side = float((points.max(axis=0) - points.min(axis=0)).max()) + stroke
    if not 0 < side < 1e6:
        return None
    scale = MOST / 2 / side
    mask = _drawn(rings, even_odd, stroke, low, scale)
    width = ink.about_width(mask)
    if not width:
        return None
    better = float(np.clip(scale * WIDE / width, scale / 4, MOST / side))
    if abs(better / scale - 1) > 0.2:
        scale = better
        mask = _drawn(rings, even_odd, stroke, low, scale)
    radius = ndimage.distance_transform_edt(mask)
    width = ink.line_width(radius, skeletonize(mask))
    if width <= 0 or 2 * float(radius.max()) > 0.4 * side * scale:
        return None
    lines = lines_of(Inked(mask, max(width, 1.5), width, scale))
    return [(line - AROUND) / scale + low for line in order.ordered(lines)], width / scale


def _drawn(
    rings: Sequence[np.ndarray], even_odd: bool, stroke: float, low: np.ndarray, scale: float
) -> np.ndarray:
    """Return a mask of a shape, bool `[H, W]`, rendered with resvg."""
    import io

    import resvg_py

    placed = [(ring - low) * scale + AROUND for ring in rings]
    width, height = np.ceil(
        np.concatenate(placed).max(axis=0) + stroke * scale / 2 + AROUND
    ).astype(int)
    data = "".join(
        "M" + " ".join(f"{x:.2f},{y:.2f}" for x, y in ring.tolist()) + "Z" for ring in placed
    )
    rule = "evenodd" if even_odd else "nonzero"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<path d="{data}" fill-rule="{rule}" stroke="#000" stroke-linejoin="round" '
        f'stroke-width="{stroke * scale:.2f}"/></svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, background="#fff"))
    return np.asarray(Image.open(io.BytesIO(png)).convert("L")) < 128
