"""The candidates that a verification keeps: what it obtained that is not as accepted, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.core import git
from harness.core.artifacts import dump_artifact
from harness.core.protocol import Artifact, Json
from harness.core.verdicts import ArtifactReport, ScenarioReport, Status
from harness.judge.comparison import COMPARATOR
from harness.store.candidates import add_candidate, remove_candidate
from harness.store.manifest import Entry, combined_digest
from harness.verify.coverage import stored_outputs
from harness.verify.examination import Examination
from harness.verify.localisation.stages import furthest, has_no_golden


def keep_candidates(examination: Examination, report: ScenarioReport) -> list[str]:
    """Keep a pending candidate for every artifact that is not as accepted, and no other; gives their ids."""
    if report.skipped:
        return []  # nothing is known of it here
    wanted = wanted_candidates(examination, report.artifacts)
    compute_candidates(examination, wanted)  # all of them, so that Ctrl-C leaves no part of a replay
    kept = [
        identity
        for name in wanted
        if (identity := keep_candidate(examination, *name, why_kept(report, *name, is_accepted(examination, *name))))
    ]
    for name in _decided(examination, report.artifacts):
        if (identity := examination.identity(*name)) not in kept:
            remove_candidate(examination.project, identity)  # an earlier run's, which nobody gets any more
    return kept


def wanted_candidates(examination: Examination, reports: Iterable[ArtifactReport]) -> list[tuple[str, str]]:
    """Track and name of every artifact of which a candidate is wanted, after the ``reports`` on those verified."""
    replay, pipeline, wanted = examination.replay, examination.pipeline, _not_as_accepted(reports)
    beside = [name for name in wanted if name[0] != replay]
    if replay_left_out(examination):
        return beside
    if len(beside) < len(wanted):
        # A stage's stored output is the next one's input: a new golden of one is a new golden of all that follow.
        return [*beside, *((replay, s.artifact) for s in pipeline.stages if s.replay != "no")]
    return [*beside, *_lacking(examination)]


def _lacking(examination: Examination) -> list[tuple[str, str]]:
    """Track and name of what is stored for the replay, where there is no golden of it yet."""
    return [name for name in _stored(examination) if not is_accepted(examination, *name)]


def _stored(examination: Examination) -> list[tuple[str, str]]:
    """Track and name of what is stored for the replay, which verifies nothing of it."""
    return [(examination.replay, artifact) for artifact in stored_outputs(examination.pipeline)]


def compute_candidates(examination: Examination, wanted: Iterable[tuple[str, str]]) -> None:
    """Put into the cache what candidates of the replay will hold."""
    for track, artifact in wanted:
        if track == examination.replay:
            examination.runs.chained(artifact)


def replay_left_out(examination: Examination) -> bool:
    """Whether no candidate of the replay is kept: it would be one of all of the replay, and training is left out."""
    trains = any(s.tier == "statistical" and s.replay != "no" for s in examination.pipeline.stages)
    return trains and not examination.training


def replay_unkept(examination: Examination, reports: Iterable[ArtifactReport]) -> bool:
    """Whether candidates of the replay would be wanted, and none is kept."""
    failed = any(track == examination.replay for track, _ in _not_as_accepted(reports))
    return replay_left_out(examination) and bool(failed or _lacking(examination))


def _decided(examination: Examination, reports: Sequence[ArtifactReport]) -> list[tuple[str, str]]:
    """Track and name of all of which the ``reports`` tell whether a candidate is wanted."""
    replay, judged = examination.replay, {(report.track, report.artifact) for report in reports}
    alone = {(replay, s.artifact) for s in examination.pipeline.stages if s.replay == "verify"}
    told = alone <= judged and not replay_unkept(examination, reports)  # a replay's are kept whole, or not
    return [name for name in (*examination.artifacts, *_stored(examination)) if told or name[0] != replay]


def _not_as_accepted(reports: Iterable[ArtifactReport]) -> list[tuple[str, str]]:
    return [(report.track, report.artifact) for report in reports if needs_candidate(report.verdicts)]


def is_accepted(examination: Examination, track: str, artifact: str) -> bool:
    """Whether there is a golden of an artifact."""
    return examination.identity(track, artifact) in examination.manifest


def why_kept(report: ScenarioReport, track: str, artifact: str, accepted: bool) -> str:
    """Why a candidate of one artifact is kept, in a sentence of its own; ``accepted``: there is a golden of it."""
    found = next((a for a in report.artifacts if (a.track, a.artifact) == (track, artifact)), None)
    if not accepted or (found and has_no_golden(found)):
        return "there is no golden yet"
    if found is None or not found.failed:
        return "better than accepted" if found and found.improved else _BESIDE
    reason = furthest(found)
    finding = next((f for f in report.diagnosis.findings if f.stage == found.stage), None)
    if finding and finding.verdict == "input already wrong" and report.diagnosis.first and track == report.profile:
        return f"{reason}; its input is wrong already: look at {report.diagnosis.first} first"
    return reason


_BESIDE = "as accepted; it is kept beside the others, since each stage's stored output is the next one's input"


def keep_candidate(examination: Examination, track: str, artifact: str, why: str) -> str:
    """Keep what is obtained now as a candidate; gives its id, empty when nothing is, or the golden itself."""
    obtained = examination.candidate(track, artifact)
    if obtained is None:
        return ""
    identity, schema = examination.identity(track, artifact), examination.schema_of(track, artifact)
    if is_golden(examination.manifest.get(identity), obtained, schema):
        return ""  # such as a replay's, beside others that did change
    kept = add_candidate(examination.project, identity, obtained, schema, candidate_origin(examination, why))
    return identity if kept else ""


def is_golden(entry: Entry | None, candidate: Artifact, schema: str) -> bool:
    """Whether a candidate is the golden itself, to the byte."""
    if entry is None or (entry.schema, entry.comparator) != (schema, COMPARATOR):
        return False
    return combined_digest(dump_artifact(candidate, schema))[1] == entry.sha256


def candidate_origin(examination: Examination, why: str) -> dict[str, Json]:
    """What a candidate of this examination was made with, and why it is kept."""
    return {
        "why": why,
        "commit": git.head(examination.project.root),  # where there is none yet, accepting will say so
        "seeds": config_seeds(examination.scenario.config),
        "comparator": COMPARATOR,
        "environment": examination.runs.runner.environment,
        "tolerances": examination.rules.digest,
    }


def needs_candidate(verdicts: Iterable[Any]) -> bool:
    """Whether some verdict fails, or is better than accepted."""
    return any(v.status.failed or v.status is Status.IMPROVED for v in verdicts)


def config_seeds(config: Any, path: str = "") -> dict[str, int]:
    """Every seed of a configuration by its dotted name."""
    seeds: dict[str, int] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            seeds |= config_seeds(value, f"{path}{key}.")
        elif key.endswith("seed") and isinstance(value, int):
            seeds[f"{path}{key}"] = value
    return seeds
