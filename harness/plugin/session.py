"""A session of a guarded project: what its tests ask of the harness, and the item that checks the store of goldens.

The item belongs to every session in which some test uses a fixture of the harness. It runs no stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError
from harness.core.ids import CHECK, GoldenId
from harness.plugin.conclusion import judged_by_tests
from harness.plugin.session_facts import SessionFacts

if TYPE_CHECKING:
    from harness.core.project import Project
    from harness.core.verdicts import ArtifactReport
    from harness.verify.checks.book import CheckBook
    from harness.verify.examination import Examination

FIXTURES = ("harness.plugin.fixtures", "harness.plugin.checks")  # whose functions are the fixtures of the harness
CHECKING = frozenset({CHECK, f"harness_{CHECK}"})  # the fixture that checks a test's own values, which runs no stage
INTEGRATION = "integration"  # the marker of every test that runs stages
EMPTY = pytest.StashKey[str]()  # of a test that was generated for no scenario: what it says
COMPARED = pytest.StashKey[dict[str, bool]]()  # of a test: the goldens that it compared, and whether each failed


@dataclass
class GuardedSession:
    """What a session is about. ``problem``: why the project cannot be used, in a sentence; empty where it can.

    ``cases``: scenario, track and artifact of every golden that its tests may ask for. ``chosen``: the command line
    names the scenarios. ``asked``: the ids of the goldens that its tests do ask for. ``tests``: those that check values
    themselves, by the ids of their goldens; ``checking``: the ids of those that are to run. ``selected``: whoever
    started the session chose among the tests. ``collects``: the folder that gets what tests check, where that is what
    the session is for. ``facts``: what happened in this process, whatever becomes of its reports.
    """

    project: Project | None
    problem: str = ""
    scenarios: Sequence[str] = ()
    cases: Sequence[tuple[str, str, str]] = ()
    chosen: bool = False
    asked: set[str] = field(default_factory=set)
    tests: dict[str, list[str]] = field(default_factory=dict)
    checking: set[str] = field(default_factory=set)
    selected: bool = False
    collects: Path | None = None
    facts: SessionFacts = field(default_factory=SessionFacts)


CHECK_ID = pytest.StashKey[str]()  # of a test that checks values itself: the id of its golden
GUARDED = pytest.StashKey[GuardedSession]()


class StoreItem(pytest.Item):
    """The check of the store: orphans, unapproved edits, the approvals, idle rules, and goldens left uncompared."""

    guarded: GuardedSession
    expected: dict[str, Any] | None = None

    def runtest(self) -> None:
        """Fail, with a sentence for each problem, unless the store is in order."""
        guarded = self.guarded
        if guarded.project is None or guarded.problem:
            raise HarnessError(guarded.problem)
        from harness.plugin.checks import book_of
        from harness.plugin.examinations import project_examinations
        from harness.verify.checks.housekeeping import problems_of_tests
        from harness.verify.coverage import accepted_of_stages
        from harness.verify.housekeeping import store_problems

        examination = project_examinations(self.config, guarded.project)
        examinations = {name: examination(name) for name in guarded.scenarios}
        runnable = {name for name, one in examinations.items() if not one.scenario.missing}
        accepted = any(accepted_of_stages(one.manifest) for one in examinations.values())
        self.expected = guarded.facts.expected = {
            "goldens": ["/".join(case) for case in guarded.cases if case[0] in runnable],
            "asked": sorted(guarded.asked),
            "accepted": accepted,
            **self._tests(),
        }
        whole = {"/".join(case) for case in guarded.cases} <= guarded.asked
        problems = store_problems(guarded.project, examinations, complete=not guarded.chosen, rules=whole)
        problems += problems_of_tests(book_of(self.config), guarded.tests) if not guarded.selected else []
        if base := self.config.getoption("harness_approvals"):
            from harness.store.approval_check import check_approvals

            problems = list(dict.fromkeys([*check_approvals(guarded.project, base), *problems]))
        guarded.facts.store += problems
        if problems:
            raise HarnessError("\n".join(problems))

    def _tests(self) -> dict[str, list[str]]:
        """The goldens of tests that a session has to compare: all of a whole one, those of its tests of another."""
        from harness.plugin.checks import book_of

        guarded, accepted = self.guarded, book_of(self.config).accepted
        known = {
            str(i) for i in accepted if i in guarded.tests
        }  # what is of no test any more is told by its own sentence
        return {"checks": sorted(known & guarded.checking if guarded.selected else known)}

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentences alone, where they are the harness's own."""
        if isinstance(excinfo.value, HarnessError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where a failure is said to be."""
        project = self.guarded.project
        return (project.goldens if project else self.config.rootpath), None, "the store of goldens"


def store_item(session: pytest.Session, guarded: GuardedSession) -> StoreItem:
    """The item that checks the store, with a place among the goldens."""
    folder = guarded.project.goldens.name if guarded.project else "goldens"
    item: StoreItem = StoreItem.from_parent(session, name="store", nodeid=f"{folder}::store")
    item.guarded = guarded
    return item


def harness_fixtures(item: pytest.Item) -> Iterator[str]:
    """The fixtures of the harness that a test uses; one that the test's own module overrides is not."""
    info = getattr(item, "_fixtureinfo", None)
    for name, definitions in info.name2fixturedefs.items() if info else ():
        for definition in reversed(definitions):
            if getattr(definition.func, "__module__", "") in FIXTURES:
                yield name
            if name not in definition.argnames:
                break


def uses_check(item: pytest.Item) -> bool:
    """Whether a test takes the fixture that checks its own values as an argument, or a fixture of it does."""
    return not CHECKING.isdisjoint(harness_fixtures(item))


def asked_golden(item: pytest.Item) -> str:
    """The id of the golden that a test is parametrized with; empty without one."""
    case = getattr(getattr(item, "callspec", None), "params", {}).get("golden")
    return "/".join(case) if isinstance(case, tuple) and "golden" in harness_fixtures(item) else ""


def without_empty_parameters(item: pytest.Item) -> None:
    """Turn pytest's skip of a test that was generated for no scenario at all into a failure."""
    ours = {"scenario", "golden"}.intersection(harness_fixtures(item))
    for mark in [*item.own_markers] if ours else ():
        if mark.name == "skip" and str(mark.kwargs.get("reason", "")).startswith("got empty parameter set"):
            item.own_markers.remove(mark)
            item.stash[EMPTY] = f"it was generated for no {min(ours)} at all: an empty list compares nothing"


def shadowing_golden(item: pytest.Item) -> str:
    """Where the fixture is defined that a test has in the place of the harness's ``golden``; empty for no such."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = list(info.name2fixturedefs.get("golden", ())) if info else []
    ours = [getattr(each.func, "__module__", "") in FIXTURES for each in definitions]
    if any(ours) and "golden" not in harness_fixtures(item) and not hasattr(item, "callspec"):
        return str(getattr(definitions[-1].func, "__module__", "") or definitions[-1].baseid)
    return ""


def note_remarks(item: pytest.Item, identity: str, report: ArtifactReport) -> None:
    """Note what a golden warns of and what is ignored of it, for the end of the session and the test's report."""
    from harness.core.verdicts import ScenarioReport, Status
    from harness.report.selection import remarks

    if all(v.status is Status.PASS or v.status.failed for v in report.verdicts):
        return
    scenario = ScenarioReport(str(identity).split("/")[0], report.track, "", (report,))
    for status in (Status.WARNING, Status.IGNORED):
        if found := remarks((scenario,), status):
            item.user_properties.append((f"harness_{status.value}", sum(remark.count for remark in found)))
            lines = item.config.stash[GUARDED].facts.remarks.setdefault(str(identity), [])
            lines += [line for r in found if (line := f"{status.value}: {r.sentence}") not in lines]


def noted_check(item: pytest.Item, book: CheckBook, identity: GoldenId, failed: bool) -> None:
    """Note that a test's own values were compared with their golden, and by what, for the end of the session."""
    if identity in book.manifest:
        item.stash.setdefault(COMPARED, {})[str(identity)] = failed
        facts = item.config.stash[GUARDED].facts
        facts.compared[str(identity)] = failed
        facts.by_test.setdefault(item.nodeid, []).append(str(identity))
        if identity.scenario not in facts.checked_by:
            facts.checked_by[identity.scenario] = dict(book.judged_by(identity.scenario))


def noted(request: pytest.FixtureRequest, examination: Examination, identity: str, failed: bool) -> None:
    """Note that a test compared a golden, and by what, for the end of the session."""
    request.node.stash.setdefault(COMPARED, {})[str(identity)] = failed
    judged_by_tests(request.config).examinations[examination.scenario.name] = examination
    if guarded := request.config.stash.get(GUARDED, None):
        guarded.facts.compared[str(identity)] = failed
        guarded.facts.by_test.setdefault(request.node.nodeid, []).append(str(identity))
        guarded.facts.judged_by[examination.scenario.name] = dict(examination.judged_by())
