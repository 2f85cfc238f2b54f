"""Goldens of tests: what a test checks is judged, kept and accepted as what a stage gives is."""
