"""Small pictures of drawings for tests."""

import io

import numpy as np
from PIL import Image, ImageDraw

CROSS = [[(20, 20), (140, 120)], [(25, 115), (135, 25)]]
ANGLE = [[(30, 20), (30, 110), (130, 110)]]
CIRCLE = [[(80 + 50 * np.cos(t), 75 + 50 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 60)]]


def page(lines, size=(160, 150), width=5, paper="white", ink="black", smooth=4):
    """Draw lines with a round pen."""
    image = Image.new("RGB", (size[0] * smooth, size[1] * smooth), paper)
    pen = ImageDraw.Draw(image)
    for line in lines:
        points = [(x * smooth, y * smooth) for x, y in line]
        half = width * smooth / 2
        if len(points) > 1:
            pen.line(points, fill=ink, width=width * smooth, joint="curve")
        for x, y in points:
            pen.ellipse([x - half, y - half, x + half, y + half], fill=ink)
    return image.resize(size, Image.Resampling.BOX)


def encoded(image, form="PNG", **options):
    """Return the bytes of a picture file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def along(line, step=1.0):
    """Return points along a line, about a step apart."""
    line = np.asarray(line, float)
    far = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, far[-1], int(far[-1] / step) + 2)
    return np.stack([np.interp(at, far, line[:, axis]) for axis in (0, 1)], 1)


def apart(found, true):
    """Return the largest distance from a point of either set of lines to the other set."""
    a, b = (np.concatenate([along(line) for line in lines]) for lines in (found, true))
    far = np.hypot(*np.moveaxis(a[:, None] - b, -1, 0))
    return max(far.min(0).max(), far.min(1).max())
