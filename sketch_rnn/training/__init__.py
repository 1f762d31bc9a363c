"""Training runs: the loop, the compiled update, what is recorded of a run."""
