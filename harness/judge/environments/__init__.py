"""Conditions on the environment in which a value was computed."""
