"""Whether the optional libraries that a configuration asks for are installed."""

from __future__ import annotations

from importlib.util import find_spec

from ptycho.config.pipeline import ReferenceConfig
from ptycho.errors import ConfigError

LIBRARIES = ("ptychi", "torch")


def require_installed(config: ReferenceConfig) -> None:
    """Raise ConfigError, naming the remedy, where the libraries of the engine are not there; nothing is imported."""
    for name in LIBRARIES if config.oracle == "ptychi" else ():
        try:
            there = find_spec(name) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            raise ConfigError(
                f"reference.oracle = 'ptychi' needs {name}, which is not installed: "
                "pip install 'ptycho-reference[ptychi]', or set reference.oracle to 'builtin'"
            )
