"""Whether schemas and rules that are there already still fit what the stages give now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.core.ids import CHECK, CONFIGURATION, INVARIANTS
from harness.core.protocol import Json
from harness.core.verdicts import Verdict
from harness.host.project import HostedProject
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rule, Rules
from harness.judge.schema import Schemas, schema_document
from harness.setup.measuring.samples import Measured, Sample
from harness.verify.coverage import judged_tier
from harness.verify.rule_gaps import artifact_of, pattern_of, rule_sentences, values_by_address
from harness.verify.standards import levels_of, rules_of

_NOT_OF_STAGES = (CHECK, CONFIGURATION, INVARIANTS)


def misfit_schemas(project: HostedProject, samples: Sequence[Sample], artifacts: Sequence[str]) -> list[str]:
    """A sentence for each thing that the kept schemas of ``artifacts`` do not allow; ``samples``: what there is now."""
    schemas, found = Schemas(project.schemas), {}
    for sample in samples:
        if not sample.replayed and sample.stage.artifact in artifacts:
            schema = schemas.of(sample.stage.artifact)
            place = schema.path.relative_to(project.root).as_posix()
            for problem in schema.problems(schema_document(sample.base, schema.identity)):
                found[f"{place}: {problem.path}: {problem.message}"] = True
    return list(found)


def misfit_rules(project: HostedProject, measured: Measured) -> list[str]:
    """A sentence for each value that kept rules leave out or cannot judge, and for each rule that speaks of nothing.

    A run is judged against itself: what fails there would fail in every verification.
    """
    found: dict[str, bool] = {}
    known: dict[str, dict[str, Json]] = {}
    rules: dict[str, Rules] = {}
    for sample in measured.samples:
        if sample.scenario not in rules:
            written = rules_of(project.goldens, sample.scenario)
            rules[sample.scenario] = written.under(lambda: levels_of(project.pipeline))
        values = values_by_address(sample.base, sample.prefix)
        known.setdefault(sample.scenario, {}).update(values)
        found |= dict.fromkeys(rule_sentences(rules[sample.scenario], values), True)
        found |= dict.fromkeys(_unfit(rules[sample.scenario], sample), True)
    for scenario, values in measured.stored.items():
        known.setdefault(scenario, {}).update(values)
    stale = _idle(rules, known) if measured.complete else ()
    return [*found, *stale]


def _unfit(rules: Rules, sample: Sample) -> Iterator[str]:
    """Why a rule that speaks of a value cannot let that value itself pass, such as a NaN that it forbids."""
    tier = judged_tier(sample.stage, sample.replayed)
    for verdict in compare_artifact(sample.base, sample.base, rules, sample.prefix, {}, tier):
        rule = rules.find(sample.prefix + verdict.path) if verdict.path else None
        if verdict.status.failed and rule is not None and "interval" not in rule.terms:  # that takes an ensemble
            yield _told(rules, rule, sample, verdict)


def _told(rules: Rules, rule: Rule, sample: Sample, verdict: Verdict) -> str:
    address = pattern_of(sample.prefix + verdict.path)
    return f"{rules.place(rule.source)}: {rule.text} does not fit {address} as it is now: {verdict.message}"


def _idle(rules: dict[str, Rules], known: dict[str, dict[str, Json]]) -> Iterator[str]:
    """The rules that match nothing in any scenario that they hold for."""
    used: dict[tuple[str, str], bool] = {}
    for scenario, of_it in rules.items():
        idle = {(rule.source, rule.pattern) for rule in of_it.unmatched(known[scenario])}
        for rule in of_it.rules:
            name = (of_it.place(rule.source), rule.pattern)
            used[name] = used.get(name, False) or (rule.source, rule.pattern) not in idle
    for (place, pattern), is_used in used.items():
        if not is_used and artifact_of(pattern).partition("/")[0] not in _NOT_OF_STAGES:
            yield f"{place}: rule {pattern!r} matches nothing any more"
