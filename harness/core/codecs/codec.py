"""What a codec is, and what it hands out."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import HarnessError

Parts: TypeAlias = Mapping[str, Any]
"""What a value is made of: JSON, plain arrays, and values of other kinds, by name. No part is called ``kind``."""


@dataclass(frozen=True)
class Parted:
    """A value of some ``kind`` as its ``parts``, as it is between processes, in the cache and in goldens."""

    kind: str
    parts: Parts


class UnkeptError(Exception):
    """A value that a codec cannot keep as it is: the cause, the remedy, and where in it (``""`` for all of it)."""

    def __init__(self, cause: str, remedy: str, at: str = "") -> None:
        super().__init__(cause, remedy)
        self.cause, self.remedy, self.at = cause, remedy, at


class LibraryError(HarnessError):
    """A library that a kind of value needs cannot be imported."""


@dataclass(frozen=True)
class Codec:
    """How one kind of value is kept.

    ``kind`` is its name in files. ``types`` are the classes that it takes, and none that derives from them, as
    ``package.Class``; of these, ``takes`` chooses. ``split`` gives the parts, or raises UnkeptError. ``restore`` makes
    the value of its parts, and may raise whatever there is for parts that do not fit; without it, the value is only
    looked at: an artifact may hold it, and no output. ``extra`` of our distribution brings the library. ``picture``
    gives the array that a report draws for the whole, None where there is none.
    """

    kind: str
    types: Sequence[str]
    split: Callable[[Any], Parts]
    restore: Callable[[Parts], Any] | None = None
    extra: str = ""
    takes: Callable[[Any], bool] = lambda value: True
    picture: Callable[[Parts], NDArray[Any] | None] = lambda parts: None


def imported_library(name: str, extra: str) -> Any:
    """The module ``name``; raises LibraryError, with the extra that brings it, where it cannot be imported."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        brings = f"pip install {package}" + (f", which the harness's extra {extra!r} brings too" if extra else "")
        raise LibraryError(f"{package}, which cannot be imported here ({error}): {brings}") from error


def part(parts: Parts, name: str, kind: type | tuple[type, ...]) -> Any:
    """A part of that type; raises ValueError where there is none."""
    value = parts.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"its {name!r} is a {type(value).__name__}")
    return value


def values_alone(parts: Parts) -> NDArray[Any] | None:
    """The picture of what is drawn as its values, and with gaps where ``missing`` says so."""
    values, missing = parts.get("values"), parts.get("missing")
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biufc":
        return None
    if not isinstance(missing, np.ndarray) or missing.shape != values.shape:
        return values
    wide = values if values.dtype.kind in "fc" else values.astype(np.float64)
    return np.where(missing, np.nan, wide).astype(wide.dtype)
