"""The stages, declared once, and a run of them from start to end."""
