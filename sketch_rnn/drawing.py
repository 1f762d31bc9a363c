"""Draw one sketch, or a grid of sketches, as an SVG. No other module draws.

A sketch is a stroke-3 array `[n, 3]` in any units, with y pointing down. The pen starts at the
origin and is down, as the start token (0, 0, 1, 0, 0) says. So the first segment of a sketch leads
from the origin to the point of row 0. All sketches in a grid share one scale, chosen so that they
fit their cells. For plotters and editors, each pen line is one `<path>`
in absolute coordinates on a separate line of the file, and each ink is one layer. The same input
gives the same bytes.
"""

import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import svgwrite
from svgwrite.utils import pretty_xml

from sketch_rnn.errors import UserError
from sketch_rnn.pictures import FONTS, Style, Svg, save
from sketch_rnn.strokes import all_checked, to_polylines

PREFIX_INK = "#2a6fdb"
TITLE_INK = "#666666"
FONT_SIZE = 13
LINE_HEIGHT = 20
LONGEST_TITLE = 28  # characters
# A line is hidden only while the animation runs, so that programs without animations show the whole
# drawing. The dash starts a little before its line, or its round cap would show there.
ANIMATION = """
@media (prefers-reduced-motion: no-preference) {
  .sketch path, .given path {animation: sketch-draws-itself linear backwards}
}
@keyframes sketch-draws-itself {
  from {visibility: hidden; stroke-dasharray: 1 2; stroke-dashoffset: 1.05}
  to {stroke-dasharray: 1 2}
}
"""
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

OUTLIER = 2.5  # a sketch this many times larger than the median gets a separate scale
CORNER = math.radians(55)  # where a smooth line turns by more than this, it keeps a corner
INKSCAPE = "http://www.inkscape.org/namespaces/inkscape"

Lines = list[tuple[np.ndarray, bool]]  # the points [m, 2] of each line, and whether it was given


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
    one_by_one: bool = False,
    **options: Any,
) -> Svg:
    """Draw one sketch, or a grid of them row by row.

    Args:
      sketches: one stroke-3 sketch `[n, 3]` or a sequence of them; an empty sketch leaves its cell
        empty.
      path: the file to write, `.svg` or `.png`; None writes nothing.
      style: how the picture looks.
      columns: sketches in a row; by default the style's number, else one for each column title,
        else a nearly square grid.
      labels: a line of text below each sketch.
      row_titles: titles to the left of the rows.
      column_titles: titles above the columns.
      caption: a title above the whole picture.
      prefixes: the number of points at the start of each sketch that were given, not drawn by the
        model; they get a different color. Within a row of the grid, these points are at the same
        place in every cell.
      cell: side of a cell in the picture's units; by default 400 for one sketch, 160 in a grid.
      animate: make the SVG draw itself, each sketch in the order of its strokes, at a steady speed;
        it stands still for people who have asked their system for less motion.
      one_by_one: animate one sketch after another, instead of all at the same time.
      **options: fields of `Style` one by one, such as `color="red"`.

    Returns:
      The SVG's text.

    Raises:
      UserError: a sketch is not finite stroke-3, titles do not fit the grid, a style option is
        unknown or invalid, or the file cannot be written.
    """
    style = _style(style, options)
    if isinstance(sketches, np.ndarray) and sketches.ndim == 2:
        sketches = [sketches]
    sketches = all_checked(sketches, may_be_empty=True)
    titles = _Titles(labels, row_titles, column_titles, caption)
    grid = _grid(len(sketches), style.columns if columns is None else columns, cell, titles)
    given = _given_counts(prefixes, len(sketches))
    animation = _Animation(2 * grid.cell, one_by_one) if animate else None
    text = _text_of(sketches, given, titles, grid, style=style, animation=animation)
    if path is not None:
        save(text, Path(path), style, animate)
    return text


def _given_counts(prefixes: int | Sequence[int], count: int) -> Sequence[int]:
    """Return the number of given points for each sketch."""
    if isinstance(prefixes, int | np.integer):
        return [int(prefixes)] * count
    _check_number("prefixes", prefixes, count)
    return prefixes


def _text_of(
    sketches: Sequence[np.ndarray],
    prefixes: Sequence[int],
    titles: "_Titles",
    grid: "_Grid",
    *,
    style: Style,
    animation: "_Animation | None",
) -> Svg:
    """Return the picture as the text of an SVG."""
    svg = _document(grid.width, grid.height, style, animation is not None)
    _add_lines(svg, sketches, prefixes, grid, style=style, animation=animation)
    _add_titles(svg, titles, grid)
    return Svg('<?xml version="1.0" encoding="UTF-8"?>\n' + pretty_xml(svg.tostring()))


class _Titles(NamedTuple):
    """The titles and labels around the sketches."""

    labels: Sequence[str] | None
    rows: Sequence[str] | None
    columns: Sequence[str] | None
    caption: str | None


class _Grid(NamedTuple):
    """The places of the cells, in the picture's units."""

    columns: int
    cell: float  # side of a cell
    pitch: float  # from row to row
    left: float  # left edge of the first cell
    top: float
    width: float  # width of the picture
    height: float

    def corner(self, number: int) -> np.ndarray:
        """Return the upper left corner `[2]` of a cell."""
        row, column = divmod(number, self.columns)
        return np.array([self.left + column * self.cell, self.top + row * self.pitch])


def _grid(count: int, columns: int | None, cell: float | None, titles: _Titles) -> _Grid:
    """Lay out the cells for `count` sketches and their titles.

    Raises:
      UserError: the columns or the cell size are not positive, or the titles do not fit the cells.
    """
    if cell is None:
        cell = 400 if count == 1 else 160
    if columns is None:
        columns = len(titles.columns or ()) or _columns(count)
    if columns < 1 or cell <= 0:
        raise UserError(f"expected `columns` and `cell` to be above 0, got {columns} and {cell}")
    rows = max(1, math.ceil(count / columns))
    _check_number("labels", titles.labels, count)
    _check_number("row_titles", titles.rows, rows)
    _check_number("column_titles", titles.columns, columns)
    left = max(map(_title_width, titles.rows)) + FONT_SIZE if titles.rows else 0
    top = LINE_HEIGHT * (bool(titles.columns) + bool(titles.caption))
    pitch = cell + (LINE_HEIGHT if titles.labels else 0)
    width, height = round(left + columns * cell, 2), round(top + rows * pitch, 2)
    return _Grid(
        columns=columns, cell=cell, pitch=pitch, left=left, top=top, width=width, height=height
    )


def _check_number(what: str, given: Sequence | None, expected: int) -> None:
    if given is not None and len(given) != expected:
        raise UserError(f"{what}: expected {expected}, got {len(given)}")


def _add_lines(
    svg: svgwrite.Drawing,
    sketches: Sequence[np.ndarray],
    prefixes: Sequence[int],
    grid: _Grid,
    *,
    style: Style,
    animation: "_Animation | None",
) -> None:
    """Draw the sketches in their cells, with one layer for each color of ink."""
    stroke_width = 2 * math.sqrt(grid.cell / 160)
    if style.stroke_width is not None:
        stroke_width = style.stroke_width * (
            grid.width / style.width_and_unit[0] if style.size else 1
        )
    layers = {
        name: _layer(svg, name, round(max(stroke_width, 0.001), 3), ink)
        for name, ink in (("given", PREFIX_INK), ("drawn", style.color))
    }
    lines = [_colored_lines(*pair) for pair in zip(sketches, prefixes, strict=True)]
    for number, placed in enumerate(_placed(lines, prefixes, grid.columns, grid.cell)):
        moved = [(line + grid.corner(number), is_given) for line, is_given in placed]
        if animation:
            animation.begin_sketch()
        for is_given, group in _groups(svg, moved, style.smooth, animation).items():
            layers["given" if is_given else "drawn"].add(group)
    for layer in layers.values():
        if layer.elements:
            svg.add(layer)


def _add_titles(svg: svgwrite.Drawing, titles: _Titles, grid: _Grid) -> None:
    """Write the titles and labels around the cells."""
    found = svg.g(font_family=FONTS, font_size=FONT_SIZE, fill=TITLE_INK, text_anchor="middle")
    if titles.caption:
        found.add(_text(svg, titles.caption, grid.width / 2, LINE_HEIGHT - 6, grid.width))
    for column, title in enumerate(titles.columns or ()):
        x = grid.left + (column + 0.5) * grid.cell
        found.add(_text(svg, title, x, grid.top - 6, grid.cell))
    for row, title in enumerate(titles.rows or ()):
        y = grid.top + row * grid.pitch + (grid.cell + FONT_SIZE) / 2
        found.add(_text(svg, title, grid.left / 2, y, grid.left))
    for number, label in enumerate(titles.labels or ()):
        x, y = grid.corner(number)
        found.add(_text(svg, label, x + grid.cell / 2, y + grid.pitch - 6, grid.cell))
    if found.elements:
        svg.add(found)


def _style(style: Style | None, options: dict[str, Any]) -> Style:
    try:
        return replace(style or Style(), **options)
    except TypeError:
        names = ", ".join(field.name for field in fields(Style))
        raise UserError(f"draw has no option {', '.join(options)}; a style has {names}") from None


def _columns(count: int) -> int:
    """Choose a square or slightly wider grid that leaves the fewest cells empty."""
    least = max(1, math.ceil(math.sqrt(count)))
    return min(range(least, least * 3 // 2 + 1), key=lambda columns: -count % columns)


def _document(width: float, height: float, style: Style, animate: bool) -> svgwrite.Drawing:
    size, unit = style.width_and_unit
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


def _layer(svg: svgwrite.Drawing, name: str, stroke_width: float, ink: str) -> Any:
    """Return an empty layer for the lines of one ink."""
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


def _colored_lines(sketch: np.ndarray, prefix: int) -> Lines:
    """Return the lines of a sketch; cut a line in two where the prefix ends."""
    if not len(sketch):
        return []
    lines, start = [], 0
    given = prefix + 1 if prefix else 0  # points, including the origin
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
    """Scale each sketch's lines and move them to the middle of a cell at (0, 0).

    All sketches have the same scale, except those that are much larger than most. Sketches in a row
    that begin with the same given part (prefix) are all moved by the same amount, so that this part
    stays in the same place.
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
    """Return two corners `[2]` of the box around the lines."""
    points = np.concatenate([np.zeros((0, 2)), *lines])
    return (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.zeros(2))


class _Animation:
    """A clock that says when a pen moving at `speed` pixels per second draws each line."""

    def __init__(self, speed: float, one_by_one: bool):
        self.speed, self.one_by_one = speed, one_by_one
        self.now = 0.0  # seconds

    def begin_sketch(self) -> None:
        if not self.one_by_one:
            self.now = 0.0

    def line_css(self, line: np.ndarray) -> str:
        """Return the CSS that draws a line as soon as the line before it is finished."""
        seconds = max(0.05, np.linalg.norm(np.diff(line, axis=0), axis=1).sum() / self.speed)
        begin, self.now = self.now, self.now + seconds + 0.1
        return f"animation-duration:{seconds:.2f}s; animation-delay:{begin:.2f}s"


def _groups(
    svg: svgwrite.Drawing, lines: Lines, smooth: bool, animation: _Animation | None
) -> dict[bool, Any]:
    """Return one sketch as groups of paths: the given lines, and the lines that the model drew."""
    groups: dict[bool, Any] = {} if lines else {False: svg.g(class_="sketch")}
    for line, is_given in lines:
        path = svg.path(_curved_path(line) if smooth else _straight_path(line))
        if animation:
            path["pathLength"] = 1
            path["style"] = animation.line_css(line)
        if is_given not in groups:
            groups[is_given] = svg.g(class_="given" if is_given else "sketch")
        groups[is_given].add(path)
    return groups


def _straight_path(line: np.ndarray) -> str:
    """Return a path of straight lines; a single point becomes a dot."""
    points = [f"{x:.2f} {y:.2f}" for x, y in line]
    return "M" + "L".join(points if len(points) > 1 else points * 2)


def _curved_path(line: np.ndarray) -> str:
    """Return a path of cubic curves through the points.

    At a point, the curve has the mean direction of the straight lines to the point before and the
    point after. At corners and ends, the curve has the direction of the adjacent straight line.
    """
    line = line[np.append(True, np.any(np.diff(line, axis=0) != 0, axis=1))]
    if len(line) < 3:
        return _straight_path(line)
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


def _title_width(title: str) -> float:
    """Estimate the width of a title in pixels."""
    return 0.62 * FONT_SIZE * min(len(str(title)), LONGEST_TITLE)


def _text(svg: svgwrite.Drawing, title: str, x: float, y: float, room: float) -> Any:
    """Return a title centered in `room` pixels, shortened to fit."""
    title = NOT_XML.sub("?", str(title))
    longest = max(2, int(room / _title_width("m")))
    if len(title) > longest:
        title = title[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return svg.text(title, (round(x, 2), round(y, 2)))
