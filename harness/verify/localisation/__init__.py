"""Where to look first, and what stages that are wrong by themselves have in common."""
