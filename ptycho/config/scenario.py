"""Scenarios: named, frozen configurations, each with the profiles smoke, cpu and full.

A scenario is ``goldens/<name>/scenario.toml``. It may start from another one (``extends``), and its
``[profile.<name>]`` tables override single keys. What a run gets is the resolved ``PipelineConfig``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import from_mapping
from ptycho.errors import ConfigError, choices

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES = ("smoke", "cpu", "full")
REPLAY = "replay"  # the smallest size, whose every output a harness can store


@dataclass(frozen=True)
class Scenario:
    """A resolved scenario: its name, its profile and the configuration they give."""

    name: str
    profile: str
    title: str
    config: PipelineConfig


def scenario_root() -> Path:
    """The folder of scenarios: ``goldens/`` in or above the working folder, else the installed copy."""
    packaged = Path(__file__).parents[1] / "_scenarios"
    beside = Path(__file__).parents[2] / "goldens"
    nearby = (folder / "goldens" for folder in (Path.cwd(), *Path.cwd().parents))
    for root in (*nearby, beside, packaged):
        if any(root.glob("*/scenario.toml")):
            return root
    raise ConfigError(f"no scenarios found: expected goldens/*/scenario.toml in or above {Path.cwd()}")


def list_scenarios(root: Path | None = None) -> dict[str, str]:
    """Every scenario's name and title."""
    folder = root or scenario_root()
    return {name: _read(name, folder)["title"] for name in _names(folder)}


def load_scenario(
    name: str,
    profile: str = "cpu",
    overrides: Iterable[str] = (),
    root: Path | None = None,
) -> Scenario:
    """The scenario ``name`` at ``profile``, with ``overrides`` such as ``"train.epochs=3"`` applied last.

    Raises ConfigError for a name, profile or key that does not exist, listing those that do.
    """
    folder = root or scenario_root()
    if profile not in (*PROFILES, REPLAY):
        raise ConfigError(f"unknown profile {profile!r}; {choices(profile, (*PROFILES, REPLAY))}")
    values = _read(name, folder)
    title = values.pop("title")
    profiles = values.pop("profile", {})
    if profile not in profiles:
        raise ConfigError(f"scenario {name!r} has no profile {profile!r}; it has: {', '.join(profiles)}")
    values = merge_tables(values, profiles[profile])
    for text in overrides:
        values = merge_tables(values, parse_override(text))
    return Scenario(name, profile, title, from_mapping(PipelineConfig, values, f"scenario {name}"))


def parse_override(text: str) -> dict[str, Any]:
    """``"train.epochs=3"`` as ``{"train": {"epochs": 3}}``; the value is TOML, or else a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"cannot read {text!r}: write it as key.subkey=value")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for part in reversed(key.strip().split(".")):
        parsed = {part: parsed}
    return dict(parsed)


def _names(root: Path) -> list[str]:
    return sorted(path.parent.name for path in root.glob("*/scenario.toml"))


def _read(name: str, root: Path, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    path = root / name / "scenario.toml"
    if not path.is_file():
        raise ConfigError(f"unknown scenario {name!r}; {choices(name, _names(root))}")
    if name in seen:
        raise ConfigError(f"scenario {name!r} extends itself: {' -> '.join((*seen, name))}")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    parent = values.pop("extends", None)
    if parent is not None:
        values = merge_tables(_read(parent, root, (*seen, name)), values)
    if "title" not in values:
        raise ConfigError(f"{path} has no title: give it one line that says what the scenario is")
    return values


def merge_tables(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``, table by table."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = merge_tables(below, value) if both else value  # type: ignore[arg-type]
    return merged
