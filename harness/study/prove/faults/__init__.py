"""Mutants: a fault in what a stage gives, in its source, in what it is told, or in the configuration."""
