"""What pytest calls: the options, the project's fixtures when it starts, and the cache that workers share."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError, NoProjectError, ProjectError
from harness.core.text import line
from harness.plugin.examinations import FRESH_CACHE

if TYPE_CHECKING:
    from harness.core.project import Project


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all with one prefix."""
    group = parser.getgroup("harness", "golden artifacts")
    group.addoption("--harness-profile", metavar="NAME", help="run scenarios at this profile")
    group.addoption("--harness-scenario", action="append", metavar="NAME", help="only this scenario; repeatable")
    group.addoption("--harness-no-cache", action="store_true", help="compute everything anew")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find the project; refuse to regenerate anything in CI."""
    from harness.core.project import find_project, in_ci
    from harness.plugin.fixtures import fixture_plugin

    if in_ci():
        for option in ("force_regen", "regen_all"):
            if config.getoption(option, False):
                raise pytest.UsageError(f"--{option.replace('_', '-')} is not for CI: goldens are never written there")
    try:
        project = find_project(config.rootpath)
    except NoProjectError:
        return
    except ProjectError as error:
        raise pytest.UsageError(line(error)) from error
    if not config.pluginmanager.hasplugin("xdist"):
        config.addinivalue_line("markers", "xdist_group(name): pytest-xdist's, which scenarios have with it or without")
    if config.getoption("harness_no_cache") and not hasattr(config, "workerinput"):
        config.stash[FRESH_CACHE] = tempfile.TemporaryDirectory(prefix="harness-")  # gone when pytest is
    try:
        fixtures = fixture_plugin(project, _scenarios(config, project), _artifacts(config, project))
        config.pluginmanager.register(fixtures, "harness-fixtures")
    except HarnessError as error:
        raise pytest.UsageError(line(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which cache to share."""
    folder = node.config.stash.get(FRESH_CACHE, None)
    node.workerinput["harness_cache"] = folder.name if folder else ""


def _scenarios(config: pytest.Config, project: Project) -> list[str]:
    chosen: list[str] = config.getoption("harness_scenario") or []
    known = project.pipeline.scenarios()
    for name in chosen:
        if name not in known:
            raise pytest.UsageError(
                line(f"--harness-scenario {name}: there is no such scenario; there are {', '.join(known)}")
            )
    return chosen or sorted(known)


def _artifacts(config: pytest.Config, project: Project) -> list[tuple[str, str]]:
    from harness.verify.coverage import verified_artifacts

    return verified_artifacts(project.pipeline, config.getoption("harness_profile") or project.profile)
