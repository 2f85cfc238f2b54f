"""The end of a session: what all its workers compared, held against what its tests were made for.

It lives in the process that a user started, which hears of every test by its report.
"""

from __future__ import annotations

from typing import Any

import pytest

from harness.core import text
from harness.core.ids import is_of_a_test
from harness.plugin.conclusion import conclusion
from harness.plugin.examinations import cache_warnings
from harness.plugin.session import CHECK_ID, COMPARED, GuardedSession, StoreItem, asked_golden
from harness.plugin.session_facts import SessionFacts

_SHOWN = 5  # ids, of many
_REMARKS = 20  # lines on warnings and on what is ignored
_OWN_ITEMS = ("::store", "::compared")
_SELECTING = ("-k", "-m", "--lf", "--last-failed", "--deselect", "--ignore", "--sw", "--stepwise")


def is_selective(config: pytest.Config) -> bool:
    """Whether whoever started a session chose among its tests: what its configuration leaves out is always left out."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    return named or any(str(a).startswith(_SELECTING) for a in config.invocation_params.args)


def annotate(item: pytest.Item, report: Any) -> None:
    """Write into a test's report what the end of the session has to know, in a form that crosses processes."""
    compared = item.stash.get(COMPARED, None)
    report.harness_compared = dict(compared or {})
    report.harness_asked = asked_golden(item) or item.stash.get(CHECK_ID, "")
    if isinstance(item, StoreItem) and report.when == "call":
        report.harness_expected = item.expected


class Ledger:
    """What was compared, by which tests, and what should have been."""

    def __init__(self, config: pytest.Config, guarded: GuardedSession) -> None:
        self.selected = guarded.selected
        self.idle = any(config.getoption(name, False) for name in ("collectonly", "setuponly", "setupplan"))
        self.guarded, self.facts = guarded, SessionFacts()
        self.failed: set[str] = set()
        self.skipped: dict[str, str] = {}  # tests that check values themselves, and why they did not: by their goldens
        self.late: list[str] = []
        self.looked = False
        self.session: pytest.Session | None = None
        config.add_cleanup(self._last_word)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Know the session to its end."""
        self.session = session

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take down what a test compared: of a worker that ends at once nothing else will tell."""
        compared = getattr(report, "harness_compared", {})
        self.facts.compared.update(compared)
        asked = getattr(report, "harness_asked", "")
        self.facts.by_test.setdefault(report.nodeid, []).extend(filter(None, (*compared, asked)))
        if report.failed:
            self.failed.add(report.nodeid)
        if report.skipped and is_of_a_test(asked):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
            self.skipped[asked] = text.line(reason)
        self.facts.expected = getattr(report, "harness_expected", None) or self.facts.expected

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take in what a worker saw."""
        if facts := getattr(node, "workeroutput", {}).get("harness_facts"):
            self.facts.add(SessionFacts(**facts))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Any:
        """After the last test, fail once more where something was left out."""
        result = yield
        self.looked = True
        if problems := self.problems():
            _fail(session, problems)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A session that something ended with status 0 has failed, where goldens failed or were left out."""
        if int(exitstatus) == 0 and not self.looked:
            self.late = self.problems()
        self._last_word()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how many goldens were compared, since a session may pass without any."""
        for problem in self.late:
            terminalreporter.write_line(f"harness: {problem}", red=True)
        project = self.guarded.project
        if self.idle or terminalreporter.config.option.verbose < -1:
            return
        if project and not project.declared and not (self.facts.collected or self.facts.expected):
            return  # a session of a repository that has nothing to do with the harness
        number, bad = len(self.facts.compared), sum(self.facts.compared.values())
        due = {*(self.facts.expected or {}).get("checks", ())} - set(self.facts.compared)
        skipped = [f"{i} was not: {why}" for i, why in sorted(self.skipped.items()) if i in due]
        well = number and not bad and self.session is not None and int(self.session.exitstatus) == 0
        told = ", as accepted" if well else f", {bad} of them not as accepted" if bad else ""
        counted = text.count(number, "golden") if number else "no golden"
        also = "".join(f"; {sentence}" for sentence in [*skipped[:_SHOWN], *_rest(skipped, "more golden")])
        if project is not None:
            store = [*self.guarded.facts.store, *(s for s in self.facts.store if s not in self.guarded.facts.store)]
            for line in conclusion(terminalreporter.config, project, self.facts.reports, store):
                terminalreporter.write_line(line)
        for note in cache_warnings(terminalreporter.config):
            terminalreporter.write_line(f"harness: {text.line(note)}", yellow=True)
        terminalreporter.write_line(f"harness: {counted} {'was' if number < 2 else 'were'} compared{told}{also}")
        told_of = [line for lines in self.facts.remarks.values() for line in lines]
        for each in [*told_of[:_REMARKS], *_rest(told_of[_REMARKS - _SHOWN :], "more remark")]:
            terminalreporter.write_line(f"harness: {text.line(each)}", yellow=True)

    def _last_word(self) -> None:
        """See that the exit status says so, where it should: here for the last time, after every hook."""
        ours = {test for test in self.failed if test in self.facts.chosen or test.endswith(_OWN_ITEMS)}
        told = any(self.facts.by_test.get(test) for test in self.failed)
        if self.session is not None and int(self.session.exitstatus) == 0 and (ours or told or self.late):
            self.session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def problems(self) -> list[str]:
        """What the tests left out, one sentence each; none of a session that asks nothing of the harness."""
        if self.idle:
            return []
        facts = SessionFacts()
        facts.add(self.facts)
        facts.add(self.guarded.facts)
        self.facts = facts
        problems = [*_of_the_session(facts, self.failed), *self._replaced()]
        if facts.expected is None:
            return [*problems, *self._shadowed()]
        told = set().union(*(ids for test, ids in facts.by_test.items() if test in self.failed))
        problems += self._unchecked(facts, told)
        cases, asked = set(facts.expected["goldens"]), set(facts.expected["asked"])
        hidden = sorted(i for i, failed in facts.compared.items() if failed and i not in told and not is_of_a_test(i))
        if hidden:
            problems.append(f"{_ids(hidden)}: not as accepted, and no test failed: let it call golden.check()")
        whole = bool(cases) and (cases <= asked or (bool(asked) and not self.selected))
        lacking = sorted((cases if whole else cases & asked) - set(facts.compared) - told)
        if lacking and (whole or facts.compared):
            why = "the session was for every golden" if whole else "tests of them were chosen"
            problems.append(
                f"{_ids(lacking)}: compared by no test, though {why}: "
                "let each test that asks for golden call golden.check(), and skip none"
            )
        elif not facts.compared and not told and (asked or (facts.expected["accepted"] and not self.selected)):
            problems.append(
                "nothing was compared with a golden: add `def test_golden(golden): golden.check()`, "
                "or choose the tests that you mean with -k or -m"
            )
        return problems

    def _unchecked(self, facts: SessionFacts, told: set[str]) -> list[str]:
        """Goldens of tests that the session had to compare and did not, or that differ though no test failed."""
        from harness.core.project import in_ci

        expected = facts.expected or {}
        hidden = sorted(i for i, failed in facts.compared.items() if failed and i not in told and is_of_a_test(i))
        problems = (
            [f"{_ids(hidden)}: not as accepted, and no test failed: let it fail (xfail hides it)"] if hidden else []
        )
        lacking = sorted(set(expected["checks"]) - set(facts.compared) - told)
        skipped = [i for i in lacking if i in self.skipped]
        if skipped and in_ci():
            problems.append(f"{_ids(skipped)}: skipped ({self.skipped[skipped[0]]}): in CI every golden is compared")
        if rest := [i for i in lacking if i not in self.skipped]:
            problems.append(
                f"{_ids(rest)}: compared by no test, though the session was for it: its test was left out by something "
                "else than -k or -m"
            )
        return problems

    def _replaced(self) -> list[str]:
        """What goldens were judged by and is no longer there."""
        from harness.verify.checks.book import rules_for_tests
        from harness.verify.standards import replaced_standards

        if (project := self.guarded.project) is None:
            return []
        scenarios = replaced_standards(project, self.facts.judged_by) if self.facts.judged_by else []
        modules = self.facts.checked_by
        return [*scenarios, *(replaced_standards(project, modules, rules_for_tests) if modules else [])]

    def _shadowed(self) -> list[str]:
        """A whole session whose tests have a fixture in the place of ``golden``, and compare nothing."""
        if self.selected or self.facts.compared or not self.facts.shadowed:
            return []
        return [
            f"nothing was compared with a golden: the fixture golden of {self.facts.shadowed[0]} stands in the place "
            "of the harness's: give it another name"
        ]


def _of_the_session(facts: SessionFacts, failed: set[str]) -> list[str]:
    """What hooks took out of a session, or changed in what it reports."""
    problems = []
    if taken := facts.taken_out:
        problems.append(
            f"{text.joined([*taken[:_SHOWN], *_rest(taken, 'more test')])}: taken out of the session by a hook that "
            "told nobody: let it call pytest_deselected, or leave them in"
        )
    if facts.chosen and (not facts.item or facts.expected is None) and not any(t.endswith(_OWN_ITEMS) for t in failed):
        problems.append(
            "the store of goldens was not checked, though tests that use them were chosen: a hook or a test took that "
            "out or ended the session; run pytest without it, or `harness verify`"
        )
    if facts.store and not any(test.endswith(_OWN_ITEMS) for test in failed):
        problems += facts.store  # a hook changed what the item reported
    return problems


def _ids(ids: list[str]) -> str:
    return text.joined([*ids[:_SHOWN], *_rest(ids, "more golden")])


def _rest(names: list[str], what: str) -> list[str]:
    return [text.count(len(names) - _SHOWN, what)] if len(names) > _SHOWN else []


def _fail(session: pytest.Session, problems: list[str]) -> None:
    """One more test that fails, for the exit status and for whatever reports on tests."""
    nodeid, location = "goldens::compared", ("goldens", None, "compared")
    hook = session.config.hook
    hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
    failed = pytest.TestReport(nodeid, location, {}, "failed", "\n".join(problems), "call")
    hook.pytest_runtest_logreport(report=failed)
    hook.pytest_runtest_logreport(report=pytest.TestReport(nodeid, location, {}, "passed", None, "teardown"))
    hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)
