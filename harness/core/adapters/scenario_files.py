"""Scenarios as data: one TOML file a scenario, with profiles; it may extend another, and single settings be changed."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import ProjectError
from harness.core.project import find_project
from harness.core.protocol import Scenario

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCENARIO_FILE = "scenario.toml"
_OWN = ("title", "extends", "profile")


def scenario_titles() -> dict[str, str]:
    """Every scenario's name and title: of each ``goldens/<name>/scenario.toml`` of the project."""
    root = find_project().goldens
    names = sorted(path.parent.name for path in root.glob(f"*/{SCENARIO_FILE}"))
    return {name: str(_tables(root, name)["title"]) for name in names}


def read_scenario(name: str, profile: str, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario ``name`` at ``profile``, with changes such as ``"train.epochs=3"`` laid on it last.

    Its tables are laid over those of the scenario that it ``extends``, then come those of ``[profile.<name>]``.
    Raises ProjectError for a name or profile that does not exist, and for a change of a setting that there is not: it
    would change nothing.
    """
    project = find_project()
    tables = _tables(project.goldens, name)
    where = f"{project.goldens.name}/{name}/{SCENARIO_FILE}"
    profiles = tables.get("profile", {})
    if profile not in profiles:
        raise ProjectError(f"{where} has no [profile.{profile}]; {_choices(profile, profiles)}")
    config = {key: value for key, value in tables.items() if key not in _OWN}
    config = _laid_on(config, profiles[profile], f"{where}: [profile.{profile}]")
    for change in overrides:
        config = _laid_on(config, _parsed(change), f"--set {change}")
    return Scenario(name, profile, str(tables["title"]), config)


def _tables(root: Path, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The tables of a scenario, laid over those of the one that it extends."""
    path = root / name / SCENARIO_FILE
    where = f"{root.name}/{name}/{SCENARIO_FILE}"
    if not path.is_file():
        known = [other.parent.name for other in sorted(root.glob(f"*/{SCENARIO_FILE}"))]
        raise ProjectError(f"there is no {where}; {_choices(name, known)}")
    if name in above:
        raise ProjectError(f"scenario {name} extends itself: {' -> '.join((*above, name))}")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProjectError(f"{where} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ProjectError(f"{where} is not valid TOML: {error}") from error
    _check_form(tables, where)
    parent = tables.pop("extends", None)
    if parent is None:
        return tables
    base = _tables(root, parent, (*above, name))
    profiles = _merged(base.get("profile", {}), tables.get("profile", {}))
    config, changed = ({k: v for k, v in each.items() if k not in _OWN} for each in (base, tables))
    config = _laid_on(config, changed, f"{where}, which extends {parent},")
    return {**config, "title": tables["title"], "profile": profiles}


def _check_form(tables: Mapping[str, Any], where: str) -> None:
    if not isinstance(tables.get("title"), str):
        raise ProjectError(f'{where} has no title: add title = "one line that says what the scenario is"')
    if not isinstance(tables.get("extends", ""), str):
        raise ProjectError(f"{where}: extends = {tables['extends']!r} is no text: name one other scenario")
    profiles = tables.get("profile", {})
    if not isinstance(profiles, Mapping) or not all(isinstance(each, Mapping) for each in profiles.values()):
        raise ProjectError(f"{where}: profile is no table of tables: write [profile.cpu], which may be empty")


def _laid_on(base: Mapping[str, Any], over: Mapping[str, Any], where: str, key: str = "") -> dict[str, Any]:
    """``over`` laid on ``base``, table by table; ProjectError for what the base does not have."""
    merged = dict(base)
    for name, value in over.items():
        path = f"{key}{name}"
        if name not in base:
            raise ProjectError(f"{where} changes {path!r}, which is no setting; {_choices(path, [*_paths(base, key)])}")
        below = base[name]
        if isinstance(below, Mapping) is not isinstance(value, Mapping):
            tables = "is a table" if isinstance(below, Mapping) else "is no table"
            raise ProjectError(f"{where} changes {path!r}, which {tables}: change one setting by its whole name")
        merged[name] = _laid_on(below, value, where, f"{path}.") if isinstance(value, Mapping) else value
    return merged


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both, table by table; ``over`` counts where both have a setting."""
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _paths(tables: Mapping[str, Any], key: str) -> Iterator[str]:
    for name, value in tables.items():
        yield f"{key}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{key}{name}.")


def _parsed(change: str) -> dict[str, Any]:
    """``"train.epochs=3"`` as ``{"train": {"epochs": 3}}``; the value is TOML, or else a text."""
    key, equals, words = (part.strip() for part in change.partition("="))
    if not equals or not all(part.strip() for part in key.split(".")):
        raise ProjectError(f"--set {change}: write it as table.setting=value")
    try:
        value: Any = tomllib.loads(f"value = {words}")["value"]
    except (ValueError, RecursionError):
        value = words
    for part in reversed(key.split(".")):
        value = {part.strip(): value}
    return dict(value)


def _choices(given: str, known: Iterable[str]) -> str:
    names = [*known]
    near = difflib.get_close_matches(given, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are: {', '.join(names)}" if names else "there are none"
