"""Frames and where they come from: simulation, measured files, splitting, grouping, normalization."""
