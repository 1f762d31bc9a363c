"""Draw traced lines over their picture, each line in a different color."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

SIDE = 480  # longer side of one picture, in pixels
COLORS = ("#e6194b", "#4363d8", "#3cb44b", "#f58231", "#911eb4", "#008080", "#f032e6", "#9a6324")


def overlay(pixels: np.ndarray, lines: Sequence[np.ndarray]) -> Image.Image:
    """Draw lines `[n, 2]` over a paler picture `[H, W, 3]`; a ring shows where each begins."""
    scale = SIDE / max(pixels.shape[:2])
    size = [max(round(side * scale), 1) for side in pixels.shape[1::-1]]
    pale = Image.fromarray(pixels).resize(size, Image.Resampling.BOX).point(lambda v: 128 + v // 2)
    pen = ImageDraw.Draw(pale)
    for number, line in enumerate(lines):
        color = COLORS[number % len(COLORS)]
        points = [tuple(point) for point in (line * scale).tolist()]
        if len(points) > 1:
            pen.line(points, fill=color, width=2, joint="curve")
        x, y = points[0]
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], outline=color, width=2)
    return pale


def sheet(pictures: Sequence[Image.Image]) -> Image.Image:
    """Arrange pictures in rows, as one picture."""
    columns = max(round(len(pictures) ** 0.5 + 0.49), 1)
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (SIDE + 8), rows * (SIDE + 8)), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        page.paste(picture, (column * (SIDE + 8) + 4, row * (SIDE + 8) + 4))
    return page
