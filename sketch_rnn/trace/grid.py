"""Write a printable page with a grid to draw in; `sheets` finds the grid in a photograph."""

from pathlib import Path

from PIL import Image, ImageDraw

from sketch_rnn.errors import UserError

PAPER = (2480, 3508)  # width and height of an A4 page in pixels, at 300 per inch
FAINT = (214, 238, 255)  # color of the grid, too light to be traced


def print_grid(path: str | Path, columns: int = 3, rows: int = 4) -> None:
    """Write an A4 page as a PDF, with a grid to draw in that is too faint to be traced."""
    if not 1 <= columns <= 20 or not 1 <= rows <= 30:
        raise UserError(f"expected 1 to 20 columns and 1 to 30 rows, got {columns} and {rows}")
    page = Image.new("RGB", PAPER, "white")
    pen, edge = ImageDraw.Draw(page), 120
    width, height = ((PAPER[0] - 2 * edge) / columns, (PAPER[1] - 2 * edge) / rows)
    for row in range(rows):
        for column in range(columns):
            x, y = edge + column * width, edge + row * height
            box = (x + 20, y + 20, x + width - 20, y + height - 20)
            pen.rounded_rectangle(box, radius=30, outline=FAINT, width=6)
    page.save(path, "PDF", resolution=300)
