"""What is wrong with the store itself, whatever the values are: orphans, unapproved edits, rules that match nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.core.errors import GoldenError
from harness.core.ids import ENSEMBLE, GoldenId
from harness.core.project import Project, in_ci
from harness.core.trees import leaves
from harness.core.verdicts import ArtifactReport
from harness.judge.rules import Rule
from harness.judge.schema import Schemas
from harness.store.approval_check import chain_problems
from harness.store.goldens import Goldens
from harness.verify.coverage import stored_outputs
from harness.verify.examination import Examination

Examinations = Mapping[str, Examination]


def store_problems(project: Project, examinations: Examinations, complete: bool) -> list[str]:
    """One sentence for everything; ``complete``: every scenario was examined, as it is configured."""
    verdicts = {sentence for e in examinations.values() for sentence in e.damaged.values()}  # these tell already
    problems = [*project.problems(), *(p for p in chain_problems(project) if p not in verdicts)]
    if not all(e.training for e in examinations.values()):
        return problems  # rules and goldens of what training decides have nothing to be held against
    problems += unused_rules(examinations, complete)
    return [*problems, *_of_the_whole(project, examinations)] if complete else problems


def _of_the_whole(project: Project, examinations: Examinations) -> Iterator[str]:
    """What only a verification of every scenario can tell."""
    spent = sum(len(e.ensemble) for e in examinations.values())
    shared = min((i.values for e in examinations.values() for i in e.ensemble.values()), default=spent)
    if spent > shared:
        yield (
            f"{spent} values are judged by intervals that were made for {shared}: false alarms come more often than "
            "stated; raise values in [tool.harness] and calibrate again"
        )
    known = known_goldens(examinations)
    tracks = {e.profile for e in examinations.values()} | {e.replay for e in examinations.values()}
    for text, entry in Goldens.of(project).manifest().items():
        if entry.kind != "golden":
            continue
        identity = GoldenId.parse(text)
        here = identity.scenario not in examinations or identity.track in tracks
        if here and identity not in known:
            yield f"golden {identity} belongs to no stage of any scenario: remove it with `harness prune`"
    if in_ci():
        skipped = [e.scenario.name for e in examinations.values() if e.scenario.missing]
        yield from (f"scenario {name} was skipped: in CI every golden is compared" for name in skipped)
    used = {path.stem for path in Schemas(project.schemas).files()}
    wanted = {f"{s.artifact}.schema" for s in project.pipeline.stages if s.main}
    yield from (f"schema {name}.json is of no artifact" for name in sorted(used - wanted))


def known_goldens(examinations: Examinations) -> set[str]:
    """Every id that some examination would compare, or read."""
    known: set[str] = set()
    for examination in examinations.values():
        known |= {examination.identity(*name) for name in examination.artifacts}
        known |= {examination.identity(examination.replay, a) for a in stored_outputs(examination.pipeline)}
        known.add(examination.identity(examination.profile, ENSEMBLE))
    return known


def unused_rules(examinations: Examinations, complete: bool) -> list[str]:
    """Rules that match nothing: a scenario's own in that scenario, shared ones in all of them."""
    unused: dict[tuple[Path, str], int] = {}
    loaded: dict[tuple[Path, str], int] = {}
    for examination in (e for e in examinations.values() if not e.scenario.missing):
        reports = [examination.report(*name) for name in examination.artifacts]
        if any(r.error or r.blocked for r in reports):
            return []  # what did not run cannot be matched
        addresses = [a for r in reports for a in _addresses(examination, r)]
        idle = {(r.source, r.pattern) for r in examination.rules.unmatched(addresses)}
        for rule in examination.rules.rules:
            name = (rule.source, rule.pattern)
            loaded[name] = loaded.get(name, 0) + 1
            unused[name] = unused.get(name, 0) + (name in idle)
    told = {
        (source, pattern)
        for (source, pattern), times in unused.items()
        if times == loaded[source, pattern] and (complete or source.parent.name in examinations)
    }
    told -= {(r.source, r.pattern) for e in examinations.values() for r in _of_stored(e, told)} if told else set()
    return [
        f"{source.parent.name}/{source.name}: rule {pattern!r} matches nothing: remove it or mend its pattern"
        for source, pattern in unused
        if (source, pattern) in told
    ]


def _of_stored(examination: Examination, patterns: set[tuple[Path, str]]) -> Iterator[Rule]:
    """The rules among ``patterns`` that speak of an output which a replay only stores: acceptance compares by them."""
    wanted = [rule for rule in examination.rules.rules if (rule.source, rule.pattern) in patterns]
    for artifact in stored_outputs(examination.pipeline) if wanted else ():
        with contextlib.suppress(GoldenError):  # a damaged one is told elsewhere
            if golden := examination.golden(examination.replay, artifact):
                prefix = examination.prefix(examination.replay, artifact)
                paths = (*dict(leaves(golden.artifact.values)), *golden.artifact.arrays)
                yield from (rule for rule in wanted if any(rule.matches(prefix + path) for path in paths))


def _addresses(examination: Examination, report: ArtifactReport) -> Iterator[str]:
    """What rules can speak of in an artifact: what was compared, and what was obtained, compared or not."""
    prefix = examination.prefix(report.track, report.artifact)
    yield from (prefix + verdict.path for verdict in report.verdicts)
    if any(v.status.failed and not v.path for v in report.verdicts):  # there was nothing to compare it with
        obtained = examination.obtained(report.track, report.artifact)
        assert obtained is not None
        yield from (prefix + path for path in (*dict(leaves(obtained.values)), *obtained.arrays))
