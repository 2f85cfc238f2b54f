"""What is wrong with the store itself, whatever the values are: orphans, unapproved edits, goldens left uncompared.

Nothing here runs a stage, so that every door can ask: ``harness verify`` after it judged, pytest before it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.core.project import Project, in_ci
from harness.judge.schema import Schemas
from harness.store.approval_check import chain_problems
from harness.store.goldens import Goldens
from harness.verify.coverage import accepted_of_stages, coverage_problems, training_problems
from harness.verify.ensembles.budget import overspent
from harness.verify.examination import Examination
from harness.verify.rule_gaps import rule_problems
from harness.verify.standards import replaced_standards

Examinations = Mapping[str, Examination]


def store_problems(project: Project, examinations: Examinations, complete: bool, rules: bool = True) -> list[str]:
    """One sentence for everything; ``complete``: every scenario is examined, as it is configured.

    ``rules``: whether those that match nothing, and values without one, are looked for; it takes all goldens.
    """
    verdicts = {sentence for e in examinations.values() for sentence in e.damaged.values()}  # these tell already
    problems = [*project.problems(), *(p for p in chain_problems(project) if p not in verdicts)]
    problems += rule_problems(examinations, complete) if rules else []
    problems += coverage_problems(examinations, complete)
    judged = {name: e.judged_by() for name, e in examinations.items() if not e.scenario.missing}
    problems += replaced_standards(project, judged)
    for examination in examinations.values():
        problems += training_problems(examination)
    if in_ci():
        skipped = [e.scenario.name for e in examinations.values() if e.scenario.missing]
        problems += [f"scenario {name} was skipped: in CI every golden is compared" for name in skipped]
    return [*problems, *_of_the_whole(project, examinations)] if complete else problems


def _of_the_whole(project: Project, examinations: Examinations) -> Iterator[str]:
    """What only a verification of every scenario can tell."""
    held = [interval for e in examinations.values() for interval in e.ensemble.values()]
    if (share := overspent(held)) > 1 + 1e-9:
        yield (
            f"{len(held)} values are judged by intervals that were made for {min(i.values for i in held)}: false "
            f"alarms come up to {share:.3g} times as often as stated; calibrate again, with --extend of what there is"
        )
    for identity in accepted_of_stages(Goldens.of(project).manifest()):
        if identity.scenario not in examinations:
            yield f"golden {identity} belongs to no stage of any scenario: remove it with `harness prune`"
    used = {path.stem for path in Schemas(project.schemas).files()}
    wanted = {f"{s.artifact}.schema" for s in project.pipeline.stages if s.main}
    yield from (f"schema {name}.json is of no artifact" for name in sorted(used - wanted))
