"""How many statistical values share the suite's false-alarm rate: as many as intervals judge, no round number.

A value counts where a rule judges it by an interval and its scenario has it: in its goldens, or in its ensemble,
accepted or waiting. A scenario of which nothing is known yet is taken to have as many as the one that is calibrated,
if its rules speak of intervals at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from harness.core.errors import GoldenError
from harness.core.ids import CONFIGURATION, ENSEMBLE, ENSEMBLES, INVARIANTS
from harness.core.protocol import Artifact
from harness.core.trees import FLOAT, leaves
from harness.judge.ensemble import Interval, intervals
from harness.judge.kinds import NUMERIC, kind_of
from harness.judge.policies.interval import only_its_length
from harness.store.candidates import list_pending, read_candidate
from harness.verify.coverage import accepted_of_stages
from harness.verify.examination import Examination


def shared_by(examination: Examination, own: int) -> int:
    """How many statistical values the whole suite judges, where the scenario under examination has ``own`` of them."""
    project = examination.project
    total = own
    for name in sorted(project.pipeline.scenarios()):
        if name != examination.scenario.name:
            other = Examination(project, examination.runner, name, examination.profile, schemas=examination.schemas)
            known = judged_addresses(other)
            asks = any(rule.policy.ensemble for rule in other.rules.rules)
            total += len(known) if known is not None else own if asks else 0
    return max(total, project.values)


def judged_addresses(examination: Examination) -> set[str] | None:
    """What is judged by an interval in a scenario; None where neither a golden nor an ensemble tells."""
    rules, profile = examination.rules, examination.profile
    here = (examination.scenario.name, profile)
    accepted = [i for i in accepted_of_stages(examination.manifest) if (i.scenario, i.track) == here]
    names = [i.artifact for i in accepted if i.artifact not in (CONFIGURATION, INVARIANTS, *ENSEMBLES)]
    known = _ensemble(examination)
    if known is None and not names:
        return None
    held = known or {}
    addresses = {a for a in held if ((rule := rules.find(a)) and rule.policy.ensemble) or held[a].shortest is not None}
    for name in names:
        golden = examination.golden(profile, name)
        assert golden is not None
        for address in _numbers(golden.artifact, examination.prefix(profile, name)):
            rule = rules.find(address)
            if rule and rule.policy.ensemble and not only_its_length(address, held):
                addresses.add(address)
    return addresses


def _ensemble(examination: Examination) -> dict[str, Interval] | None:
    """The intervals of the scenario's ensemble: the one that waits to be accepted, else the accepted one."""
    identity = examination.identity(examination.profile, ENSEMBLE)
    if any(waiting.identity == identity for waiting in list_pending(examination.project)):
        with suppress(GoldenError, KeyError, TypeError):  # whoever accepts it will hear of it
            return intervals(read_candidate(examination.project, identity)[0])
    return examination.ensemble if identity in examination.manifest else None


def _numbers(artifact: Artifact, prefix: str) -> Iterator[str]:
    """The addresses of numbers and of arrays."""
    for path, value in leaves(artifact.values):
        if kind_of(value) in NUMERIC:
            yield (prefix + path).removesuffix(f"/{FLOAT}")
    yield from (prefix + path for path in artifact.arrays)


def overspent(held: Iterable[Interval]) -> float:
    """The suite's false-alarm rate by all its intervals, as a multiple of what they promise: each of V spends 1/V."""
    return sum(1 / i.values for i in held)
