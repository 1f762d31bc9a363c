"""The style of pictures, their SVG text, the conversion to PNG, and writing them to files."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from tinycss2.color3 import parse_color

from sketch_rnn import files
from sketch_rnn.errors import UserError, warn

INK = "#1a1a1a"
# The PNG renderer needs one of these fonts by name; it does not substitute others.
FONTS = "DejaVu Sans, Liberation Sans, Noto Sans, Arial, Helvetica, sans-serif"
MAX_PNG_SIDE = 8000  # pixels
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(px|mm)?")


class Svg(str):
    """The text of an SVG file. A notebook shows the picture; the Python prompt, only a summary."""

    def _repr_svg_(self) -> str:
        """Return the picture on white, since it would be invisible on a dark page."""
        return self.replace("<svg ", '<svg style="background: white" ', 1)

    def __repr__(self) -> str:
        return f"<Svg of {len(self):,} characters; print() shows them>"


@dataclass(frozen=True)
class Style:
    """The style of a picture.

    Attributes:
      stroke_width: width of the lines in pixels, or in millimeters if the size is in millimeters;
        if None, it depends on the size of the cells.
      color: CSS color of the lines that the model drew.
      background: a CSS color, or "none"; None means "none" in an SVG and white in a PNG.
      size: width of the picture in pixels, or in millimeters, such as "100mm" (SVG only); if None,
        it depends on the number of sketches.
      columns: number of sketches in a row; None makes a nearly square grid.
      smooth: draw curves through the points instead of straight lines, but keep sharp corners.
    """

    stroke_width: float | None = None
    color: str = INK
    background: str | None = None
    size: str | float | None = None
    columns: int | None = None
    smooth: bool = False

    def __post_init__(self) -> None:
        for name in ("color", "background"):
            value = getattr(self, name)
            if value not in (None, "none") and parse_color(value) is None:
                raise UserError(
                    f"`{name}`: expected a color, such as red or #c33, got {value!r:.40}"
                )
        if self.stroke_width is not None and not 0.01 <= self.stroke_width <= 1000:
            raise UserError(
                f"`stroke_width`: expected a number from 0.01 to 1000, got {self.stroke_width}"
            )
        if self.columns is not None and self.columns < 1:
            raise UserError(f"`columns`: expected a number above 0, got {self.columns}")
        if self.size is not None and not 1 <= self.width_and_unit[0] <= MAX_PNG_SIDE:
            raise UserError(
                f"`size`: expected a width of 1 to {MAX_PNG_SIDE} pixels, such as 800, or "
                f"millimeters, such as 100mm; got {self.size!r:.40}"
            )

    @property
    def width_and_unit(self) -> tuple[float, str]:
        """The width as a number (0 if not set) and its unit."""
        found = SIZE.fullmatch(f"{self.size}".strip())
        return (float(found[1]), found[2] or "px") if found else (0.0, "px")


def png(svg: str, zoom: float = 2.0, background: str | None = "white") -> bytes:
    """Render an SVG made by `draw` to the bytes of a PNG, with `zoom` pixels per SVG pixel.

    For TensorBoard, decode it with `tf.io.decode_png(png(...), 3)`. A picture is at most 8000
    pixels wide and high. Titles need a common sans-serif font on the machine; if there is none, a
    warning says that they are missing.
    """
    import resvg_py

    width, height = (float(size) for size in re.findall(r'(?:width|height)="([\d.]+)', svg)[:2])
    zoom = min(zoom, MAX_PNG_SIDE / max(width, height))
    if "<text" in svg:
        _warn_without_fonts()
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, background=background))


def save(svg: Svg, path: Path, style: Style, animate: bool = False) -> None:
    """Write a picture as SVG or PNG, by the path's suffix.

    Raises:
      UserError: the suffix is neither .svg nor .png; the file is a PNG, but the picture is animated
        or its width is in millimeters; or writing fails.
    """
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise UserError(f"{path}: expected a name that ends in .svg or .png")
    if animate and suffix == ".png":
        raise UserError(f"{path}: a PNG cannot be animated; choose a name that ends in .svg")
    if style.width_and_unit[1] == "mm" and suffix == ".png":
        raise UserError(f"{path}: expected the width of a PNG in pixels, such as `size=800`")
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
    """Warn once if the PNG renderer finds no font and leaves the titles out."""
    import resvg_py

    size = 'xmlns="http://www.w3.org/2000/svg" width="20" height="20"'
    with_text = f'<svg {size}><text y="15" font-family="{FONTS}">M</text></svg>'
    if resvg_py.svg_to_bytes(svg_string=with_text) == resvg_py.svg_to_bytes(
        svg_string=f"<svg {size}/>"
    ):
        warn(
            "the PNG has no text, because none of its fonts is installed; install one of these, or "
            f"write an SVG: {FONTS}"
        )
