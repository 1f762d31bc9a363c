"""Sketches as pictures: one drawing or a grid, as SVG or PNG; the one module that draws.

A sketch is a stroke-3 array `[n, 3]` in any units; y points down. It begins at the origin with
the pen down, as the start token (0, 0, 1, 0, 0) says: the public data sets leave their first
point out, and a first line drawn from row 0 on would lack a segment. The sketches of a grid have
one scale, at which they fit their cells. Every line of the pen is one `<path>` on a line of its own
in the file, in absolute coordinates, and every ink one layer, for plotters and editors. The same
input gives the same bytes.
"""

import functools
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import svgwrite
from svgwrite.utils import pretty_xml
from tinycss2.color3 import parse_color

from sketch_rnn import files
from sketch_rnn.errors import UserError, warn
from sketch_rnn.strokes import all_checked, to_polylines

INK = "#1a1a1a"
PREFIX_INK = "#2a6fdb"
TITLE_INK = "#666666"
# A PNG's titles need one of these by name: its renderer does not look for a substitute.
FONTS = "DejaVu Sans, Liberation Sans, Noto Sans, Arial, Helvetica, sans-serif"
FONT_SIZE = 13
LINE_HEIGHT = 20
LONGEST_TITLE = 28  # characters
# Hidden only while it runs, so that a program without animations shows the whole drawing. The dash
# starts a little before its line, or its round cap would show there.
ANIMATION = """
.sketch path, .given path {animation: sketch-draws-itself linear backwards}
@keyframes sketch-draws-itself {
  from {visibility: hidden; stroke-dasharray: 1 2; stroke-dashoffset: 1.05}
  to {stroke-dasharray: 1 2}
}
"""
MAX_PNG_SIDE = 8000  # pixels
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

OUTLIER = 2.5  # a sketch so many times as large as the median one is scaled by itself
CORNER = math.radians(55)  # a smooth line that turns more at a point has a corner there
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(px|mm)?")
INKSCAPE = "http://www.inkscape.org/namespaces/inkscape"

Lines = list[tuple[np.ndarray, bool]]  # points [m, 2] of each line, and whether it was given


class Svg(str):
    """The text of an SVG file; a notebook shows it as the picture, Python's prompt its size."""

    def _repr_svg_(self) -> str:
        """On white: a picture without a background would not be seen on a dark page."""
        return self.replace("<svg ", '<svg style="background: white" ', 1)

    def __repr__(self) -> str:
        return f"<Svg of {len(self):,} characters; print() shows them>"


@dataclass(frozen=True)
class Style:
    """How a picture looks.

    Attributes:
      stroke_width: of the lines, in pixels, or millimetres where the size is in them; None is by
        the size of the cells.
      color: of the lines that were not given, as CSS writes it.
      background: a colour, or "none"; None is none in an SVG, and white in a PNG.
      size: width of the picture in pixels, or in millimetres as in "100mm" (SVG only); None is
        by the number of sketches.
      columns: sketches in a row; None is a nearly square grid.
      smooth: draw curves through the points instead of straight lines; corners stay.
    """

    stroke_width: float | None = None
    color: str = INK
    background: str | None = None
    size: str | float | None = None
    columns: int | None = None
    smooth: bool = False

    def __post_init__(self):
        for name in ("color", "background"):
            value = getattr(self, name)
            if value not in (None, "none") and parse_color(value) is None:
                raise UserError(
                    f"`{name}`: expected a colour, as in red or #c33, got {value!r:.40}"
                )
        if self.stroke_width is not None and not 0.01 <= self.stroke_width <= 1000:
            raise UserError(f"`stroke_width`: expected 0.01 to 1000, got {self.stroke_width}")
        if self.columns is not None and self.columns < 1:
            raise UserError(f"`columns`: expected columns above 0, got {self.columns}")
        if self.size is not None and not 1 <= self.measure[0] <= MAX_PNG_SIDE:
            raise UserError(
                f"`size`: expected a width of 1 to {MAX_PNG_SIDE} pixels, as in 800, or "
                f"millimetres, as in 100mm; got {self.size!r:.40}"
            )

    @property
    def measure(self) -> tuple[float, str]:
        """The size as a number, 0 if it is none, and its unit."""
        found = SIZE.fullmatch(f"{self.size}".strip())
        return (float(found[1]), found[2] or "px") if found else (0.0, "px")


def draw(
    sketches: np.ndarray | Sequence[np.ndarray],
    path: str | os.PathLike | None = None,
    *,
    style: Style | None = None,
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    row_titles: Sequence[str] | None = None,
    column_titles: Sequence[str] | None = None,
    caption: str | None = None,
    prefixes: int | Sequence[int] = 0,
    cell: float | None = None,
    animate: bool = False,
    **options: Any,
) -> Svg:
    """Draws one sketch, or a grid of them, row by row.

    Args:
      sketches: one stroke-3 sketch `[n, 3]` or a sequence of them; an empty one leaves its cell
        empty.
      path: the file to write, `.svg` or `.png`; None writes nothing.
      style: how it looks.
      columns: sketches in a row; by default the style's, the number of column titles, or a nearly
        square grid.
      labels: a text under each sketch.
      row_titles: texts at the left of the rows.
      column_titles: texts above the columns.
      caption: a text above it all.
      prefixes: how many points at the start of each sketch were given rather than drawn by the
        model; they get another colour. Those of a row stay where they are from cell to cell.
      cell: side of a sketch's cell in the picture's units; by default 400 for one sketch, 160 in a
        grid.
      animate: the SVG draws itself, each sketch in the order of its strokes, at the pen's speed.
      **options: what `Style` has, one by one, as in `color="red"`.

    Returns:
      The SVG's text.

    Raises:
      UserError: a sketch is not finite stroke-3, titles do not fit the grid, the style is none, the
        path has another suffix or cannot be written.
    """
    style = _style(style, options)
    if isinstance(sketches, np.ndarray) and sketches.ndim == 2:
        sketches = [sketches]
    sketches = all_checked(sketches, may_be_empty=True)
    if cell is None:
        cell = 400 if len(sketches) == 1 else 160
    if columns is None:
        columns = style.columns or len(column_titles or ()) or _columns(len(sketches))
    if columns < 1 or cell <= 0:
        raise UserError(f"expected columns and cell above 0, got {columns} and {cell}")
    rows = max(1, math.ceil(len(sketches) / columns))
    if isinstance(prefixes, int | np.integer):
        prefixes = [int(prefixes)] * len(sketches)
    for what, given, expected in (
        ("labels", labels, len(sketches)),
        ("prefixes", prefixes, len(sketches)),
        ("row_titles", row_titles, rows),
        ("column_titles", column_titles, columns),
    ):
        if given is not None and len(given) != expected:
            raise UserError(f"{what}: expected {expected} of them, got {len(given)}")

    left = max(map(_width, row_titles)) + FONT_SIZE if row_titles else 0
    top = LINE_HEIGHT * (bool(column_titles) + bool(caption))
    pitch = cell + (LINE_HEIGHT if labels else 0)
    width, height = round(left + columns * cell, 2), round(top + rows * pitch, 2)
    svg = _document(width, height, style, animate)

    stroke_width = 2 * math.sqrt(cell / 160)
    if style.stroke_width is not None:
        stroke_width = style.stroke_width * (width / style.measure[0] if style.size else 1)
    layers = {
        name: _layer(svg, name, round(max(stroke_width, 0.001), 3), ink)
        for name, ink in (("given", PREFIX_INK), ("drawn", style.color))
    }
    lines = [_coloured_lines(*pair) for pair in zip(sketches, prefixes, strict=True)]
    for i, placed in enumerate(_placed(lines, prefixes, columns, cell)):
        corner = np.array([left + i % columns * cell, top + i // columns * pitch])
        moved = [(line + corner, is_given) for line, is_given in placed]
        speed = 2 * cell if animate else None
        for is_given, group in _groups(svg, moved, style.smooth, speed).items():
            layers["given" if is_given else "drawn"].add(group)
    for layer in layers.values():
        if layer.elements:
            svg.add(layer)

    titles = svg.g(font_family=FONTS, font_size=FONT_SIZE, fill=TITLE_INK, text_anchor="middle")
    if caption:
        titles.add(_text(svg, caption, width / 2, LINE_HEIGHT - 6, width))
    for column, title in enumerate(column_titles or ()):
        titles.add(_text(svg, title, left + (column + 0.5) * cell, top - 6, cell))
    for row, title in enumerate(row_titles or ()):
        titles.add(_text(svg, title, left / 2, top + row * pitch + (cell + FONT_SIZE) / 2, left))
    for i, label in enumerate(labels or ()):
        x, y = left + i % columns * cell, top + i // columns * pitch
        titles.add(_text(svg, label, x + cell / 2, y + pitch - 6, cell))
    if titles.elements:
        svg.add(titles)

    text = Svg('<?xml version="1.0" encoding="UTF-8"?>\n' + pretty_xml(svg.tostring()))
    if path is not None:
        _save(text, Path(path), style, animate)
    return text


def _style(style: Style | None, options: dict[str, Any]) -> Style:
    try:
        return replace(style or Style(), **options)
    except TypeError:
        names = ", ".join(field.name for field in fields(Style))
        raise UserError(f"draw takes no {', '.join(options)}; a style has {names}") from None


def png(svg: str, zoom: float = 2.0, background: str | None = "white") -> bytes:
    """An SVG made by `draw` as the bytes of a PNG, `zoom` pixels for each of its own.

    `tf.io.decode_png(png(...), 3)` is what TensorBoard takes. A picture is at most 8000 pixels
    wide and high. The titles need a common sans-serif font on the machine; without one a warning
    says that they are missing.
    """
    import resvg_py

    width, height = (float(size) for size in re.findall(r'(?:width|height)="([\d.]+)', svg)[:2])
    zoom = min(zoom, MAX_PNG_SIDE / max(width, height))
    if "<text" in svg:
        _warn_without_fonts()
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, background=background))


def _columns(count: int) -> int:
    """Columns of a grid that is square or a little wider, and leaves the fewest cells empty."""
    least = max(1, math.ceil(math.sqrt(count)))
    return min(range(least, least * 3 // 2 + 1), key=lambda columns: -count % columns)


def _document(width: float, height: float, style: Style, animate: bool) -> svgwrite.Drawing:
    size, unit = style.measure
    shown: tuple[Any, Any] = (width, height)
    if size and unit == "mm":
        shown = f"{size:g}mm", f"{round(size * height / width, 3):g}mm"
    elif size:
        shown = size, round(size * height / width, 2)
    svg = svgwrite.Drawing(size=shown, viewBox=f"0 0 {width} {height}", debug=False)
    svg["xmlns:inkscape"] = INKSCAPE
    if animate:
        svg.defs.add(svg.style(ANIMATION))
    if style.background not in (None, "none"):
        svg.add(svg.rect(size=("100%", "100%"), fill=style.background))
    return svg


def _layer(svg: svgwrite.Drawing, name: str, stroke_width: float, ink: str):
    """What one pen draws."""
    layer = svg.g(
        id=name,
        fill="none",
        stroke=ink,
        stroke_width=stroke_width,
        stroke_linecap="round",
        stroke_linejoin="round",
    )
    layer["inkscape:groupmode"], layer["inkscape:label"] = "layer", name
    return layer


def _coloured_lines(sketch: np.ndarray, prefix: int) -> Lines:
    """The lines of a sketch; one that goes on after the prefix is cut there."""
    if not len(sketch):
        return []
    lines, start = [], 0
    given = prefix + 1 if prefix else 0  # points, the origin among them
    for line in to_polylines(sketch):
        cut = min(max(given - start, 0), len(line))
        start += len(line)
        if cut:
            lines.append((line[:cut], True))
        if cut < len(line):
            lines.append((line[max(cut - 1, 0) :], False))
    return lines


def _placed(
    sketches: Sequence[Lines], prefixes: Sequence[int], columns: int, cell: float
) -> Iterator[Lines]:
    """Each sketch's lines, scaled and moved to the middle of a cell at (0, 0).

    All have one scale, but for those that are very much larger than most. Where something was
    given, a row is moved as one.
    """
    rows = [sketches[i - i % columns : i - i % columns + columns] for i in range(len(sketches))]
    boxes = [
        _box([line for lines in (row if prefix else [lines]) for line, _ in lines])
        for lines, row, prefix in zip(sketches, rows, prefixes, strict=True)
    ]
    sides = np.array([(high - low).max() for low, high in boxes] or [0.0])
    drawn = sides[[bool(lines) for lines in sketches]] if sketches else sides
    usual = drawn[drawn <= OUTLIER * np.median(drawn)] if len(drawn) else sides
    for lines, (low, high), side in zip(sketches, boxes, sides, strict=False):
        scale = 0.84 * cell / max(side, usual.max(), 1e-9)
        yield [((line - (low + high) / 2) * scale + cell / 2, is_given) for line, is_given in lines]


def _box(lines: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The corners `[2]` of what encloses the lines."""
    points = np.concatenate([np.zeros((0, 2)), *lines])
    return (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.zeros(2))


def _groups(svg: svgwrite.Drawing, lines: Lines, smooth: bool, speed: float | None) -> dict:
    """One sketch as groups of paths, what was given and what was drawn.

    `speed` in pixels a second animates them in order.
    """
    groups: dict[bool, Any] = {} if lines else {False: svg.g(class_="sketch")}
    begin = 0.0
    for line, is_given in lines:
        path = svg.path(_curve(line) if smooth else _straight(line))
        if speed:
            seconds = max(0.05, np.linalg.norm(np.diff(line, axis=0), axis=1).sum() / speed)
            path["pathLength"] = 1
            path["style"] = f"animation-duration:{seconds:.2f}s; animation-delay:{begin:.2f}s"
            begin += seconds + 0.1
        if is_given not in groups:
            groups[is_given] = svg.g(class_="given" if is_given else "sketch")
        groups[is_given].add(path)
    return groups


def _straight(line: np.ndarray) -> str:
    """A path from point to point; a single one is a dot."""
    points = [f"{x:.2f} {y:.2f}" for x, y in line]
    return "M" + "L".join(points if len(points) > 1 else points * 2)


def _curve(line: np.ndarray) -> str:
    """A path of cubic curves through the points.

    At a point it runs as from the one before to the one after; at corners and ends straight on.
    """
    line = line[np.append(True, np.any(np.diff(line, axis=0) != 0, axis=1))]
    if len(line) < 3:
        return _straight(line)
    steps = np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    ahead = steps / lengths  # [m - 1, 2]
    before, after = np.vstack([ahead[:1], ahead]), np.vstack([ahead, ahead[-1:]])  # at each point
    if np.allclose(line[0], line[-1]):
        before[0], after[-1] = ahead[-1], ahead[0]
    through = before + after
    norms = np.linalg.norm(through, axis=1, keepdims=True)
    is_smooth = norms >= 2 * math.cos(CORNER / 2)
    through = through / np.maximum(norms, 1e-9)
    leaving, arriving = np.where(is_smooth, through, after), np.where(is_smooth, through, before)
    first = line[:-1] + leaving[:-1] * lengths / 3
    second = line[1:] - arriving[1:] * lengths / 3
    curves = np.hstack([first, second, line[1:]])
    start = f"M{line[0, 0]:.2f} {line[0, 1]:.2f}"
    return start + "".join("C" + " ".join(f"{v:.2f}" for v in curve) for curve in curves)


def _width(title: str) -> float:
    """About the width of a title in pixels."""
    return 0.62 * FONT_SIZE * min(len(str(title)), LONGEST_TITLE)


def _text(svg: svgwrite.Drawing, title: str, x: float, y: float, room: float):
    """A title in the middle of `room` pixels, shortened to fit."""
    title = NOT_XML.sub("?", str(title))
    longest = max(2, int(room / _width("m")))
    if len(title) > longest:
        title = title[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return svg.text(title, (round(x, 2), round(y, 2)))


def _save(svg: Svg, path: Path, style: Style, animate: bool) -> None:
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise UserError(f"{path}: expected a name that ends in .svg or .png")
    if animate and suffix == ".png":
        raise UserError(f"{path}: a PNG cannot be animated; give a name that ends in .svg")
    if style.measure[1] == "mm" and suffix == ".png":
        raise UserError(f"{path}: a PNG has pixels; give its width as in `size=800`")
    if suffix == ".svg":
        content = svg.encode()
    else:
        content = png(svg, 1 if style.size else 2, None if style.background else "white")
    try:
        with files.replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise UserError(f"{path}: cannot write the drawing: {error.strerror}") from None


@functools.cache
def _warn_without_fonts() -> None:
    """Warns, once, where the renderer of PNGs finds no font and leaves the titles out."""
    import resvg_py

    size = 'xmlns="http://www.w3.org/2000/svg" width="20" height="20"'
    with_text = f'<svg {size}><text y="15" font-family="{FONTS}">M</text></svg>'
    if resvg_py.svg_to_bytes(svg_string=with_text) == resvg_py.svg_to_bytes(
        svg_string=f"<svg {size}/>"
    ):
        warn(f"the PNG has no titles: install one of these fonts, or write an SVG: {FONTS}")
