"""Faults in the configuration: each declared setting moved by one step, for everybody or for one stage alone.

The configuration itself is an artifact that is verified, so that what moves there is seen at once. A setting that is
written as accepted, and does not arrive at a stage as it is written, is another fault, and only numbers can tell it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence

from harness.core.ids import CONFIGURATION
from harness.core.protocol import Json, Scenario, Stage
from harness.core.trees import leaves
from harness.run.settings import declared_settings
from harness.study.prove.faults.mutant import Mutant

_FACTOR = 1.01


def setting_mutants(scenario: Scenario, stages: Sequence[Stage]) -> Iterator[Mutant]:
    """One fault for each setting, and one more for each stage that reads it."""
    told: dict[str, Json] = {}
    for stage in stages:
        for path, value in leaves(_plain(declared_settings(stage, scenario.config))):
            if (now := stepped(value)) is not None:
                told[path] = value
                yield _mutant("setting", (stage.name,), path, value, now, scenario.name)
    for path, value in told.items():
        yield _mutant("configuration", (CONFIGURATION,), path, value, stepped(value), scenario.name)


def _mutant(kind: str, stages: tuple[str, ...], path: str, value: Json, now: Json, scenario: str) -> Mutant:
    return Mutant(kind, "step", stages, path.replace("/", "."), f"{value!r} -> {now!r}", scenario, {"path": path})  # type: ignore[arg-type]


def stepped(value: Json) -> Json:
    """A setting one step further; None for what has no next step."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * _FACTOR if value else _FACTOR - 1
    return None


def moved_settings(mutant: Mutant, config: Mapping[str, Json]) -> Mapping[str, Json]:
    """The configuration with one setting moved; the same one where it has no such setting."""
    moved = copy.deepcopy(dict(config))
    *parents, last = mutant.data["path"].split("/")
    here: Json = moved
    try:
        for part in parents:
            here = here[int(part)] if isinstance(here, list) else here[part]
        key: Json = int(last) if isinstance(here, list) else last
        if (now := stepped(here[key])) is not None:
            here[key] = now
    except (KeyError, IndexError, TypeError, ValueError):
        return config
    return moved


def _plain(value: Json) -> Json:
    """Settings as plain dictionaries, of which anything may be asked."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
