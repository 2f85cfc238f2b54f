"""A static look at somebody's source: its functions, how they are wired, and which settings each of them reads."""
