"""What ``harness verify`` says of tests that check values: the same report, verdict and candidates as for stages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from harness.core import text
from harness.core.errors import GoldenError, HarnessError
from harness.core.ids import CHECK, GoldenId
from harness.core.project import in_ci
from harness.core.protocol import Artifact
from harness.core.verdicts import ArtifactReport, Diagnosis, ScenarioReport, Status, Verdict
from harness.verify.checks.book import CheckBook, rules_for_tests
from harness.verify.checks.housekeeping import gone_test, problems_of_tests
from harness.verify.checks.session import CheckedTest, CheckSession, run_checks_of_tests
from harness.verify.standards import replaced_standards


@dataclass
class TestsVerified:
    """The reports on modules of tests, what is wrong beside them, and the candidates that were kept."""

    __test__ = False  # pytest takes it for one

    book: CheckBook
    session: CheckSession
    reports: tuple[ScenarioReport, ...] = ()
    problems: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)

    def find(self, module: str, artifact: str) -> tuple[Artifact | None, Artifact | None]:
        """Golden and obtained artifact, for pictures; None for one that is not there or not readable."""
        identity = GoldenId(module, CHECK, artifact)
        checked = self.session.tests.get(identity)
        try:
            golden = self.book.golden(identity)
        except GoldenError:
            golden = None  # its verdict tells
        return golden.artifact if golden else None, checked.artifact if checked else None


def verify_tests(
    book: CheckBook, named: Collection[str] = (), finished: Callable[[ScenarioReport], None] | None = None
) -> TestsVerified:
    """Run the tests that check values, or those of the ``named`` modules that have goldens; judge what they checked.

    ``finished`` hears of each module.
    """
    wanted = [identity for identity in book.accepted if identity.scenario in named] if named else None
    session = run_checks_of_tests(book.project, wanted)
    done = TestsVerified(book, session)
    if session.problem:
        done.problems.append(f"{session.problem}: {text.count(len(book.accepted), 'golden')} not compared")
        return done
    modules: dict[str, list[ArtifactReport]] = {}
    for identity in (identity for identity in _ids(done) if wanted is None or identity in wanted):
        report = _report(done, identity)
        modules.setdefault(identity.scenario, []).append(report)
        _keep(done, identity, report)
    done.reports = tuple(module_report(name, reports) for name, reports in modules.items())
    if finished:
        for each in done.reports:
            finished(each)
    gone = [gone_test(identity) for identity in wanted or () if identity not in session.collected]
    done.problems += gone if named else problems_of_tests(book, session.collected)
    judged_by = {module: book.judged_by(module) for module in modules}
    done.problems += replaced_standards(book.project, judged_by, rules_for_tests)
    return done


def left_out_of_tests(book: CheckBook) -> list[str]:
    """What a verification that ran no test has to say of their goldens."""
    return [f"{text.count(len(book.accepted), 'golden')} of tests: `harness verify`"] if book.accepted else []


def _ids(done: TestsVerified) -> Iterator[GoldenId]:
    """Every test that there is, in the order of modules; of one whose name gives no id there is a problem."""
    known = []
    for text_id in done.session.collected:
        try:
            known.append(GoldenId.parse(text_id))
        except GoldenError:
            error = done.session.tests[text_id].error if text_id in done.session.tests else "it has no id"
            done.problems.append(f"{text_id}: {error}")
    yield from sorted(known)


def _report(done: TestsVerified, identity: GoldenId) -> ArtifactReport:
    """The verdicts on one test; one that failed by itself, or did not run, has its own words."""
    checked = done.session.tests.get(identity, CheckedTest("", "failed", "it was not run, though it was collected"))
    if checked.outcome == "skipped":
        why = Verdict("", Status.SKIPPED, "deterministic", f"its test was skipped: {checked.error}")
        if in_ci() and identity in done.book.manifest:
            done.problems.append(f"{identity} was skipped ({checked.error}): in CI every golden is compared")
        return ArtifactReport(CHECK, identity.artifact, CHECK, (why,))
    if checked.outcome == "failed" or checked.artifact is None:
        error, details = checked.error or "its test failed", checked.details
        return ArtifactReport(CHECK, identity.artifact, CHECK, error=error, details=details, seconds=checked.seconds)
    try:
        return done.book.report(identity, checked.artifact, checked.seconds)
    except HarnessError as error:  # rules that cannot be used
        return ArtifactReport(CHECK, identity.artifact, CHECK, error=str(error), seconds=checked.seconds)


def _keep(done: TestsVerified, identity: GoldenId, report: ArtifactReport) -> None:
    """Keep a candidate of a test that is not as accepted, and no older one of one that is."""
    checked = done.session.tests.get(identity)
    if checked is None or checked.artifact is None or checked.outcome != "passed":
        return
    if report.failed or report.improved:
        why = "harness verify" if identity in done.book.manifest else "there is no golden yet"
        done.candidates += filter(None, [done.book.keep(identity, checked.artifact, why, checked.test)])
    else:
        done.book.forget(identity)


def module_report(name: str, reports: list[ArtifactReport]) -> ScenarioReport:
    """The report on a module: its tests are its artifacts."""
    failed = [report.artifact for report in reports if report.failed]
    headline = f"Not as accepted: {text.joined(failed[:3])}" if failed else "All tests are as accepted"
    more = f", and {len(failed) - 3} more" if len(failed) > 3 else ""
    return ScenarioReport(name, CHECK, f"tests of {name}", tuple(reports), (), Diagnosis(f"{headline}{more}"))
