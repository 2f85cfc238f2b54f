"""What pytest calls: the options, the project's fixtures when it starts, the item that checks the store, reports."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.plugin.checks import book_of, finish_checks, identity_of_test
from harness.plugin.collecting import choose_checking
from harness.plugin.conclusion import forget_conclusion, judged_part
from harness.plugin.examinations import FRESH_CACHE
from harness.plugin.opening import artifact_names, guarded_session, is_guarded, places_of
from harness.plugin.session import (
    CHECK_ID,
    CHECKING,
    EMPTY,
    GUARDED,
    INTEGRATION,
    GuardedSession,
    StoreItem,
    asked_golden,
    harness_fixtures,
    shadowing_golden,
    store_item,
    uses_check,
    without_empty_parameters,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all with one prefix."""
    group = parser.getgroup("harness", "golden artifacts")
    group.addoption("--harness-profile", metavar="NAME", help="run scenarios at this profile")
    group.addoption("--harness-scenario", action="append", metavar="NAME", help="only this scenario; repeatable")
    group.addoption("--harness-approvals", metavar="BASE", help="check that every change since BASE was approved")
    group.addoption("--harness-no-cache", action="store_true", help="compute everything anew")
    group.addoption("--harness-collect", metavar="FOLDER", help=argparse.SUPPRESS)  # what `harness` starts pytest with


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find the project; refuse to regenerate anything in CI."""
    from harness.core.project import in_ci
    from harness.plugin.checks import check_fixture

    if in_ci():
        for option in ("force_regen", "regen_all"):
            if config.getoption(option, False):
                raise pytest.UsageError(f"--{option.replace('_', '-')} is not for CI: goldens are never written there")
    config.pluginmanager.register(check_fixture(config), "harness-check")
    if (guarded := guarded_session(config)) is not None:
        config.stash[GUARDED] = guarded
        markers = [str(known) for known in config.getini("markers")]
        if not any(known.startswith("xdist_group") for known in markers):  # xdist may come later
            config.addinivalue_line("markers", "xdist_group(name): pytest-xdist's, which scenarios have without it too")
        if guarded.project and guarded.project.adapter and not any(_names(INTEGRATION, known) for known in markers):
            config.addinivalue_line("markers", f"{INTEGRATION}: tests of the harness's fixtures, which run stages")
        _start(config, guarded)
        _register_fixtures(config, guarded)


def _names(name: str, marker: str) -> bool:
    """Whether a line of pytest's ``markers`` registers ``name``."""
    return marker.partition(":")[0].partition("(")[0].strip() == name


def _start(config: pytest.Config, guarded: GuardedSession) -> None:
    """Say what the session is for, and let the process that was started keep its books."""
    from harness.plugin.collecting import Collector
    from harness.plugin.ledger import Ledger, is_selective

    worker = getattr(config, "workerinput", None)
    guarded.selected = worker["harness_selected"] if worker else is_selective(config)
    if folder := config.getoption("harness_collect"):
        guarded.collects = Path(folder)
    if worker is not None:
        return
    if guarded.collects is not None:
        config.pluginmanager.register(Collector(guarded.collects), "harness-collector")
        return
    if guarded.project is None or is_guarded(guarded.project.root):
        _remove_stale_report(config)
    if guarded.project is not None and not config.option.help and not config.option.collectonly:
        forget_conclusion(guarded.project)
    config.pluginmanager.register(Ledger(config, guarded), "harness-ledger")
    if config.getoption("harness_no_cache"):
        config.stash[FRESH_CACHE] = tempfile.TemporaryDirectory(prefix="harness-")  # gone when pytest is


def _register_fixtures(config: pytest.Config, guarded: GuardedSession) -> None:
    """The fixtures of the project's pipeline; of a repository without a table nothing but what checks values."""
    from harness.plugin.fixtures import fixture_plugin, unusable_plugin

    project = guarded.project
    if project is not None and not project.declared:
        return
    if project is None or guarded.problem:
        fixtures = unusable_plugin(guarded.problem, artifact_names(project))
    elif not project.adapter:
        fixtures = unusable_plugin(project.lacks_adapter, artifact_names(project))
    else:
        fixtures = fixture_plugin(project, guarded.scenarios, guarded.cases)
    config.pluginmanager.register(fixtures, "harness-fixtures")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which cache to share, and where the user stood."""
    folder = node.config.stash.get(FRESH_CACHE, None)
    node.workerinput["harness_cache"] = folder.name if folder else ""
    guarded = node.config.stash.get(GUARDED, None)
    node.workerinput["harness_selected"] = guarded.selected if guarded else True
    node.workerinput["harness_places"] = [[str(place) for place in group] for group in places_of(node.config)]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say at once what keeps the project from being used."""
    guarded = config.stash.get(GUARDED, None)
    return f"harness: {guarded.problem}" if guarded and guarded.problem else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the item that checks the store, once what -k and -m leave out has gone."""
    guarded = config.stash.get(GUARDED, None)
    if guarded is None:
        return
    if guarded.collects is not None:
        choose_checking(guarded, config, items)
        return
    users = [item for item in items if any(harness_fixtures(item))]
    for item in users:
        without_empty_parameters(item)
    if users or (not guarded.selected and _tests_have_goldens(config)):
        items.append(store_item(session, guarded))


def _tests_have_goldens(config: pytest.Config) -> bool:
    """Whether goldens of tests were accepted, so that a whole session without those tests leaves them out."""
    try:
        return config.stash[GUARDED].project is not None and bool(book_of(config).accepted)
    except HarnessError:
        return False  # what cannot be read is told by whatever reads it


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note a test that uses the harness, before anything chooses."""
    if guarded := item.config.stash.get(GUARDED, None):
        if used := {*harness_fixtures(item)}:
            guarded.facts.collected.append(item.nodeid)
        if used.difference(CHECKING) and guarded.project is not None and guarded.project.adapter:
            item.add_marker(INTEGRATION)  # `-m integration` selects what runs stages, in every repository
        if uses_check(item):
            with suppress(HarnessError):  # its fixture tells
                item.stash[CHECK_ID] = identity = str(identity_of_test(item))  # which crosses processes
                guarded.tests.setdefault(identity, []).append(item.nodeid)
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
        guarded.checking = {item.stash[CHECK_ID] for item in session.items if CHECK_ID in item.stash}
        guarded.facts.item = any(isinstance(item, StoreItem) for item in session.items)
        guarded.facts.chosen += [item.nodeid for item in session.items if any(harness_fixtures(item))]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what this worker saw to the process that the user started."""
    guarded, output = session.config.stash.get(GUARDED, None), getattr(session.config, "workeroutput", None)
    if guarded and output is not None:
        guarded.facts.reports = [*filter(None, [judged_part(session.config, guarded.project)])]
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
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """At the end of a call that did not raise, judge what the test checked."""
    result: Any = yield
    finish_checks(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let a test's report say which goldens it compared."""
    report: Any = yield
    if GUARDED in item.config.stash:
        from harness.plugin.ledger import annotate

        annotate(item, report)
    return report


def _remove_stale_report(config: pytest.Config) -> None:
    """Remove the report that ``--junit-xml`` will write: whoever ends pytest must not leave an older one."""
    if path := getattr(config.option, "xmlpath", None):
        with suppress(OSError):
            (config.invocation_params.dir / path).unlink(missing_ok=True)
