"""Read SVG files as lines."""

from sketch_rnn.svg.reader import read_svg

__all__ = ["read_svg"]
