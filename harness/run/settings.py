"""The part of a configuration that a stage declares: it is given that, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from harness.core.protocol import Json, Stage


def declared_settings(stage: Stage, config: Mapping[str, Json]) -> dict[str, Json]:
    """A copy of the settings that ``stage`` declares that it reads.

    It is given no others, so that what is not in its key cannot change its result: no cached result is ever stale.
    """
    given: dict[str, Json] = {}
    for name in stage.reads:
        *path, last = name.split(".")
        source, target = config, given
        for part in path:
            inner = source.get(part)
            source = inner if isinstance(inner, Mapping) else {}
            target = target.setdefault(part, {}) if source else {}
        if last in source:
            target[last] = copy.deepcopy(source[last])
    return given


def setting_at(config: Mapping[str, Json], name: str) -> Json:
    """The part of the configuration at a dotted name; it is None where an optional part is absent."""
    value: Json = config
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
