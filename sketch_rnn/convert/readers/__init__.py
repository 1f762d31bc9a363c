"""Read other people's drawings, with one module per format; `sources.READERS` is their table."""
