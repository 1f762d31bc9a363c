"""Convert the shapes in SVG files to cubic curves, curves to polylines, and polylines to curves."""

import math
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

import numpy as np
import svgelements

from sketch_rnn.errors import UserError
from sketch_rnn.svg.values import Units, length

MAX_POINTS = 200_000  # in one drawing; a drawing that needs more is not a sketch
MAX_SEGMENTS = 50_000  # in a drawing; the moves in paths count too

LINES = ("path", "polygon", "polyline")
_SIMPLE = {
    "circle": (svgelements.Circle, ("cx", "cy", "r")),
    "ellipse": (svgelements.Ellipse, ("cx", "cy", "rx", "ry")),
    "line": (svgelements.SimpleLine, ("x1", "y1", "x2", "y2")),
    "rect": (svgelements.Rect, ("x", "y", "width", "height", "rx", "ry")),
}
SHAPES = (*LINES, *_SIMPLE)
_SIZES = {"circle": ("r",), "ellipse": ("rx", "ry"), "rect": ("width", "height")}

Segments = list[svgelements.PathSegment]
Curve = list[tuple[float, float]]  # cubic: four control points


def segments(
    element: Element,
    geometry: Callable[[str], str | None],
    viewport: tuple[float, float],
    units: Units,
) -> Segments:
    """Return the segments of a shape, in its own coordinates.

    Args:
      element: one of `SHAPES`.
      geometry: takes the name of an attribute for a position or size, and returns its value. If CSS
        sets the attribute, this is the value from CSS.
      viewport: the width and height that percentages refer to.
      units: the sizes that relative units refer to.

    Raises:
      UserError: there are more segments than the limit.
    """
    tag = element.tag
    if tag in LINES:
        return _path(path_data(element, geometry))
    kind, names = _SIMPLE[tag]
    texts = {name: geometry(name) for name in names}
    values = {
        name: length(text, _percentage_base(name, viewport), 0.0, units)
        for name, text in texts.items()
        if text and text != "auto"
    }
    radii = [values[name] for name in ("rx", "ry") if name in values]
    if tag == "ellipse" and len(radii) == 1:
        values["rx"] = values["ry"] = radii[0]
    if any(values.get(name, 0) <= 0 for name in _SIZES.get(tag, ())):
        return []
    return list(kind(values).segments(transformed=False))


def chains(segments: Segments) -> Iterator[list[Curve]]:
    """Yield each subpath as cubic curves; straight lines become curves too."""
    chain: list[Curve] = []
    for segment in segments:
        if isinstance(segment, svgelements.Move) or not _has_both_ends(segment):
            if chain:
                yield chain
            chain = []
            continue
        chain += _cubics(segment)
        if isinstance(segment, svgelements.Close):
            yield chain
            chain = []
    if chain:
        yield chain


def parse_path(data: str) -> list[list[Curve]]:
    """Return the subpaths of path data, each as cubic curves."""
    return list(chains(_path(data)))


def path_data(element: Element, geometry: Callable[[str], str | None]) -> str:
    """Return the equivalent path data of an element whose tag is in `LINES`."""
    if element.tag == "path":
        return geometry("d") or ""
    return f"M{element.get('points', '')}{'z' if element.tag == 'polygon' else ''}"


def _percentage_base(name: str, viewport: tuple[float, float]) -> float:
    """Return the length that a percentage in the named attribute refers to."""
    if name == "r":
        return math.hypot(*viewport) / math.sqrt(2)
    return viewport[0] if name in ("x", "cx", "rx", "x1", "x2", "width") else viewport[1]


def check_count(segments: int) -> None:
    """Raise UserError if there are more segments than the limit."""
    if segments > MAX_SEGMENTS:
        raise UserError(f"its lines have more than {MAX_SEGMENTS} segments")


class _Path(svgelements.Path):
    """A path whose number of segments is limited while it is parsed."""

    def append(self, segment: svgelements.PathSegment) -> None:
        check_count(len(self) + 1)
        super().append(segment)


def _path(data: str) -> svgelements.Path:
    """Return the segments before the first error, as the standard asks; paths start with a move."""
    path = _Path()
    if data.lstrip()[:1] not in ("M", "m"):
        return path
    try:
        path.parse(data)
    except UserError:
        raise
    except (ValueError, IndexError, TypeError, AttributeError):
        pass
    return path


def _has_both_ends(segment: svgelements.PathSegment) -> bool:
    """Return whether a segment has both end points, each with an x and a y."""
    ends = (segment.start, segment.end)
    return None not in ends and None not in (*segment.start, *segment.end)


def _cubics(segment: svgelements.PathSegment) -> list[Curve]:
    """Return a segment as cubic curves of four points each."""
    start, end = tuple(segment.start), tuple(segment.end)
    if isinstance(segment, svgelements.CubicBezier):
        return [[start, tuple(segment.control1), tuple(segment.control2), end]]
    if isinstance(segment, svgelements.QuadraticBezier):
        cx, cy = segment.control
        first = ((start[0] + 2 * cx) / 3, (start[1] + 2 * cy) / 3)
        second = ((end[0] + 2 * cx) / 3, (end[1] + 2 * cy) / 3)
        return [[start, first, second, end]]
    if isinstance(segment, svgelements.Arc) and segment.rx and segment.ry:
        return [c for cubic in segment.as_cubic_curves() for c in _cubics(cubic)]
    # a straight line: its controls are at a third and two thirds
    first = ((2 * start[0] + end[0]) / 3, (2 * start[1] + end[1]) / 3)
    second = ((start[0] + 2 * end[0]) / 3, (start[1] + 2 * end[1]) / 3)
    return [[start, first, second, end]]


def flatten(controls: np.ndarray, tolerance: float) -> np.ndarray:
    """Return a chain of cubic Bezier curves as one polyline.

    Each curve is cut into equal steps of its parameter, enough to keep the chords within
    `tolerance` of the curve: n = sqrt(6 / 8 * max |second difference of the controls| / tolerance)
    (Wang's bound for degree 3).

    Args:
      controls: the curves' control points `[C, 4, 2]`; each starts where the last one ended.
      tolerance: the largest distance between curve and chord, in the controls' units.

    Returns:
      The points `[n, 2]`, beginning with the start of the first curve.

    Raises:
      UserError: the polyline would need more than `MAX_POINTS` points.
    """
    bend = controls[:, :2] - 2 * controls[:, 1:3] + controls[:, 2:]  # [C, 2, 2]
    bend = np.sqrt(np.square(bend).sum(axis=2)).max(axis=1)
    steps = np.maximum(np.ceil(np.sqrt(0.75 * bend / tolerance)), 1)
    if not steps.sum() <= MAX_POINTS:
        raise UserError(f"its curves take more than {MAX_POINTS} points to draw")
    steps = steps.astype(np.int64)
    curve = np.repeat(np.arange(len(controls)), steps)
    step = np.arange(len(curve)) - np.repeat(np.cumsum(steps) - steps, steps)
    t = ((step + 1) / steps[curve])[:, None]
    p0, p1, p2, p3 = controls[curve].transpose(1, 0, 2)
    s = 1 - t
    points = s**3 * p0 + 3 * s * s * t * p1 + 3 * s * t * t * p2 + t**3 * p3
    return np.concatenate([controls[:1, 0], points])


def straight(points: np.ndarray) -> np.ndarray:
    """Return the lines between points `[n, 2]` as curves `[n - 1, 4, 2]`; a dot is one curve."""
    if len(points) == 1:
        points = points[[0, 0]]
    start, end = points[:-1, None], points[1:, None]
    return start + np.linspace(0, 1, 4)[:, None] * (end - start)


def closed(points: np.ndarray) -> np.ndarray:
    """Return points `[n, 2]` with the first one repeated at the end."""
    return np.concatenate([points, points[:1]])
