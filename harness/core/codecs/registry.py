"""The codecs that there are: those of the files in the folders beside this one, read when a first value needs one."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from harness.core.codecs.codec import Codec

_FOLDERS = ("arrays", "tables", "described")


@functools.cache
def codecs() -> tuple[Codec, ...]:
    """All of them; no library is imported for that."""
    found: list[Codec] = []
    for folder in _FOLDERS:
        package = importlib.import_module(f"{__package__}.{folder}")
        for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
            module = importlib.import_module(f"{package.__name__}.{name}")
            found += getattr(module, "CODECS", ())
    return tuple(found)


@functools.cache
def _by_type() -> dict[str, list[Codec]]:
    table: dict[str, list[Codec]] = {}
    for codec in codecs():
        for name in codec.types:
            table.setdefault(name, []).append(codec)
    return table


@functools.cache
def _by_kind() -> dict[str, Codec]:
    return {codec.kind: codec for codec in codecs()}


def codec_of(value: Any) -> Codec | None:
    """Who takes a value apart, by the name of its type; None where nobody does."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    name = kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"
    return next((codec for codec in _by_type().get(name, ()) if codec.takes(value)), None)


def codec_named(kind: Any) -> Codec | None:
    """The codec of that kind; None where there is none."""
    return _by_kind().get(kind) if isinstance(kind, str) else None
