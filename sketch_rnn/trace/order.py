"""Put lines in the order and direction in which a hand would draw them.

Dimensions: L lines, n points of a line.
"""

from collections.abc import Sequence

import numpy as np

LONG = 0.5  # of the longest line of a drawing: lines at least as long are drawn first


def ordered(lines: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the lines `[n, 2]` in drawing order."""
    return longest_first(lines)


def longest_first(lines: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Order long lines before details, and both by `nearest`."""
    lengths = [_length(line) for line in lines]
    limit = LONG * max(lengths, default=0)
    long = [line for line, length in zip(lines, lengths, strict=True) if length >= limit]
    details = [line for line, length in zip(lines, lengths, strict=True) if length < limit]
    first = nearest(long)
    return first + nearest(details, first[-1][-1] if first else None)


def nearest(lines: Sequence[np.ndarray], pen: np.ndarray | None = None) -> list[np.ndarray]:
    """Start at the top left; each time go on with the line whose end is nearest, from that end."""
    left = [opened(line) for line in lines]
    if not left:
        return []
    return by_nearest_end(left, np.min(np.concatenate(left), axis=0) if pen is None else pen)


def by_nearest_end(lines: Sequence[np.ndarray], pen: np.ndarray) -> list[np.ndarray]:
    """The lines, each time the one with the end nearest to the pen `[2]`, drawn from that end."""
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


def downward(lines: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Order lines from top to bottom, each from its upper left end."""
    turned = [_from_top_left(opened(line)) for line in lines]
    return sorted(turned, key=lambda line: tuple(line.min(axis=0)[::-1]))


def opened(line: np.ndarray) -> np.ndarray:
    """Start a closed line at its top, counterclockwise; return any other line unchanged."""
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


def _length(line: np.ndarray) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())
