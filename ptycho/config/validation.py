"""What every part of the configuration checks itself with: a value that cannot work is named, with the remedy."""

from __future__ import annotations

from ptycho.errors import ConfigError


def require(ok: bool, field: str, value: object, allowed: str) -> None:
    """Raise ConfigError naming ``field``, its ``value`` and what is ``allowed``, unless ``ok``."""
    if not ok:
        raise ConfigError(f"{field} = {value!r} is not possible: {allowed}")


def require_seed(field: str, seed: int) -> None:
    """Raise ConfigError unless ``seed`` seeds every generator that is used."""
    require(0 <= seed < 2**32 - 1, field, seed, "a seed from 0 to 2**32 - 2")
