"""Ensembles: full runs that differ in their seeds alone, what varied among them, and which of them are unlike the rest."""
