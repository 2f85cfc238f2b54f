"""Kinds of array, and of number: a file each."""
