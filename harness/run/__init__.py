"""Stages are computed once and remembered: the runner, its cache, fingerprints of source, jobs and processes."""
