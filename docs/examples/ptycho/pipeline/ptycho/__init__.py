"""A small ptychographic reconstruction, with its parameters in one dictionary for everybody."""
