"""Which program the oracle is: the built-in one, or pty-chi's.

Both take the same frames, probe and settings, and give the same record in the same conventions.
"""

from __future__ import annotations

from collections.abc import Iterator

from ptycho.arrays import Complex
from ptycho.config.optional import LIBRARIES, require_installed
from ptycho.config.pipeline import ReferenceConfig
from ptycho.data.frames import Frames
from ptycho.reconstruction.oracle import Iterate, epie


def reconstruct(frames: Frames, probe: Complex, shape: tuple[int, int], config: ReferenceConfig) -> Iterator[Iterate]:
    """Yield an ``Iterate`` after every sweep of the engine that ``config.oracle`` names (``epie``, ``lsqml``)."""
    if config.oracle == "builtin":
        return epie(frames, probe, shape, config)
    from ptycho.reconstruction.ptychi_engine import lsqml

    return lsqml(frames, probe, shape, config)


def require_engine(config: ReferenceConfig) -> None:
    """Raise ConfigError, naming the remedy, where the library of the engine cannot be used."""
    require_installed(config)
    if config.oracle == "ptychi":
        from ptycho.reconstruction.ptychi_engine import library

        library()


def engine_versions(config: ReferenceConfig) -> dict[str, str]:
    """The versions of the libraries that the engine computes with, beside those of the pipeline itself."""
    if config.oracle == "builtin":
        return {}
    from importlib.metadata import version

    return {name: version(name) for name in LIBRARIES}
