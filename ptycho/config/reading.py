"""The configuration from plain data and back: unknown keys, missing keys and wrong types raise."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union

from ptycho.config.pipeline import PipelineConfig
from ptycho.errors import ConfigError, choices

T = TypeVar("T")


def from_mapping(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build a (nested) dataclass from plain data; unknown keys, missing keys and wrong types raise.

    ``where`` names the place in messages, e.g. a scenario's file.
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key {key!r}; {choices(key, fields)}")
    needed = {n for n, f in fields.items() if f.default is dataclasses.MISSING}
    if missing := sorted(needed - values.keys()):
        raise ConfigError(f"{where}: missing {', '.join(missing)}; {cls.__name__} cannot be guessed, please state it")
    parts = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return cls(**parts)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


class DeclaredPart(PipelineConfig):
    """The part of a configuration that its reader declares; reading any other key of it raises ConfigError."""

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        if name in PipelineConfig.__dataclass_fields__ and name not in own:
            raise ConfigError(f"{own['_reader']} reads {name}, which it does not declare: add it to its reads")
        return object.__getattribute__(self, name)


def declared_part(config: PipelineConfig, reads: Iterable[str], reader: str) -> PipelineConfig:
    """The keys ``reads`` of a configuration, for ``reader``, a name for messages."""
    return _part({name: getattr(config, name) for name in reads}, reader)


def from_parts(values: Mapping[str, Any], reader: str) -> PipelineConfig:
    """A configuration of which only some parts are given, as plain data."""
    hints = typing.get_type_hints(PipelineConfig)
    return _part({name: _convert(hints[name], value, f"{reader}: {name}") for name, value in values.items()}, reader)


def _part(values: Mapping[str, Any], reader: str) -> PipelineConfig:
    part = object.__new__(DeclaredPart)
    part.__dict__.update(values, _reader=reader)
    return part


def _convert(hint: Any, value: Any, where: str) -> Any:
    if typing.get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table, got {value!r}")
        return from_mapping(typing.cast(type, hint), value, where)
    if typing.get_origin(hint) is Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise ConfigError(f"{where}: {value!r} is unknown; {choices(str(value), allowed)}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where}: expected {hint.__name__}, got {value!r}")
    if hint is float and not math.isfinite(value):
        raise ConfigError(f"{where}: expected a finite number, got {value!r}")
    return value


def to_mapping(config: object) -> dict[str, Any]:
    """The configuration as plain data, the inverse of ``from_mapping``."""
    return dataclasses.asdict(config)  # type: ignore[call-overload]


def config_digest(value: Any) -> str:
    """SHA-256 of plain data (or a configuration) in canonical JSON."""
    plain = to_mapping(value) if dataclasses.is_dataclass(value) else value
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
