"""Convert other people's drawings (SVG, ndjson, zips, folders) to data sets for training."""
