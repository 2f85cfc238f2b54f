"""Quantities that several analyses read off a run's record, each computed in one place."""
