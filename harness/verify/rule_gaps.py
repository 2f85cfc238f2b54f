"""Rules and values that miss each other: rules that match nothing, and values of which no rule speaks.

Neither needs a run: what was not judged in this process is known by its golden.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from harness.core.artifacts import describe_array
from harness.core.errors import GoldenError
from harness.core.ids import CHECK, CONFIGURATION, INVARIANTS
from harness.core.project import Project
from harness.core.protocol import Artifact, Json
from harness.core.trees import ARRAY, leaves
from harness.core.verdicts import ArtifactReport, Status
from harness.judge.rules import Rules
from harness.store.candidates import read_candidate
from harness.verify.coverage import stored_outputs, verified_artifacts
from harness.verify.examination import Examination

_EXACT, _CLOSE = "{ exact = true }", "{ rtol = 1e-6 }"


def rule_problems(examinations: Mapping[str, Examination], complete: bool) -> list[str]:
    """Unused rules, and lacking ones; ``complete``: every scenario is there, so that shared rules have no excuse."""
    known: dict[str, dict[str, Json]] = {}
    whole = True
    for name, examination in examinations.items():
        if not examination.scenario.missing:
            known[name], all_known = _known_values(examination)
            whole = whole and all_known
    here = {name: examinations[name] for name in known}
    lacking = [line for name, examination in here.items() for line in rule_sentences(examination.rules, known[name])]
    return [*dict.fromkeys(lacking), *(unused_rules(here, known, complete) if whole else [])]


def candidate_rule_problems(project: Project, examination: Examination) -> list[str]:
    """The rules that a scenario's candidates lack; a candidate that cannot be read is another matter."""
    known: dict[str, Json] = {}
    for track, name in verified_artifacts(examination.pipeline, examination.profile):
        with suppress(GoldenError):
            candidate = read_candidate(project, examination.identity(track, name))[0]
            known |= values_by_address(candidate, examination.prefix(track, name))
    return rule_sentences(examination.rules, known)


def unused_rules(
    examinations: Mapping[str, Examination], known: Mapping[str, Mapping[str, Json]], complete: bool
) -> list[str]:
    """Rules that match nothing: a scenario's own in that scenario, shared ones in all of them."""
    unused: dict[tuple[Path, str], int] = {}
    loaded: dict[tuple[Path, str], int] = {}
    for scenario, examination in examinations.items():
        spoken_of = {**known[scenario], **_stored(examination)}  # acceptance compares by the rules of these, too
        idle = {(r.source, r.pattern) for r in examination.rules.unmatched(spoken_of)}
        for rule in (rule for rule in examination.rules.rules if rule.pattern.split("/")[0] != CHECK):  # of tests
            name = (rule.source, rule.pattern)
            loaded[name] = loaded.get(name, 0) + 1
            unused[name] = unused.get(name, 0) + (name in idle)
    return [
        f"{source.parent.name}/{source.name}: rule {pattern!r} matches nothing: remove it or mend its pattern"
        for (source, pattern), times in unused.items()
        if times == loaded[source, pattern] and (complete or source.parent.name in examinations)
    ]


def rule_sentences(rules: Rules, known: Mapping[str, Json]) -> list[str]:
    """A sentence for each rule that has to be written so that a rule speaks of every value in ``known``."""
    place = rules.place(rules.sources[-1])
    return [
        f"{place}: no rule speaks of {pattern}: add {json.dumps(pattern, ensure_ascii=False)} = {terms}"
        for pattern, terms in suggested_rules(rules, known).items()
    ]


def suggested_rules(rules: Rules, known: Mapping[str, Json]) -> dict[str, str]:
    """The terms of the rules to write by their pattern, in the order of ``known``: values by their address."""
    ruled = {artifact_of(a) for a in known if rules.find(a) is not None}
    found: dict[str, list[Json]] = {}
    for address, value in known.items():
        if rules.find(address) is None:
            artifact = artifact_of(address)
            found.setdefault(pattern_of(address) if artifact in ruled else f"{artifact}/**", []).append(value)
    return {pattern: _terms(pattern, values) for pattern, values in found.items()}


def artifact_of(address: str) -> str:
    """The artifact of an address, with the ``replay/`` before it; of a test's value, its module and the test."""
    parts = address.split("/")
    return "/".join(parts[: {"replay": 2, CHECK: 3}.get(parts[0], 1)])


def values_by_address(artifact: Artifact, prefix: str) -> dict[str, Json]:
    """Everything that a comparison looks at in an artifact; an array is there as its description."""
    values: dict[str, Json] = {}
    for path, value in leaves(artifact.values):
        *above, last = path.split("/")
        if last == ARRAY:
            continue  # it stands for an array, which follows
        special = last.startswith("$") and isinstance(value, str)  # what stands for a number that is not finite
        if path:
            values[prefix + ("/".join(above) if special else path)] = 0.0 if special else value
    return values | {prefix + name: describe_array(array) for name, array in artifact.arrays.items()}


def _known_values(examination: Examination) -> tuple[dict[str, Json], bool]:
    """The values of a scenario by their address, and whether that is all of them."""
    known: dict[str, Json] = {}
    whole = True
    for track, name in verified_artifacts(examination.pipeline, examination.profile):
        prefix = examination.prefix(track, name)
        if (report := examination.judged(track, name)) is not None:
            whole = whole and not (report.error or report.blocked)  # what did not run cannot be matched
            known.update(_of_report(examination, report, prefix))
            continue
        golden = _golden(examination, track, name)
        whole = whole and golden is not None
        known.update(values_by_address(golden, prefix) if golden else {})
    return known, whole


def _stored(examination: Examination) -> dict[str, Json]:
    """The values, by address, of outputs that a replay only stores."""
    values: dict[str, Json] = {}
    for name in stored_outputs(examination.pipeline):
        golden = _golden(examination, examination.replay, name)
        values |= values_by_address(golden, examination.prefix(examination.replay, name)) if golden else {}
    return values


def _golden(examination: Examination, track: str, name: str) -> Artifact | None:
    try:
        golden = examination.golden(track, name)
    except GoldenError:
        return None  # its verdict tells
    return golden.artifact if golden else None


def _of_report(examination: Examination, report: ArtifactReport, prefix: str) -> Iterator[tuple[str, Json]]:
    """What was compared, and what only one side has."""
    one_sided = {v.status for v in report.verdicts if v.status in (Status.MISSING, Status.UNEXPECTED) or not v.path}
    for verdict in report.verdicts:
        by_schema = verdict.path.startswith("$") and verdict.rule and not verdict.rule.startswith('"')
        if verdict.path and verdict.status not in one_sided and not by_schema:
            yield prefix + verdict.path, verdict.expected if verdict.obtained is None else verdict.obtained
    if one_sided:  # a branch is one verdict, and where there is no golden there is none of any value
        golden = _golden(examination, report.track, report.artifact)
        for artifact in (golden, examination.obtained(report.track, report.artifact)):
            yield from values_by_address(artifact, prefix).items() if artifact else ()


def pattern_of(address: str) -> str:
    """A pattern for an address and its like: elements of a list are one."""
    parts = ["*" if part.isdigit() else re.sub(r"[\[*]", "?", part) for part in address.split("/")]
    return "/".join(parts)


def _terms(pattern: str, values: list[Json]) -> str:
    exact = all(isinstance(v, bool | int | str | None) and not _is_array_of_floats(v) for v in values)
    return _EXACT if exact or artifact_of(pattern) in (CONFIGURATION, INVARIANTS) else _CLOSE


def _is_array_of_floats(value: Json) -> bool:
    return isinstance(value, str) and value.startswith(("float", "complex"))
