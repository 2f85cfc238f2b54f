"""Which project a session is about, and what its tests may ask of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.core.errors import HarnessError, NoProjectError, ProjectError
from harness.core.text import line
from harness.plugin.session import GuardedSession

if TYPE_CHECKING:
    from harness.core.project import Project


def is_guarded(folder: Path) -> bool:
    """Whether a folder's ``pyproject.toml`` has the table of the harness, or its tests have goldens."""
    if (folder / "goldens" / "MANIFEST.json").is_file():
        return True
    table = folder / "pyproject.toml"
    return table.is_file() and "[tool.harness]" in table.read_text(encoding="utf-8", errors="replace")


def guarded_session(config: pytest.Config) -> GuardedSession | None:
    """What the session is about; None where it is in no guarded project."""
    try:
        project = _project(config)
        if project is None:
            return None
    except HarnessError as error:
        return GuardedSession(None, str(error))
    if not project.adapter:
        return GuardedSession(project)
    try:
        known = _known_scenarios(project)
        scenarios = _scenarios(config, known)
        artifacts = _artifacts(config, project)
    except HarnessError as error:
        return GuardedSession(project, str(error))
    cases = [(name, track, artifact) for name in scenarios for track, artifact in artifacts]
    return GuardedSession(project, "", scenarios, cases, bool(config.getoption("harness_scenario")))


def _project(config: pytest.Config) -> Project | None:
    """The project of the tests that were named, else of where the user stood, else of pytest's own root.

    The root is last because a folder above the repository may hold pytest's configuration.
    """
    from harness.host.project import open_project

    undeclared: list[Project] = []
    for group in places_of(config):
        found: dict[Path, Project] = {}
        for place in group:
            with suppress(NoProjectError):
                project = open_project(place, keep_log=hasattr(config, "workerinput"))
                undeclared += [] if project.declared else [project]
                found |= {project.root: project} if project.declared and project.root not in found else {}
        if len(found) > 1:
            names = " and ".join(map(str, sorted(found)))
            raise ProjectError(f"the tests of this session belong to {names}: run pytest once for each")
        if found:
            return next(iter(found.values()))
    return next(iter(undeclared), None)


def places_of(config: pytest.Config) -> list[list[Path]]:
    """Where to look for the project: what was named on the command line, the folder of the call, pytest's root."""
    if hasattr(config, "workerinput"):
        return [[Path(place) for place in group] for group in config.workerinput["harness_places"]]
    here = config.invocation_params.dir
    named = [here / argument.partition("::")[0] for argument in config.args]
    folders = [place if place.is_dir() else place.parent for place in named if place.exists()]
    return [folders, [here], [config.rootpath]]


def _known_scenarios(project: Project) -> list[str]:
    """The scenarios of the project; raises ProjectError for whatever its adapter raises."""
    try:
        return sorted(project.pipeline.scenarios())
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:  # the adapter is a stranger's code
        cause = f"{type(error).__name__}: {error}"
        raise ProjectError(f"the adapter {project.adapter!r} cannot be used ({cause}): mend it") from error


def _scenarios(config: pytest.Config, known: list[str]) -> list[str]:
    chosen: list[str] = config.getoption("harness_scenario") or []
    for name in chosen:
        if name not in known:
            raise pytest.UsageError(
                line(f"--harness-scenario {name}: there is no such scenario; there are {', '.join(known)}")
            )
    return chosen or known


def _artifacts(config: pytest.Config, project: Project) -> list[tuple[str, str]]:
    from harness.verify.coverage import verified_artifacts

    try:
        return verified_artifacts(project.pipeline, config.getoption("harness_profile") or project.profile)
    except HarnessError as error:
        if config.getoption("harness_profile"):
            raise pytest.UsageError(str(error)) from error
        raise


def artifact_names(project: Project | None) -> list[str]:
    """The artifacts of a project whose adapter cannot say, by its schemas."""
    from harness.judge.schema import SCHEMA_SUFFIX, Schemas

    if project is None:
        return []
    names = [path.name.removesuffix(SCHEMA_SUFFIX) for path in Schemas(project.schemas).files()]
    return [name for name in names if name.isidentifier()]
