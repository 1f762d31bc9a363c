"""The model and its arithmetic."""
