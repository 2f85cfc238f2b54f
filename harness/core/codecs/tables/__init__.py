"""Kinds of table: a file each."""
