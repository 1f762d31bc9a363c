"""Train models from Python, in a notebook or a script."""
