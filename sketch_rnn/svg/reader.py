"""Read SVG files as polylines, as a pen would draw them.

Paths, polylines, polygons, lines, rectangles, circles and ellipses are read, with nested
transforms, `use`, viewBox, units and style sheets (https://www.w3.org/TR/SVG2/). Lines that cannot
be seen are left out: lines that are invisible, painted over, erased, or off the page (unless
everything is off the page). Text, images and larger filled shapes are left out too, with a warning;
callers may ask for the outlines of filled shapes. Nothing outside the file is ever read, and the
work is limited whatever the file contains.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sketch_rnn.errors import UserError, warn
from sketch_rnn.svg import paint, shapes, viewports, xml
from sketch_rnn.svg.paint import Painted, bounds
from sketch_rnn.svg.ribbons import Middle, along_middle, is_ribbon, ribbon_length
from sketch_rnn.svg.visible import Shown, shown
from sketch_rnn.svg.walk import Walker

DOT = 1e-3  # share of the page's longer side; a smaller drawing is only a dot

_BAD_NUMBER = "it contains a number that is too large, or text where a number belongs"
_TRACE = "traced to lines first (by Inkscape's Trace Bitmap, potrace or autotrace)"
_TO_PATHS = "converted to paths first (Inkscape's Object to Path)"
# for each kind of thing left out: the noun for it, and advice
_LEFT_OUT = {
    "filled": ("filled shape", "--outline draws their edges"),
    "image": ("picture", f"to be {_TRACE}"),
    "text": ("text", f"to be {_TO_PATHS}"),
    "foreignObject": ("piece of HTML", "only SVG elements are read"),
    "clip-path": ("clip-path", "what should be hidden is drawn too"),
    "mask": ("mask", "what should be hidden is drawn too"),
    "marker": ("marker", "to be drawn as paths"),
}


@dataclass(frozen=True)
class Polylines:
    """The content of an SVG file.

    Attributes:
      lines: one `[n, 2]` float64 array for each line, in pixels (y points down), without repeated
        points; a dot is one point.
      left_out: descriptions of visible things that are not among the lines, one for each kind of
        thing.
    """

    lines: list[np.ndarray]
    left_out: list[str]


def read_svg(
    source: str | Path | bytes, *, outline: bool | None = False, tolerance: float = 0.001
) -> list[np.ndarray]:
    """Return the lines of an SVG drawing in document order; warn about what is left out.

    Args:
      source: the name of a file, or its content as bytes; either may be gzipped (`.svgz`).
      outline: whether to include the outlines of shapes that are filled but not stroked; None
        includes them only if nothing is stroked.
      tolerance: the largest distance between a line and its curve, as a share of the drawing's
        longer side.

    Returns:
      One `[n, 2]` float64 array for each line; see `Polylines`.

    Raises:
      UserError: the drawing cannot be read; the message names the file unless bytes were given.
    """
    if isinstance(source, bytes):
        content, name = source, ""
    else:
        content, name = read_content(Path(source)), f"{source}: "
    try:
        drawing = read_polylines(content, outline=outline, tolerance=tolerance)
    except UserError as error:
        raise UserError(f"{name}{error}") from None
    for text in drawing.left_out:
        warn(f"{name}{text}")
    return drawing.lines


def read_content(path: Path) -> bytes:
    """Return a file's bytes, up to the limit of `read_polylines`; raise UserError if missing."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    with path.open("rb") as file:
        return file.read(xml.MAX_BYTES + 1)


def read_polylines(
    content: bytes,
    *,
    outline: bool | None = False,
    tolerance: float = 0.001,
    middle: Middle | None = None,
) -> Polylines:
    """Return the lines in a file's content, and what is left out; see `read_svg`.

    If `middle` is given, lines along the middle of each ribbon replace the ribbon.
    """
    root = xml.parse(content)
    if root.tag != "svg":
        raise UserError(f"expected an SVG drawing, got a first element <{root.tag[:40]}>")
    walker = Walker(root)
    with np.errstate(all="ignore"):  # numbers that are not finite are refused below
        try:
            painted = walker.walk()
            _check_finite(painted)
            page = walker.page_size()
            painted = walker.clips.cut(painted, tolerance * _side(painted, page))
            if middle is not None:
                limit = tolerance * _side(painted, page)
                painted = [along_middle(shape, middle, limit) for shape in painted]
            seen = partial(shown, painted, page, _background(walker), tolerance=tolerance)
            found = seen(outline=bool(outline))
            if outline is None and not found.lines:
                found = seen(outline=True)
        except (ArithmeticError, ValueError) as error:
            raise error if isinstance(error, UserError) else UserError(_BAD_NUMBER) from None
        if not found.lines:
            odd = walker.styles.not_understood
            raise UserError(f"{_why_empty(walker.left_out, found)}{_not_understood(odd)}")
        if outline is False and middle is None:
            _refuse_ribbons(painted, found.lines)
        _check_size(found.lines, page)
        lines = _flatten_all(found.lines, tolerance)
    return Polylines(lines, _left_out(walker, found))


def _refuse_ribbons(painted: Sequence[Painted], lines: Sequence[np.ndarray]) -> None:
    """Raise UserError if the drawing consists more of thin filled shapes than of lines."""
    low, high = bounds(painted)
    drawn = sum(float(np.hypot(*(line[:, 3] - line[:, 0]).T).sum()) for line in lines)
    stroked = [shape for shape in painted if shape.stroke and is_ribbon(shape)]
    drawn -= 2 * ribbon_length(stroked, float((high - low).max()))
    if ribbon_length(painted, float((high - low).max())) > drawn:
        raise UserError(
            "most of its ink is in filled shapes, not lines; --centerline draws lines along their "
            "middle, --outline draws their edges"
        )


def page_size(content: bytes) -> tuple[float, float] | None:
    """Return the page's width and height, in the units of the lines; None if the file has none."""
    root = xml.parse(content)
    page, box = Walker(root).page_size(), viewports.view_box(root)
    if page is None or box is None:
        return page
    scale = min(page[0] / box[2], page[1] / box[3])
    return box[2] * scale, box[3] * scale


def _not_understood(odd: Iterable[str]) -> str:
    """Return the part of a message that lists what was not understood; "" if nothing was odd."""
    texts = list(odd)
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return f"; not understood: {', '.join(texts[:3])}{more}" if texts else ""


def _why_empty(left_out: Mapping[str, int], found: Shown) -> str:
    if found.filled:
        return (
            "nothing in it is stroked, only filled; --centerline draws the middle of thin shapes, "
            "--outline draws the outlines"
        )
    if left_out["image"]:
        return f"it shows no lines, only a picture, which has to be {_TRACE}"
    if left_out["text"]:
        return f"it shows no lines, only text, which has to be {_TO_PATHS}"
    return "it shows no lines"


def _left_out(walker: Walker, found: Shown) -> list[str]:
    """Return descriptions of everything that is left out, one for each kind."""
    counts = walker.left_out + walker.clips.not_made_out + Counter(filled=found.filled)
    texts = []
    for kind, (noun, advice) in _LEFT_OUT.items():
        if count := counts[kind]:
            texts.append(f"{count} {noun}{'s' if count > 1 else ''} left out; {advice}")
    if walker.painter.dashed:
        texts.append("dashed lines are drawn without their gaps")
    if not found.all_seen:
        texts.append("hidden lines are drawn too; too many shapes overlap")
    return [*texts, *(f"not understood: {text}" for text in walker.styles.not_understood)]


def _check_finite(painted: list[Painted]) -> None:
    for shape in painted:
        for line in [*shape.lines, *shape.filled]:
            if not (np.abs(line) < 1e12).all():
                raise UserError(_BAD_NUMBER)


def _check_size(lines: list[np.ndarray], page: tuple[float, float] | None) -> None:
    points = np.concatenate(lines).reshape(-1, 2)
    if page and np.ptp(points, axis=0).max() < DOT * max(page):
        raise UserError("all its points are in one place")


def _side(painted: list[Painted], page: tuple[float, float] | None) -> float:
    """Return the longer side of the page, or of what is painted if the page has no size."""
    if page or not painted:
        return max(page or (1.0,))
    lines = [line.reshape(-1, 2) for shape in painted for line in [*shape.lines, *shape.filled]]
    return float(np.ptp(np.concatenate(lines), axis=0).max())


def _background(walker: Walker) -> paint.Color:
    """Return the color of the page before anything is painted."""
    own = walker.styles.own_properties(walker.root)
    text = own.get("background-color") or own.get("background", "none")
    found = paint.paint(text, "black", ())
    return found.color if found and found.color and found.opaque() else paint.WHITE


def _flatten_all(lines: list[np.ndarray], tolerance: float) -> list[np.ndarray]:
    """Flatten the curves `[C, 4, 2]` of each line; tolerance is a share of the longer side."""
    side = np.ptp(np.concatenate(lines).reshape(-1, 2), axis=0).max()
    limit = max(side * tolerance, 1e-12)
    polylines, total = [], 0
    for line in lines:
        points = shapes.flatten(line, limit)
        total += len(points)
        if total > shapes.MAX_POINTS:
            raise UserError(f"its curves take more than {shapes.MAX_POINTS} points to draw")
        differs = np.any(points[1:] != points[:-1], axis=1)
        polylines.append(points[np.concatenate([[True], differs])])
    return polylines
