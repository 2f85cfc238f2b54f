"""What git's history and working tree mean to the store: where a branch began, how two join, what is uncommitted."""
