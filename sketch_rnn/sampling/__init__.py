"""Draw with a model: the modes, the sampler, and the files that it writes."""
