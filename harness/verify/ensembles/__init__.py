"""Ensembles: full runs that differ in their seeds alone, what varied among them, and which are unlike the rest."""
