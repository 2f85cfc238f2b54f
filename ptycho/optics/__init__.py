"""Objects, probes, and what light does between them: patches on the object grid, modulus projections."""
