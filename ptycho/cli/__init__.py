"""The ``ptycho`` command."""

from ptycho.cli.commands import main

__all__ = ["main"]
