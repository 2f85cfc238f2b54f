"""The process around a command: its standard streams, and how it ends."""
