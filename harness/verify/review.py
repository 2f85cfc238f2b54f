"""Looking at candidates before they become golden, and the second fresh run that must agree with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

from harness.core import git
from harness.core.errors import ApprovalError, GoldenError
from harness.core.ids import CHECK, ENSEMBLES, GoldenId, is_of_a_test
from harness.core.project import Project
from harness.core.protocol import Artifact, Tier
from harness.core.verdicts import FOR_REVIEW, ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.judge.comparison import compare_artifact
from harness.judge.ensemble import intervals
from harness.report.folder import write_report
from harness.run.runner import Runner, environment
from harness.run.shared.cache import project_cache
from harness.store.candidates import list_pending, read_candidate, stored_candidate
from harness.store.goldens import Golden
from harness.store.manifest import combined_digest
from harness.verify.checks.book import CheckBook
from harness.verify.coverage import OWN_SCHEMAS, judged_tier
from harness.verify.examination import Examination


@dataclass(frozen=True)
class Review:
    """Candidates beside their goldens."""

    project: Project
    report: Report
    pairs: dict[tuple[str, str, str], tuple[Artifact | None, Artifact | None]]

    def write(self, folder: Path) -> Path:
        """A page with old, new and difference; gives its path."""

        def find(scenario: str, track: str, artifact: str) -> tuple[Artifact | None, Artifact | None]:
            return self.pairs.get((scenario, track, artifact), (None, None))

        return write_report(self.report, self.project.pipeline.views, find, folder)["report.html"]


def review_candidates(project: Project, ids: Sequence[str] = ()) -> Review:
    """The candidates ``ids``, or all, each compared with its golden under the accepted rules."""
    waiting = {p.identity: p for p in list_pending(project)}
    unknown = [identity for identity in ids if identity not in waiting]
    if unknown:
        known = ", ".join(waiting) or "nothing is pending: run `harness verify` first"
        raise ApprovalError(f"{unknown[0]} is not pending; pending: {known}")
    examiner = Examiner(project, Runner(project.pipeline, project_cache(project)))
    pairs: dict[tuple[str, str, str], tuple[Artifact | None, Artifact | None]] = {}
    reports: dict[tuple[str, str], list[ArtifactReport]] = {}
    for identity in ids or sorted(waiting):
        if waiting[identity].kind != "golden":
            continue
        golden_id = GoldenId.parse(identity)
        scenario, track, artifact = golden_id.scenario, golden_id.track, golden_id.artifact
        candidate = read_candidate(project, identity)[0]
        try:
            golden = examiner.golden(identity)
        except GoldenError:
            golden = None  # damaged; its candidate is there to replace it
        pairs[scenario, track, artifact] = (golden.artifact if golden else None, candidate)
        verdicts = examiner.judge(identity, golden.artifact, candidate) if golden else _first(candidate)
        profile = CHECK if is_of_a_test(identity) else project.profile
        stage = CHECK if profile == CHECK else artifact
        reports.setdefault((scenario, profile), []).append(ArtifactReport(stage, artifact, track, tuple(verdicts)))
    titles = project.pipeline.scenarios()
    scenarios = tuple(
        ScenarioReport(name, profile, titles.get(name, name), tuple(r), (), FOR_REVIEW)
        for (name, profile), r in reports.items()
    )
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    report = Report(project.pipeline.name, "candidates", environment(project.pipeline), now, 0.0, scenarios)
    return Review(project, report, pairs)


@dataclass(frozen=True)
class ReviewedState:
    """What somebody looked at: the commit, the source and the manifest, and the digest of each candidate."""

    commit: str
    subject: str
    candidates: Mapping[str, str]


def reviewed_state(project: Project, ids: Iterable[str]) -> ReviewedState:
    """What there is to look at now."""
    from harness.verify.suite import verification_subject

    digests = {identity: combined_digest(stored_candidate(project, identity).files)[1] for identity in ids}
    return ReviewedState(git.head(project.root), verification_subject(project), digests)


def refuse_moved(project: Project, seen: ReviewedState, goldens: bool = True) -> None:
    """Raise ApprovalError where what somebody looked at is not what there is any more; they took their time.

    The code that runs again would be the one that was imported then, and the candidate another's. ``goldens``: they
    must be the same, too.
    """
    pending = {p.identity for p in list_pending(project)}
    for identity in seen.candidates.keys() & pending:
        if reviewed_state(project, [identity]).candidates != {identity: seen.candidates[identity]}:
            raise ApprovalError(f"{identity} is another candidate now than the one that was reviewed: review again")
    now = reviewed_state(project, [])
    if now.commit != seen.commit or (goldens and now.subject != seen.subject):
        raise ApprovalError(
            "the commit, the source or the goldens changed while candidates were reviewed: verify and review again"
        )


def _first(candidate: Artifact) -> list[Verdict]:
    """A first golden has nothing to be compared with: its values are shown."""
    from harness.core.artifacts import describe_array
    from harness.core.trees import leaves

    values = [Verdict(p, Status.MISSING, "exact", "new", obtained=v) for p, v in leaves(candidate.values) if p]
    arrays = [
        Verdict(n, Status.MISSING, "exact", "new", obtained=describe_array(a)) for n, a in candidate.arrays.items()
    ]
    return values + arrays or [Verdict("", Status.MISSING, "exact", "new", obtained="no values")]


class Examiner:
    """Examinations by id, and the comparison of two artifacts of one id."""

    def __init__(self, project: Project, runner: Runner) -> None:
        self.project, self.runner = project, runner
        self._examinations: dict[tuple[str, str], Examination] = {}

    def of(self, identity: str) -> Examination:
        """The examination that an id belongs to."""
        golden_id = GoldenId.parse(identity)
        replayed = golden_id.track == self.project.pipeline.replay_profile
        key = (golden_id.scenario, self.project.profile if replayed else golden_id.track)
        if key not in self._examinations:
            self._examinations[key] = Examination(self.project, self.runner, *key)
        return self._examinations[key]

    @cached_property
    def book(self) -> CheckBook:
        """What was accepted of tests."""
        return CheckBook(self.project)

    def golden(self, identity: str) -> Golden | None:
        """What was accepted, of a scenario or of a test; raises GoldenError where it is damaged."""
        golden_id = GoldenId.parse(identity)
        if is_of_a_test(identity):
            return self.book.golden(golden_id)
        return self.of(identity).golden(golden_id.track, golden_id.artifact)

    def judge(self, identity: str, golden: Artifact, obtained: Artifact) -> list[Verdict]:
        """``obtained`` against ``golden`` under the rules, as a verification would."""
        golden_id = GoldenId.parse(identity)
        if is_of_a_test(identity):
            return self.book.judge(golden_id, golden, obtained)
        track, artifact = golden_id.track, golden_id.artifact
        examination = self.of(identity)
        if artifact in ENSEMBLES:
            return list(_judge_ensemble(golden, obtained))
        tier: Tier = "exact"
        if artifact not in OWN_SCHEMAS:
            tier = judged_tier(examination.runs.stage(artifact), track == examination.replay)
        prefix = examination.prefix(track, artifact)
        return list(compare_artifact(golden, obtained, examination.rules, prefix, examination.ensemble, tier))


def _judge_ensemble(golden: Artifact, obtained: Artifact) -> Iterable[Verdict]:
    """A first member that was run again lies within what the ensemble says, at every address."""
    by_address = intervals(golden)
    for address, draws in obtained.values["draws"].items():
        within = by_address.get(address)
        if within is None:
            yield Verdict(
                address, Status.UNEXPECTED, "statistical", "the ensemble has no such value", obtained=draws[0]
            )
            continue
        held = within.low <= draws[0] <= within.high
        allowed = f"{within.low:.6g} to {within.high:.6g}"
        message = "" if held else f"a member run again gives {draws[0]:.6g}, outside {allowed}"
        yield Verdict(
            address,
            Status.PASS if held else Status.FAIL,
            "statistical",
            message,
            "interval",
            within.mean,
            draws[0],
            allowed,
        )
