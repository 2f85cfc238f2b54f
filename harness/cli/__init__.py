"""The ``harness`` command: what each subcommand does, and what it prints."""

from harness.cli.app import main

__all__ = ["main"]
