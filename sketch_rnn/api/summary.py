"""Show a run as HTML in notebooks: why it ended, its curves, and drawings by its model."""

import html as markup
from collections.abc import Mapping, Sequence

import numpy as np
import svgwrite

from sketch_rnn.drawing import draw

WIDTH, HEIGHT, MARGIN = 480, 220, 44  # pixels
INKS = ("#2a6fdb", "#c2410c")

Curve = Sequence[tuple[int, float]]  # (step, cost) pairs; all costs are finite


def html(heading: str, lines: Mapping[str, Curve], drawings: Sequence[np.ndarray]) -> str:
    """Return HTML with a heading, up to two named curves, and drawings."""
    parts = [f"<p>{markup.escape(heading)}</p>", curves(lines)]
    if len(drawings):
        parts.append(f"<div>{draw(drawings, columns=4)._repr_svg_()}</div>")
    return f"<div>{''.join(parts)}</div>"


def curves(lines: Mapping[str, Curve]) -> str:
    """Return a plot of costs over steps as SVG; "" if there are no points."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return ""
    (low_x, high_x), (low_y, high_y) = ((min(v), max(v)) for v in zip(*points, strict=True))
    svg = svgwrite.Drawing(size=(WIDTH, HEIGHT), debug=False, style="background: white")
    style = {"font_family": "sans-serif", "font_size": 11, "fill": "#444"}

    def place(step: float, cost: float) -> tuple[float, float]:
        x = (step - low_x) / max(high_x - low_x, 1)
        y = (cost - low_y) / max(high_y - low_y, 1e-9)
        width, height = WIDTH - MARGIN - 12, HEIGHT - MARGIN - 12
        return round(MARGIN + x * width, 1), round(12 + (1 - y) * height, 1)

    for number, ((name, line), ink) in enumerate(zip(lines.items(), INKS, strict=False)):
        svg.add(svg.polyline([place(*point) for point in line], stroke=ink, fill="none"))
        for point in line if len(line) < 50 else ():
            svg.add(svg.circle(place(*point), 2, fill=ink))
        label = svg.text(name, (MARGIN + 110 * number, HEIGHT - 6), **style | {"fill": ink})
        svg.add(label)
    for step, anchor in ((low_x, "start"), (high_x, "end")):
        x, _ = place(step, low_y)
        svg.add(svg.text(f"{step}", (x, HEIGHT - 22), text_anchor=anchor, **style))
    for cost in (low_y, high_y):
        _, y = place(low_x, cost)
        svg.add(svg.text(f"{cost:.2f}", (MARGIN - 6, y + 4), text_anchor="end", **style))
    return svg.tostring()
