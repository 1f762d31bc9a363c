"""Pictures that a model draws: what can be drawn, the drawing of it, and its files."""
