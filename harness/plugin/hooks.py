"""What pytest calls: the options, the project's fixtures when it starts, the item that checks the store, reports."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError, NoProjectError, ProjectError
from harness.core.text import line
from harness.plugin.examinations import FRESH_CACHE
from harness.plugin.session import (
    EMPTY,
    GUARDED,
    GuardedSession,
    StoreItem,
    asked_golden,
    harness_fixtures,
    shadowing_golden,
    store_item,
    without_empty_parameters,
)

if TYPE_CHECKING:
    from harness.core.project import Project


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all with one prefix."""
    group = parser.getgroup("harness", "golden artifacts")
    group.addoption("--harness-profile", metavar="NAME", help="run scenarios at this profile")
    group.addoption("--harness-scenario", action="append", metavar="NAME", help="only this scenario; repeatable")
    group.addoption("--harness-approvals", metavar="BASE", help="check that every change since BASE was approved")
    group.addoption("--harness-no-cache", action="store_true", help="compute everything anew")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find the project; refuse to regenerate anything in CI."""
    from harness.core.project import in_ci
    from harness.plugin.fixtures import fixture_plugin, unusable_plugin
    from harness.plugin.ledger import Ledger

    if in_ci():
        for option in ("force_regen", "regen_all"):
            if config.getoption(option, False):
                raise pytest.UsageError(f"--{option.replace('_', '-')} is not for CI: goldens are never written there")
    guarded = _guarded(config)
    if guarded is None:
        return
    config.stash[GUARDED] = guarded
    if not any(known.startswith("xdist_group") for known in config.getini("markers")):  # xdist may be configured later
        config.addinivalue_line("markers", "xdist_group(name): pytest-xdist's, which scenarios have with it or without")
    if not hasattr(config, "workerinput"):
        _remove_stale_report(config)
        config.pluginmanager.register(Ledger(config, guarded), "harness-ledger")
        if config.getoption("harness_no_cache"):
            config.stash[FRESH_CACHE] = tempfile.TemporaryDirectory(prefix="harness-")  # gone when pytest is
    project = guarded.project
    if project is None or guarded.problem:
        fixtures = unusable_plugin(guarded.problem, _artifact_names(project))
    else:
        fixtures = fixture_plugin(project, guarded.scenarios, guarded.cases)
    config.pluginmanager.register(fixtures, "harness-fixtures")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which cache to share, and where the user stood."""
    folder = node.config.stash.get(FRESH_CACHE, None)
    node.workerinput["harness_cache"] = folder.name if folder else ""
    node.workerinput["harness_places"] = [[str(place) for place in group] for group in _places(node.config)]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say at once what keeps the project from being used."""
    guarded = config.stash.get(GUARDED, None)
    return f"harness: {guarded.problem}" if guarded and guarded.problem else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the item that checks the store, once what -k and -m leave out has gone."""
    guarded = config.stash.get(GUARDED, None)
    users = [item for item in items if any(harness_fixtures(item))] if guarded else []
    for item in users:
        without_empty_parameters(item)
    if guarded and users:
        items.append(store_item(session, guarded))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note a test that uses the harness, before anything chooses."""
    if guarded := item.config.stash.get(GUARDED, None):
        if any(harness_fixtures(item)):
            guarded.facts.collected.append(item.nodeid)
        if where := shadowing_golden(item):
            guarded.facts.shadowed.append(where)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Note what was left out on purpose."""
    for item in items:
        if guarded := item.config.stash.get(GUARDED, None):
            guarded.facts.deselected.append(item.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests are to run, and which goldens they ask for."""
    if guarded := session.config.stash.get(GUARDED, None):
        guarded.asked = {identity for item in session.items if (identity := asked_golden(item))}
        guarded.facts.item = any(isinstance(item, StoreItem) for item in session.items)
        guarded.facts.chosen += [item.nodeid for item in session.items if any(harness_fixtures(item))]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what this worker saw to the process that the user started."""
    guarded, output = session.config.stash.get(GUARDED, None), getattr(session.config, "workeroutput", None)
    if guarded and output is not None:
        output["harness_facts"] = guarded.facts.plain()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """A ``conftest.py`` that ends the process as if all were well ends it as a usage error, where that matters."""
    try:
        return (yield)
    except SystemExit as error:
        folders = {early_config.rootpath, early_config.invocation_params.dir}
        if any(is_guarded(folder) for folder in folders):
            sentence = f"a conftest.py ended pytest (SystemExit: {error.code}) before any test ran: mend it"
            raise pytest.UsageError(sentence) from error
        raise


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test that was generated for no scenario."""
    if sentence := item.stash.get(EMPTY, ""):
        pytest.fail(sentence, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let a test's report say which goldens it compared."""
    report: Any = yield
    if GUARDED in item.config.stash:
        from harness.plugin.ledger import annotate

        annotate(item, report)
    return report


def is_guarded(folder: Path) -> bool:
    """Whether a folder's ``pyproject.toml`` has the table of the harness."""
    table = folder / "pyproject.toml"
    return table.is_file() and "[tool.harness]" in table.read_text(encoding="utf-8", errors="replace")


def _guarded(config: pytest.Config) -> GuardedSession | None:
    """What the session is about; None where it is in no guarded project."""
    try:
        project = _project(config)
        if project is None:
            return None
    except HarnessError as error:
        return GuardedSession(None, str(error))
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

    for group in _places(config):
        found: dict[Path, Project] = {}
        for place in group:
            with suppress(NoProjectError):
                project = open_project(place, keep_log=hasattr(config, "workerinput"))
                found.setdefault(project.root, project)
        if len(found) > 1:
            names = " and ".join(map(str, sorted(found)))
            raise ProjectError(f"the tests of this session belong to {names}: run pytest once for each")
        if found:
            return next(iter(found.values()))
    return None


def _places(config: pytest.Config) -> list[list[Path]]:
    """Where to look for the project: what was named on the command line, the folder of the call, pytest's root."""
    if hasattr(config, "workerinput"):
        return [[Path(place) for place in group] for group in config.workerinput["harness_places"]]
    here = config.invocation_params.dir
    named = [here / argument.partition("::")[0] for argument in config.args]
    folders = [place if place.is_dir() else place.parent for place in named if place.exists()]
    return [folders, [here], [config.rootpath]]


def _remove_stale_report(config: pytest.Config) -> None:
    """Remove the report that ``--junit-xml`` will write: whoever ends pytest must not leave an older one."""
    if path := getattr(config.option, "xmlpath", None):
        with suppress(OSError):
            (config.invocation_params.dir / path).unlink(missing_ok=True)


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


def _artifact_names(project: Project | None) -> list[str]:
    """The artifacts of a project whose adapter cannot say, by its schemas."""
    from harness.judge.schema import SCHEMA_SUFFIX, Schemas

    if project is None:
        return []
    names = [path.name.removesuffix(SCHEMA_SUFFIX) for path in Schemas(project.schemas).files()]
    return [name for name in names if name.isidentifier()]
