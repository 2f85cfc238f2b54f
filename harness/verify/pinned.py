"""Settings of a scenario that stay as a default was before it changed: other stages go on as if it had not."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.core.adapters.scenario_files import SCENARIO_FILE
from harness.core.errors import GoldenError
from harness.core.project import Project
from harness.core.protocol import Artifact, Scenario
from harness.core.trees import leaves

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from harness.verify.examination import Examination

OF_DEFAULTS = "defaults"  # the artifact that tells what the source sets where nobody says otherwise
_NOTHING = object()


def settings_left_behind(examination: Examination) -> list[str]:
    """What a scenario says of defaults that changed, and that it still has as they were."""
    profile = examination.profile
    report = examination.judged(profile, OF_DEFAULTS)
    if report is None or not report.failed:
        return []
    try:
        golden = examination.golden(profile, OF_DEFAULTS)
    except GoldenError:
        return []  # it is told that it is damaged
    obtained = examination.obtained(profile, OF_DEFAULTS)
    if golden is None or obtained is None:
        return []
    return left_behind(examination.project, examination.scenario, golden.artifact, obtained)


def left_behind(project: Project, scenario: Scenario, golden: Artifact, obtained: Artifact) -> list[str]:
    """A sentence for each default that changed from what the scenario still says, unless its profile says that itself.

    ``golden`` and ``obtained`` are of ``defaults``. What a scenario says is found under the default's own path, as
    ``fit.rate``, or for options and files, whose settings have no table, without its first part.
    """
    before, found = dict(leaves(golden.values)), []
    meant = _tables_of_profile(project, scenario)
    for path, value in leaves(obtained.values):
        old = before.get(path, _NOTHING)
        if old is _NOTHING or _same(old, value):
            continue
        for keys in _places(scenario.config, path.split("/")):
            pinned = _at(scenario.config, keys)
            if _same(pinned, old) and _at(meant, keys) is _NOTHING:
                name = ".".join(keys)
                where = f"{project.goldens.name}/{scenario.name}/{SCENARIO_FILE}"
                kept = f"{name} = {pinned!r} under [profile.{scenario.profile}]"
                says = f"the source says {name} = {value!r}, scenario {scenario.name} says {pinned!r}"
                found.append(f"{says}: change it in {where}, or keep it on purpose, as {kept} there")
    return found


def _places(config: Mapping[str, Any], parts: list[str]) -> Iterator[list[str]]:
    """Where a scenario says what stands at a path of the defaults: in one table, or at its top."""
    tables = [name for name in (f"{parts[0]}_call", parts[0]) if isinstance(config.get(name), Mapping)]
    for name in tables:
        if _at(config, [name, *parts[1:]]) is not _NOTHING:
            yield [name, *parts[1:]]
            return
    if not tables and len(parts) > 1:
        yield parts[1:]


def _at(table: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(table, Mapping):
            table = table.get(key, _NOTHING)
        elif isinstance(table, list | tuple) and key.isdigit() and int(key) < len(table):
            table = table[int(key)]
        else:
            return _NOTHING
    return table


def _same(one: Any, other: Any) -> bool:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    return bool(one == other) if numbers or type(one) is type(other) else False


def _tables_of_profile(project: Project, scenario: Scenario) -> Mapping[str, Any]:
    """What the scenario's file says of its profile alone; nothing where scenarios are no files."""
    try:
        text = (project.goldens / scenario.name / SCENARIO_FILE).read_text(encoding="utf-8")
        profile = tomllib.loads(text).get("profile", {}).get(scenario.profile, {})
    except (OSError, ValueError, AttributeError):
        return {}
    return profile if isinstance(profile, Mapping) else {}
