"""A session that ``harness`` starts to see what tests check: it runs those tests alone, and judges nothing.

What they checked goes into a folder, file by file as tests end. The folder is whole once ``done.json`` is there, which
the process writes that was started, at its very end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError
from harness.core.ids import GoldenId

if TYPE_CHECKING:
    from harness.core.protocol import Artifact
    from harness.plugin.session import GuardedSession

WANTED, COLLECTED, DONE = "wanted.json", "collected.json", "done.json"
_LONGEST = 20_000  # characters of an error


def write_checked(folder: Path, identity: GoldenId, document: Artifact) -> None:
    """Put what a test checked into the folder."""
    from harness.core.artifacts import dump_artifact
    from harness.verify.checks.document import CHECK_SCHEMA

    for suffix, content in dump_artifact(document, CHECK_SCHEMA).items():
        path = folder / f"{identity}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def choose_checking(guarded: GuardedSession, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave those tests alone that check something, and of these the wanted ones."""
    from harness.plugin.checks import identity_of_test
    from harness.plugin.session import uses_check

    assert guarded.collects is not None
    wanted = json.loads((guarded.collects / WANTED).read_text(encoding="utf-8"))
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    collected: list[str] = []
    for item in items:
        identity = ""
        if uses_check(item):
            try:
                identity = identity_of_test(item)
            except HarnessError:
                identity = item.nodeid  # which its fixture tells, as a failure
            collected.append(identity)
        (chosen if identity and (wanted is None or identity in wanted) else others).append(item)
    (guarded.collects / COLLECTED).write_text(json.dumps(collected), encoding="utf-8")
    items[:] = chosen
    if others:
        config.hook.pytest_deselected(items=others)


class Collector:
    """What became of each test, by its id; written when the session is over."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tests: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take down what could not be collected."""
        if report.failed:
            self.errors.append(f"{report.nodeid}: {_last(report.longreprtext)}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down a test's outcome: the worst of its phases."""
        identity = getattr(report, "harness_asked", "") or report.nodeid
        about = self.tests.setdefault(identity, {"test": report.nodeid, "outcome": "passed", "error": "", "seconds": 0})
        about["seconds"] += report.duration
        if report.failed or (report.skipped and about["outcome"] == "passed"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else _last(report.longreprtext)
            reason = getattr(report, "wasxfail", "") or reason
            details = report.longreprtext[:_LONGEST] if report.failed else ""
            about |= {"outcome": report.outcome, "error": reason or report.outcome, "details": details}

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """The session is whole."""
        about = {"status": int(exitstatus), "tests": self.tests, "errors": self.errors}
        part = self.folder / f"{DONE}.part"
        part.write_text(json.dumps(about), encoding="utf-8")
        part.rename(self.folder / DONE)


def _last(text: str) -> str:
    """The line of a failure that says what was raised."""
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    rest = [line for line in text.splitlines() if line.strip()]
    return (lines or rest[-1:] or [""])[0]
