"""Cut strokes at the gaps in their dash patterns.

https://svgwg.org/svg2-draft/painting.html#StrokeDashing. A line with many dashes stays whole, as a
pen would draw it; a line with one or two dashes is cut.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sketch_rnn.svg import shapes, values
from sketch_rnn.svg.values import Units

FEW = 2  # the most dashes that a line is cut into
FINE = 1e-3  # share of a line's longer side: tolerance of the polyline that is measured


@dataclass(frozen=True)
class Pattern:
    """The lengths of dashes and gaps, in turn, and how far into the pattern a line starts."""

    lengths: np.ndarray
    offset: float


def pattern(style: Mapping[str, str], diagonal: float, units: Units) -> Pattern | None:
    """Return the dash pattern that properties describe; None for a line without gaps.

    Args:
      style: the properties.
      diagonal: the length that percentages refer to.
      units: the sizes that relative units refer to.
    """
    text = style.get("stroke-dasharray", "none").strip()
    if text.lower() == "none":
        return None
    parts = [part for part in re.split(r"[\s,]+", text) if part]
    lengths = np.array([values.length(part, diagonal, -1.0, units) for part in parts])
    if not len(lengths) or (lengths < 0).any() or not np.isfinite(lengths).all():
        return None
    if len(lengths) % 2:
        lengths = np.tile(lengths, 2)
    if lengths[1::2].sum() == 0:
        return None
    offset = values.length(style.get("stroke-dashoffset"), diagonal, 0.0, units)
    return Pattern(lengths, offset)


def dashed(
    chains: Sequence[np.ndarray], of: Pattern, path_length: float
) -> tuple[list[np.ndarray], bool]:
    """Return the dashes of subpaths, and whether gaps were ignored because there are too many.

    Args:
      chains: the subpaths, each as curves `[C, 4, 2]`, in the shape's own coordinates.
      of: the dash pattern.
      path_length: the shape's `pathLength` attribute; 0 if it has none.
    """
    scale = 1.0
    if path_length > 0:
        scale = sum(_length(shapes.flatten(chain, _limit(chain))) for chain in chains) / path_length
    period = float(of.lengths.sum()) * scale
    seen, is_whole = [], False
    for chain in chains:
        pieces = _cut(chain, of, scale, period)
        is_whole |= pieces is None
        seen += [chain] if pieces is None else pieces
    return seen, is_whole


def _cut(chain: np.ndarray, of: Pattern, scale: float, period: float) -> list[np.ndarray] | None:
    """Return the dashes of a line; None if there are too many."""
    if not period > 0 or _length(np.concatenate([chain[:, 0], chain[-1:, 3]])) > FEW * period:
        return None
    line = shapes.flatten(chain, _limit(chain))
    length = _length(line)
    if length > FEW * period:
        return None
    spans = _spans(of, scale, period, length)
    if spans == [(0.0, length)]:
        return [chain]
    if len(spans) > FEW:
        return None
    return [shapes.straight(_between(line, *span)) for span in spans]


def _length(line: np.ndarray) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def _spans(of: Pattern, scale: float, period: float, length: float) -> list[tuple[float, float]]:
    """Return the start and end of each dash along a line of the given length."""
    ends = np.cumsum(of.lengths) * scale
    starts = ends - of.lengths * scale
    start = (of.offset * scale) % period
    spans: list[tuple[float, float]] = []
    for turn in range(int((start + length) // period) + 1):
        for first, last in zip(starts[::2], ends[::2], strict=True):
            low = max(turn * period + first - start, 0.0)
            high = min(turn * period + last - start, length)
            if high <= low:
                continue
            if spans and low <= spans[-1][1]:
                spans[-1] = spans[-1][0], high
            else:
                spans.append((low, high))
    return spans


def _between(line: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the part of a line `[n, 2]` between two distances along it."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    ends = np.array([np.interp(at, along, of) for at in (low, high) for of in line.T])
    inner = line[(along > low) & (along < high)]
    return np.concatenate([ends[None, :2], inner, ends[None, 2:]])


def _limit(chain: np.ndarray) -> float:
    return max(FINE * float(np.ptp(chain.reshape(-1, 2), axis=0).max()), 1e-12)
