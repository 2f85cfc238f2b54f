"""Training from seeded batches, and its first steps from given weights."""
