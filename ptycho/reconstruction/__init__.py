"""From groups to one object: inference and stitching, synchronized phases, and the oracle."""
