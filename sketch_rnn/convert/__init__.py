"""Other people's drawings (SVG, ndjson, zips, folders) to data sets that can be trained on."""
