"""The model: cells, layers, costs, and drawing with it."""
