"""What other programs write and read: original checkpoints, and models for the browser."""
