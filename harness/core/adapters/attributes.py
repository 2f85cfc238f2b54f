"""Settings as attributes, for pipelines that are written that way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.protocol import Json


class Attributes:
    """A configuration whose settings are attributes, and those of its tables, too; see ``as_attributes``."""

    __slots__ = ("_settings",)

    def __init__(self, settings: Mapping[str, Json]) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._settings[name]
        except KeyError:
            raise AttributeError(f"there is no setting {name!r}") from None
        return Attributes(value) if isinstance(value, Mapping) else value

    def __repr__(self) -> str:
        return f"as_attributes({dict(self._settings)!r})"


def as_attributes(config: Mapping[str, Json]) -> Attributes:
    """``config`` for functions that ask for ``config.train.epochs``: an attribute for each setting, read only.

    Asking for one that the stage does not declare raises, as it does for a key of the configuration itself; one that
    is declared and absent is an AttributeError.
    """
    return Attributes(config)
