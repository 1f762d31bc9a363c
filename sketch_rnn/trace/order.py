"""Put lines in the order and direction in which a hand would draw them.

Dimensions: L lines, n points in a line.
"""

from collections.abc import Sequence

import numpy as np


def ordered(lines: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Order lines `[n, 2]` from top to bottom, each starting at its upper left end.

    Among three ways to order lines, the packaged model finds this one most likely; see
    docs/paper_drawings.md.
    """
    turned = [_from_top_left(opened(line)) for line in lines]
    return sorted(turned, key=lambda line: tuple(line.min(axis=0)[::-1]))


def by_nearest_end(lines: Sequence[np.ndarray], pen: np.ndarray) -> list[np.ndarray]:
    """Order lines so that the next line always starts or ends nearest to the pen, `[2]`."""
    ends = np.array([[line[0], line[-1]] for line in lines], np.float64)  # [L, 2, 2]
    left = np.ones(len(lines), bool)
    result: list[np.ndarray] = []
    while left.any():
        far = np.square(ends - pen).sum(axis=2)
        far[~left] = np.inf
        number, end = np.unravel_index(np.argmin(far), far.shape)
        result.append(lines[int(number)][:: -1 if end else 1])
        left[number] = False
        pen = result[-1][-1]
    return result


def opened(line: np.ndarray) -> np.ndarray:
    """Make a closed line start at its top and run counterclockwise; return others unchanged."""
    if len(line) < 4 or (line[0] != line[-1]).any():
        return line
    ring = line[:-1]
    x, y = ring.T
    if x @ np.roll(y, -1) - y @ np.roll(x, -1) > 0:  # clockwise, since y points down
        ring = ring[::-1]
    ring = np.roll(ring, -int(np.argmin(ring[:, 1])), axis=0)
    return np.concatenate([ring, ring[:1]])


def _from_top_left(line: np.ndarray) -> np.ndarray:
    return line[::-1] if line[-1].sum() < line[0].sum() else line
