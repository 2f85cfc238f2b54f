"""The commands that measure the guard itself."""
