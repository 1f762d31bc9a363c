"""Files for TensorBoard's embedding projector, which shows drawings as points in latent space.

Four files are written:
- `projector_config.pbtxt` holds the paths of the other three files.
- `projector/mu.tsv` holds mu, one row per drawing.
- `projector/drawings.tsv` has one row per drawing: the file that it comes from, its index in this
  file, and its number of points.
- `projector/drawings.png` shows the drawings in a grid.
"""

import math
from pathlib import Path

import numpy as np

from sketch_rnn import files
from sketch_rnn.data.dataset import Split
from sketch_rnn.drawing import draw
from sketch_rnn.pictures import png

FOLDER = "projector"
MOST = 1000  # drawings
CELL = 48  # pixels
_CONFIG = """embeddings {
  tensor_name: "mu"
  tensor_path: "projector/mu.tsv"
  metadata_path: "projector/drawings.tsv"
  sprite {
    image_path: "projector/drawings.png"
    single_image_dim: %d
    single_image_dim: %d
  }
}
"""


def write(log_root: Path, split: Split, names: tuple[str, ...], mu: np.ndarray) -> None:
    """Write the projector's files.

    Args:
      log_root: the run's folder.
      split: the drawings, with one part per file; if there are more than `MOST`, drawings at even
        intervals are shown.
      names: the names of the files.
      mu: the mu of each drawing, `[S, Z]`.
    """
    folder = log_root / FOLDER
    folder.mkdir(exist_ok=True)
    chosen = np.linspace(0, len(split) - 1, min(len(split), MOST)).astype(int)
    numbers, places = split.places(chosen)
    lengths = split.lengths(chosen)
    rows = [
        f"{names[number]}\t{place}\t{points}"
        for number, place, points in zip(numbers, places, lengths, strict=True)
    ]
    _write_lines(folder / "drawings.tsv", ["file\tdrawing\tpoints", *rows])
    _write_lines(folder / "mu.tsv", ["\t".join(f"{x:.6g}" for x in mu[i]) for i in chosen])
    columns = math.ceil(math.sqrt(len(chosen)))
    pictures = draw([split[int(i)] for i in chosen], columns=columns, cell=CELL)
    with files.replacing(folder / "drawings.png") as file:
        file.write(png(pictures, zoom=1))
    files.write_text(log_root / "projector_config.pbtxt", _CONFIG % (CELL, CELL))


def _write_lines(path: Path, lines: list[str]) -> None:
    files.write_text(path, "\n".join(lines) + "\n")
