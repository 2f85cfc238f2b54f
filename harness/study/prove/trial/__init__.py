"""Trials: a mutant lives in a copy of the repository, and its results in a cache of their own."""
