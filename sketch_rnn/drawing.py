"""Sketches as pictures: one drawing or a grid, as SVG or PNG; the one module that draws.

A sketch is a stroke-3 array `[n, 3]` in any units; y points down. It begins at the origin with
the pen down, as the start token (0, 0, 1, 0, 0) says: the public data sets leave their first
point out, and a first line drawn from row 0 on would lack a segment. Each sketch is scaled to fit
its cell. Every line of the pen is one `<path>` on a line of its own in the file, in absolute
coordinates, for plotters and editors. The same input gives the same bytes.
"""

import functools
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import svgwrite
from svgwrite.utils import pretty_xml

from sketch_rnn import files
from sketch_rnn.errors import UserError, warn
from sketch_rnn.strokes import to_polylines

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
.sketch path {animation: sketch-draws-itself linear backwards}
@keyframes sketch-draws-itself {
  from {visibility: hidden; stroke-dasharray: 1 2; stroke-dashoffset: 1.05}
  to {stroke-dasharray: 1 2}
}
"""
MAX_PNG_SIDE = 8000  # pixels
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Lines = list[tuple[np.ndarray, str]]  # absolute points [m, 2] and colour of each line


class Svg(str):
    """The text of an SVG file; a notebook shows it as the picture."""

    def _repr_svg_(self) -> str:
        return self


def draw(
    sketches: np.ndarray | Sequence[np.ndarray],
    path: str | os.PathLike | None = None,
    *,
    columns: int | None = None,
    labels: Sequence[str] | None = None,
    row_titles: Sequence[str] | None = None,
    column_titles: Sequence[str] | None = None,
    prefixes: int | Sequence[int] = 0,
    cell: float | None = None,
    background: str | None = "white",
    animate: bool = False,
) -> Svg:
    """Draws one sketch, or a grid of them, row by row.

    Args:
      sketches: one stroke-3 sketch `[n, 3]` or a sequence of them; an empty one leaves its cell
        empty.
      path: the file to write, `.svg` or `.png`; None writes nothing.
      columns: sketches in a row; by default the number of column titles, or a nearly square grid.
      labels: a text under each sketch.
      row_titles, column_titles: texts at the left of the rows and above the columns.
      prefixes: how many points at the start of each sketch were given rather than drawn by the
        model; they get another colour.
      cell: side of a sketch's cell in pixels; by default 400 for one sketch, 160 in a grid.
      background: a colour, or None for a transparent one.
      animate: the SVG draws itself, each sketch in the order of its strokes, at the pen's speed.

    Returns:
      The SVG's text.

    Raises:
      UserError: a sketch is not finite stroke-3, titles do not fit the grid, the path has another
        suffix or cannot be written.
    """
    if isinstance(sketches, np.ndarray) and sketches.ndim == 2:
        sketches = [sketches]
    sketches = list(sketches)
    if cell is None:
        cell = 400 if len(sketches) == 1 else 160
    if columns is None:
        columns = len(column_titles or ()) or _columns(len(sketches))
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
    top = LINE_HEIGHT if column_titles else 0
    pitch = cell + (LINE_HEIGHT if labels else 0)
    svg = _document(left + columns * cell, top + rows * pitch, background, animate)

    pen = svg.g(
        fill="none",
        stroke=INK,
        stroke_width=round(max(0.8, cell / 80), 2),
        stroke_linecap="round",
        stroke_linejoin="round",
    )
    svg.add(pen)
    titles = svg.g(font_family=FONTS, font_size=FONT_SIZE, fill=TITLE_INK, text_anchor="middle")
    for column, title in enumerate(column_titles or ()):
        titles.add(_text(svg, title, left + (column + 0.5) * cell, top - 6, cell))
    for row, title in enumerate(row_titles or ()):
        titles.add(_text(svg, title, left / 2, top + row * pitch + (cell + FONT_SIZE) / 2, left))
    for i, sketch in enumerate(sketches):
        x, y = left + i % columns * cell, top + i // columns * pitch
        lines = _place(_coloured_lines(sketch, i, prefixes[i]), x, y, cell)
        pen.add(_group(svg, lines, 2 * cell if animate else None))
        if labels:
            titles.add(_text(svg, labels[i], x + cell / 2, y + pitch - 6, cell))
    if titles.elements:
        svg.add(titles)

    text = Svg('<?xml version="1.0" encoding="UTF-8"?>\n' + pretty_xml(svg.tostring()))
    if path is not None:
        _save(text, Path(path), animate)
    return text


def png(svg: str, zoom: float = 2.0) -> bytes:
    """An SVG made by `draw` as the bytes of a PNG, `zoom` pixels for each of its own.

    `tf.io.decode_png(png(...), 3)` is what TensorBoard takes. A picture is at most 8000 pixels
    wide and high. The titles need a common sans-serif font on the machine; without one a warning
    says that they are missing.
    """
    import resvg_py

    width, height = (float(size) for size in re.findall(r'(?:width|height)="([\d.]+)"', svg)[:2])
    zoom = min(zoom, MAX_PNG_SIDE / max(width, height))
    if "<text" in svg:
        _warn_without_fonts()
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom))


def _columns(count: int) -> int:
    """Columns of a grid that is square or a little wider, and leaves the fewest cells empty."""
    least = max(1, math.ceil(math.sqrt(count)))
    return min(range(least, least * 3 // 2 + 1), key=lambda columns: -count % columns)


def _document(
    width: float, height: float, background: str | None, animate: bool
) -> svgwrite.Drawing:
    width, height = round(width, 2), round(height, 2)
    svg = svgwrite.Drawing(size=(width, height), viewBox=f"0 0 {width} {height}", debug=False)
    if animate:
        svg.defs.add(svg.style(ANIMATION))
    if background:
        svg.add(svg.rect(size=("100%", "100%"), fill=background))
    return svg


def _coloured_lines(sketch: np.ndarray, i: int, prefix: int) -> Lines:
    """The lines of sketch number `i`; one that goes on after the prefix is cut there."""
    sketch = np.asarray(sketch)
    if sketch.size == 0:
        return []
    if sketch.ndim != 2 or sketch.shape[1] != 3:
        raise UserError(f"sketch {i}: expected stroke-3 rows [n, 3], got shape {sketch.shape}")
    if not (np.abs(sketch) < 1e30).all():
        raise UserError(f"sketch {i}: expected finite offsets, got NaN, infinity or above 1e30")
    lines, start = [], 0
    given = prefix + 1 if prefix else 0  # points, the origin among them
    for line in to_polylines(sketch):
        cut = min(max(given - start, 0), len(line))
        start += len(line)
        if cut:
            lines.append((line[:cut], PREFIX_INK))
        if cut < len(line):
            lines.append((line[max(cut - 1, 0) :], INK))
    return lines


def _place(lines: Lines, x: float, y: float, cell: float) -> Lines:
    """The lines scaled and moved to the middle of the cell whose corner is (x, y)."""
    if not lines:
        return lines
    points = np.concatenate([line for line, _ in lines])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.84 * cell / max((high - low).max(), 1e-9)
    middle = np.array([x, y]) + cell / 2
    return [((line - (low + high) / 2) * scale + middle, colour) for line, colour in lines]


def _group(svg: svgwrite.Drawing, lines: Lines, speed: float | None):
    """One sketch as a group of paths; `speed` in pixels a second animates them in order."""
    group = svg.g(class_="sketch")
    begin = 0.0
    for line, colour in lines:
        points = [f"{x:.2f} {y:.2f}" for x, y in line]
        path = svg.path("M" + "L".join(points if len(points) > 1 else points * 2))
        if colour != INK:
            path["stroke"] = colour
        if speed:
            seconds = max(0.05, np.linalg.norm(np.diff(line, axis=0), axis=1).sum() / speed)
            path["pathLength"] = 1
            path["style"] = f"animation-duration:{seconds:.2f}s; animation-delay:{begin:.2f}s"
            begin += seconds + 0.1
        group.add(path)
    return group


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


def _save(svg: Svg, path: Path, animate: bool) -> None:
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise UserError(f"{path}: expected a name that ends in .svg or .png")
    if animate and suffix == ".png":
        raise UserError(f"{path}: a PNG cannot be animated; give a name that ends in .svg")
    content = svg.encode() if suffix == ".svg" else png(svg)
    try:
        with files.replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise UserError(f"{path}: cannot write the drawing: {error.strerror}") from error


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
