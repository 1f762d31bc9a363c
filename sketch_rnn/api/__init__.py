"""Training from Python, as in a notebook or a script."""
