"""Which stages a verification runs, and in which order."""
