"""Look beyond pass and fail: A/B trials, the matrix of environments, and what the pipeline says of a run."""
