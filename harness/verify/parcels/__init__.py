"""Candidates that one machine computed and another decides about: left in a folder, sealed, and taken in."""
