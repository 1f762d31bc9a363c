"""Training runs: the loop, the compiled update, and the record of a run."""
