"""Traces of what no event and no wrapped function tells while it happens."""
