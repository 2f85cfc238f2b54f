"""The analyses of one run: a file each, with its figures, its tables and its checks."""
