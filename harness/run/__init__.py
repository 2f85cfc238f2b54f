"""Compute a stage once, and remember it: the runner, its cache, fingerprints of source, jobs and processes."""
