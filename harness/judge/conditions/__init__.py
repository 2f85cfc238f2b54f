"""Conditions on an array as a whole, one a file."""
