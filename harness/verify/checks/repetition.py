"""The second run of tests that must agree with a candidate of theirs before it becomes golden."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import permutations

from harness.core.errors import ApprovalError, GoldenError
from harness.core.ids import GoldenId, is_of_a_test
from harness.core.project import Project
from harness.core.protocol import Artifact
from harness.store.candidates import read_candidate
from harness.verify.checks.book import CheckBook
from harness.verify.checks.document import RULES, names_of
from harness.verify.checks.session import CheckSession, run_checks_of_tests


class TestReferee:
    """Runs the tests of candidates again, all of them in one session, when the first is asked for."""

    __test__ = False  # pytest takes it for one

    def __init__(self, project: Project, ids: Sequence[str]) -> None:
        self.project, self.book = project, CheckBook(project)
        self.ids = [identity for identity in ids if is_of_a_test(identity)]

    @cached_property
    def _session(self) -> CheckSession:
        """The second run."""
        files = set()
        for identity in self.ids:
            try:
                test = str(read_candidate(self.project, identity)[2].get("test", ""))
            except GoldenError:
                test = ""
            files.add(test.partition("::")[0])
        known = all(files) and all((self.project.root / file).is_file() for file in files)
        return run_checks_of_tests(self.project, self.ids, sorted(files) if known else ())

    def rerun(self, identity: GoldenId) -> Artifact:
        """What a test checks when it runs again; raises ApprovalError where it fails, or moves a value and its rule."""
        if both := self.book.moves_both(identity, read_candidate(self.project, identity)[0]):
            raise ApprovalError(both)
        if self._session.problem:
            raise ApprovalError(f"{identity}: {self._session.problem}")
        found = self._session.tests.get(identity)
        if found is None:
            raise ApprovalError(f"{identity} is of no test that runs: reject the candidate, or bring the test back")
        if found.outcome != "passed" or found.artifact is None:
            raise ApprovalError(f"{identity}: its test {found.outcome} when it ran again: {found.error}")
        if changed := _changed(read_candidate(self.project, identity)[0], found.artifact):
            test = str(read_candidate(self.project, identity)[2].get("test", "")) or "the test"
            raise ApprovalError(f"{identity}: {changed} since its candidate was kept: run {test} again, then accept")
        return found.artifact


def _changed(candidate: Artifact, fresh: Artifact) -> str:
    """How a test is another than the one that a candidate is of; empty where it is not."""
    gone, came = (sorted(a - b) for a, b in permutations((names_of(candidate), names_of(fresh))))
    if gone or came:
        return f"the test changed what it checks ({', '.join([*gone, *came])})"
    return "the test changed its rules" if candidate.values.get(RULES, {}) != fresh.values.get(RULES, {}) else ""
