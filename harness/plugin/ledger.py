"""The end of a session: what all its workers compared, held against what its tests were made for.

It lives in the process that a user started, which hears of every test by its report.
"""

from __future__ import annotations

from typing import Any

import pytest

from harness.core import text
from harness.plugin.session import COMPARED, StoreItem, asked_golden

_SHOWN = 5  # ids, of many
_SELECTING = ("-k", "-m", "--lf", "--last-failed", "--deselect", "--ignore", "--sw", "--stepwise")


def annotate(item: pytest.Item, report: Any) -> None:
    """Write into a test's report what the end of the session has to know, in a form that crosses processes."""
    compared = item.stash.get(COMPARED, None)
    report.harness_compared = dict(compared or {})
    report.harness_asked = asked_golden(item)
    if isinstance(item, StoreItem) and report.when == "call":
        report.harness_expected = item.expected


class Ledger:
    """What was compared, by which tests, and what should have been."""

    def __init__(self, config: pytest.Config) -> None:
        named = config.args_source is pytest.Config.ArgsSource.ARGS
        # By whoever started the session: what its configuration leaves out is left out of every session.
        self.selected = named or any(str(a).startswith(_SELECTING) for a in config.invocation_params.args)
        self.compared: dict[str, bool] = {}
        self.by_test: dict[str, set[str]] = {}
        self.failed: set[str] = set()
        self.expected: dict[str, Any] | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take down what a test compared."""
        compared = getattr(report, "harness_compared", {})
        self.compared.update(compared)
        mine = self.by_test.setdefault(report.nodeid, set())
        mine.update(filter(None, (*compared, getattr(report, "harness_asked", ""))))
        if report.failed:
            self.failed.add(report.nodeid)
        self.expected = getattr(report, "harness_expected", None) or self.expected

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Any:
        """After the last test, fail once more where something was left out."""
        result = yield
        if problems := self.problems():
            _fail(session, problems)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A session that a test ended with status 0 has failed all the same, where a golden did."""
        if int(exitstatus) == 0 and any(self.by_test.get(test) for test in self.failed):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def problems(self) -> list[str]:
        """What the tests left out, one sentence each; none of a session that asks nothing of the harness."""
        if self.expected is None:
            return []
        told = set().union(*(ids for test, ids in self.by_test.items() if test in self.failed))
        cases, asked = set(self.expected["goldens"]), set(self.expected["asked"])
        problems = []
        hidden = sorted(i for i, failed in self.compared.items() if failed and i not in told)
        if hidden:
            problems.append(f"{_ids(hidden)}: not as accepted, and no test failed: let it call golden.check()")
        if cases and (cases <= asked or (asked and not self.selected)):
            if lacking := sorted(cases - set(self.compared) - told):
                problems.append(
                    f"{_ids(lacking)}: compared by no test, though the session was for every golden: "
                    "let each test that asks for golden call golden.check(), and skip none"
                )
        elif not self.compared and not told and (asked or (self.expected["accepted"] and not self.selected)):
            problems.append(
                "nothing was compared with a golden: add `def test_golden(golden): golden.check()`, "
                "or choose the tests that you mean with -k or -m"
            )
        return problems


def _ids(ids: list[str]) -> str:
    rest = [text.count(len(ids) - _SHOWN, "more golden")] if len(ids) > _SHOWN else []
    return text.joined([*ids[:_SHOWN], *rest])


def _fail(session: pytest.Session, problems: list[str]) -> None:
    """One more test that fails, for the exit status and for whatever reports on tests."""
    nodeid, location = "goldens::compared", ("goldens", None, "compared")
    hook = session.config.hook
    hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
    failed = pytest.TestReport(nodeid, location, {}, "failed", "\n".join(problems), "call")
    hook.pytest_runtest_logreport(report=failed)
    hook.pytest_runtest_logreport(report=pytest.TestReport(nodeid, location, {}, "passed", None, "teardown"))
    hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
