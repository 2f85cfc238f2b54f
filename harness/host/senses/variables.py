"""``os.environ`` that tells which variables are asked for, without being another object."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from harness.host.senses import audit
from harness.host.senses.origins import Caller, Origin, caller

EVERYTHING = ""
"""Stands for all variables: they were copied, or looked through."""

# What tells where and how to write to people, which decides no number.
FOR_PEOPLE = frozenset(
    (
        *("COLUMNS", "COLORTERM", "FORCE_COLOR", "LINES", "NO_COLOR", "TERM", "TQDM_DISABLE"),
        *("TEMP", "TMP", "TMPDIR", "TF_CPP_MIN_LOG_LEVEL", "TF_CPP_MIN_VLOG_LEVEL"),
    )
)

# Modules of the standard library that hand a mapping's value on to who calls them; what others read is theirs.
_HAND_ON = ("os.", "_collections_abc.", "collections.", "string.", "copy.", "configparser.", "functools.")
_EXPANDS = ("posixpath.expandvars", "ntpath.expandvars")
# Libraries whose purpose it is to hand variables on: what they read was asked for by who calls them.
_READERS = frozenset(
    (
        *("click", "configargparse", "decouple", "dotenv", "dynaconf", "environ", "environs", "everett", "hydra"),
        *("omegaconf", "pydantic_settings", "starlette", "traitlets", "typer"),
    )
)

_listeners: list[audit.Listener] = []
_setters: list[audit.Listener] = []
_withheld: dict[str, str] = {}


def listen_to_environment(asked: audit.Listener, changed: audit.Listener) -> None:
    """Call ``asked`` with every variable that own code asks for, and ``changed`` with those that are set."""
    _listeners.append(asked)
    _setters.append(changed)
    for environment in (os.environ, os.environb):
        environment.__class__ = _Telling


def withhold(variables: Mapping[str, str]) -> None:
    """Give these to own code that asks for them by their names, which is told, and to nobody else."""
    _withheld.update(variables)


@contextmanager
def everything() -> Iterator[None]:
    """A context in which nothing is withheld."""
    with audit.unheard():
        os.environ.update(_withheld)
    try:
        yield
    finally:
        with audit.unheard():
            for name in _withheld:
                os.environ.pop(name, None)


def is_own_request(asks: Caller) -> bool:
    """Whether own code wants to know a variable, rather than a library through which it is read."""
    if asks.innocent or asks.origin is not Origin.OWN:
        return False
    if not all(name.startswith(_HAND_ON) or name in _EXPANDS for name in asks.through):
        return False
    return not asks.by_third or asks.by_third.partition(".")[0] in _READERS


def _tell(listeners: list[audit.Listener], key: Any) -> None:
    if listeners:
        name = os.fsdecode(key) if isinstance(key, str | bytes) else EVERYTHING
        for tell in listeners:
            audit.call("os.environ", tell, (name,))


class _Telling(os._Environ):  # type: ignore[type-arg]
    """The mapping with other methods: an object's class can be changed, and everybody holds this object."""

    def __getitem__(self, key: Any) -> Any:
        _tell(_listeners, key)
        try:
            return super().__getitem__(key)
        except KeyError:
            value = _withheld.get(os.fsdecode(key)) if isinstance(key, str | bytes) else None
            if value is None or not is_own_request(caller()):
                raise
            return os.fsencode(value) if isinstance(key, bytes) else value

    def __iter__(self) -> Iterator[Any]:
        _tell(_listeners, EVERYTHING)
        return super().__iter__()

    def __repr__(self) -> str:
        _tell(_listeners, EVERYTHING)
        return super().__repr__()

    def copy(self) -> Any:
        """A dict of all variables."""
        _tell(_listeners, EVERYTHING)
        return super().copy()

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        _tell(_setters, key)
