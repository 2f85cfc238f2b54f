"""A mutant is verified from the cheapest on: the configuration, the replays, and the whole run stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.core.errors import HarnessError, ProjectError, RefusedDataError
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.protocol import Artifact
from harness.core.trees import split_tree
from harness.core.verdicts import ArtifactReport, Verdict
from harness.run.cache import Item
from harness.run.work import StageError
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.trial.movement import MovedValue, movements
from harness.study.prove.trial.outcome import UNCOMPARED, MutantOutcome, Slack
from harness.study.prove.trial.tighter import tightest_rule
from harness.verify.examination import Examination
from harness.verify.localisation.stages import localise

RightKeys = Mapping[str, Sequence[str]]
"""By ``track/artifact``, the keys of the right result of its stage, and of what is observed of it (or empty)."""

Held = tuple[list[ArtifactReport], tuple[Verdict, ...]]
"""The reports of some artifacts, and the verdicts on the invariants."""

ENDS_VERIFICATION = (ProjectError, RefusedDataError, StageError)
"""What a fault in a pipeline makes a verification raise, which ends it with status 2."""

_MOST_SLACK = 12  # values that are kept of one survivor


def cheapest_first(examination: Examination) -> Iterator[Held]:
    """The reports of what is verified, in groups: each is computed when it is asked for."""
    artifacts = examination.artifacts
    yield [examination.report(*name) for name in artifacts if name[1] == CONFIGURATION], ()
    if replays := [name for name in artifacts if name[0] == examination.replay]:
        yield [examination.report(*name) for name in replays], ()
    own = [name for name in artifacts if name[0] != examination.replay and name[1] not in (CONFIGURATION, INVARIANTS)]
    for name in own:
        yield [examination.report(*name)], ()
    if (name := (examination.profile, INVARIANTS)) in artifacts:
        yield [examination.report(*name)], examination.invariants()


def tried(mutant: Mutant, examination: Examination, keys: RightKeys) -> MutantOutcome:
    """What a verification says of the scenario with the fault in it; it ends where something is not as accepted."""
    so_far: list[ArtifactReport] = []
    for reports, held in cheapest_first(examination):
        so_far += reports
        if (outcome := caught(mutant, examination, so_far, held)) is not None:
            return outcome
    return let_pass(mutant, slack_of(examination, keys))


def caught(
    mutant: Mutant, examination: Examination, reports: Sequence[ArtifactReport], held: Sequence[Verdict] = ()
) -> MutantOutcome | None:
    """How the reports catch the mutant, and where the diagnosis looks first; None where they do not."""
    broken = [v for v in held if v.status.failed]
    failed = [report for report in reports if report.failed]
    if not failed and not broken:
        return None
    name = examination.scenario.name
    if not failed:
        worst = broken[0]
        return MutantOutcome(mutant, "caught", worst.tier, "", name, worst.path, worst.message, INVARIANTS)
    first = localise(examination.pipeline, reports, held, examination.replay).first or ""
    report = next((r for r in failed if r.stage == first), failed[0])
    blame = report.worst()
    if report.error or report.blocked or blame is None:
        said = report.error or f"{report.blocked} failed"
        return MutantOutcome(mutant, "caught", "error", report.track, name, report.artifact, said, first)
    address = examination.prefix(report.track, report.artifact) + blame.path
    return MutantOutcome(mutant, "caught", blame.tier, report.track, name, address, blame.sentence, first)


def untried(mutant: Mutant, error: Exception) -> MutantOutcome:
    """The outcome of a mutant of which nothing is known, as something else went wrong."""
    said = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
    return MutantOutcome(mutant, "untried", reason=said[:300])


def let_pass(mutant: Mutant, slack: Sequence[Slack]) -> MutantOutcome:
    """The outcome of a mutant that nothing caught: it survived where anything moved."""
    if not slack:
        return MutantOutcome(mutant, "equivalent", reason="no output of any stage moves by more than rounding")
    ranked = sorted(slack, key=lambda s: (-(s.used or 0.0), -s.by))
    return MutantOutcome(mutant, "survived", ranked[0].tier, slack=tuple(ranked[:_MOST_SLACK]))


def slack_of(examination: Examination, keys: RightKeys) -> list[Slack]:
    """What moved, of all that was computed of a scenario."""
    found: list[Slack] = []
    for track, artifact in examination.artifacts:
        if artifact in (CONFIGURATION, INVARIANTS):
            continue
        replayed = track == examination.replay
        run = examination.runs.of(artifact, replayed)
        right, right_observed = keys[f"{track}/{artifact}"]
        of_output = [] if run.key == right else whole_movements(examination, right, run.item)
        if replayed:
            found += slack_in(examination, track, artifact, of_output)
            continue
        seen = _artifact(examination, right_observed), run.observed.artifact() if run.observed else None
        judged = movements(seen[0], seen[1]) if seen[0] and seen[1] else []
        found += slack_in(examination, track, artifact, judged)
        found += [unseen(examination, f"{artifact}/{m.path}", m.by) for m in of_output if not judged]
    return found


def slack_in(examination: Examination, track: str, artifact: str, moved: Sequence[MovedValue]) -> list[Slack]:
    """The slack of what moved in an artifact that passes, by its rules."""
    if not moved:
        return []
    verdicts = {v.path: v for v in examination.report(track, artifact).verdicts}
    return with_rules(examination, examination.prefix(track, artifact), moved, verdicts)


def with_rules(
    examination: Examination, prefix: str, moved: Sequence[MovedValue], verdicts: Mapping[str, Verdict]
) -> list[Slack]:
    """Each movement with the rule that let it pass."""
    found = []
    for movement in moved:
        path, by = movement.path, movement.by
        verdict, rule = verdicts.get(path), examination.rules.find(prefix + path)
        if verdict is None or rule is None:
            found.append(unseen(examination, prefix + path, by))
            continue
        tightest = tightest_rule(rule, prefix + path, verdict.used, verdict.expected)
        name = examination.scenario.name
        found.append(Slack(prefix + path, by, verdict.tier, name, rule.text, verdict.used, tightest))
    return found


def whole_movements(examination: Examination, right: str, item: Item | None) -> list[MovedValue]:
    """How an output moved from the right one; what cannot be read any more has moved, as nobody can say otherwise."""
    kept = examination.runner.cache.get(right)
    if kept is None or item is None:
        raise LookupError(right)
    return movements(Artifact(*split_tree(kept.output())), Artifact(*split_tree(item.output())))


def _artifact(examination: Examination, key: str) -> Artifact | None:
    kept = examination.runner.cache.get(key) if key else None
    return kept.artifact() if kept else None


def unseen(examination: Examination, address: str, by: float) -> Slack:
    """What moved where nothing compares it."""
    return Slack(address, by, UNCOMPARED, examination.scenario.name)
