"""Of every deterministic value: how much one unit in the last place of an input moves it, and how loose its rule is.

Each input of a stage is moved by itself, every float of it one step up or down by chance, and the stage runs again; so
often as asked. That is what CADNA and Verificarlo do to every operation, done to a stage's inputs alone. A rule needs
to allow a hundred times what was seen, or what another machine's rounding does to the value anyway, whichever is more;
one of which even that uses less than a hundredth is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from harness.core.adapters.faults import sentence_of
from harness.core.errors import HarnessError
from harness.core.protocol import Artifact, Output, Stage
from harness.core.trees import FLOAT, leaves
from harness.core.verdicts import Verdict
from harness.judge.comparison import compare_artifact
from harness.setup.measuring.nudges import nudged
from harness.study.power.roundings import moved_by_rounding, relative_movements
from harness.verify.coverage import judged_tier
from harness.verify.examination import Examination
from harness.verify.running.stage_runs import whole_output

LOOSE = 100.0
"""A rule that is so many times looser than it needs to be is named."""
_MARGIN = 100.0  # how much further than it was seen to move a value may, as in the first draft of a rule


@dataclass(frozen=True)
class Amplified:
    """One value of a deterministic stage. ``moved``: how far, relative to it, one ulp of an input moved it at most.

    ``amplification``: that in units of its own rounding. ``by``: the input that moved it most. ``looseness``: how many
    times what it needs its rule allows; None where nothing is measured, as under equality. ``broken``: why the rule
    fails a run whose inputs moved by one ulp.
    """

    address: str
    rule: str
    moved: float
    amplification: float
    by: str
    looseness: float | None
    broken: str = ""


@dataclass(frozen=True)
class Unmeasured:
    """A stage of which nothing was measured, and why."""

    address: str
    why: str


def amplifications(examination: Examination, repeats: int) -> Iterator[Amplified | Unmeasured]:
    """Every value that is judged by itself and not decided by training; replays, and the stages before training."""
    trained = {s.name for s in examination.pipeline.stages if s.tier == "statistical"}
    for track, artifact in examination.artifacts:
        stage = next((s for s in examination.pipeline.stages if s.artifact == artifact), None)
        if stage is None or not stage.needs:
            continue
        replayed = track == examination.replay
        if not replayed and trained & {stage.name, *examination.pipeline.leading_to(stage.name)}:
            continue
        yield from _of_stage(examination, stage, replayed, repeats)


def _of_stage(examination: Examination, stage: Stage, replayed: bool, repeats: int) -> Iterator[Amplified | Unmeasured]:
    prefix = examination.prefix(examination.replay if replayed else examination.profile, stage.artifact)
    run = examination.runs.of(stage.artifact, replayed)
    inputs = _inputs(examination, stage, replayed)
    base = examination.runs.artifact(stage.artifact, replayed) if run.item else None
    if base is None or inputs is None:
        yield Unmeasured(prefix.rstrip("/"), run.error or f"its stage {stage.name} has no input")
        return
    again: dict[str, list[Artifact]] = {}
    for need in stage.needs:
        for seed in range(repeats):
            try:
                moved = _moved(examination, stage, replayed, inputs, need, seed)
            except HarnessError as error:
                yield Unmeasured(prefix.rstrip("/"), f"with {need} moved by one ulp it fails: {sentence_of(error)}")
                return
            again.setdefault(need, []).append(moved)
    yield from _measured(examination, stage, replayed, prefix, base, again)


def _inputs(examination: Examination, stage: Stage, replayed: bool) -> dict[str, Output] | None:
    """What a stage runs on: as it is stored for its replay, else what the stages before it give."""
    if replayed and (stored := examination.stored_inputs(stage)) is not None:
        return stored[0]()
    runs = {need: examination.runs.of(examination.pipeline.stage(need).artifact, replayed) for need in stage.needs}
    return {n: r.item.output() for n, r in runs.items() if r.item} if all(r.item for r in runs.values()) else None


def _moved(
    examination: Examination, stage: Stage, replayed: bool, inputs: dict[str, Output], need: str, seed: int
) -> Artifact:
    """What a stage gives with one input moved; raises HarnessError where it fails."""
    runs = examination.runs
    given = {**inputs, need: nudged(inputs[need], seed)}
    digests = {n: f"{runs.of(stage.artifact, replayed).key} {n}{f' moved {seed}' if n == need else ''}" for n in inputs}
    scenario = runs.small if replayed else runs.scenario
    run = runs.runner.alone(scenario, stage, given, digests, observe=not replayed)
    if run.item is None:
        raise HarnessError(run.error)
    if replayed:
        return whole_output(run.item.output())
    if run.observed is None:
        raise HarnessError(run.error or "nothing was observed")
    return run.observed.artifact()


def _measured(
    examination: Examination,
    stage: Stage,
    replayed: bool,
    prefix: str,
    base: Artifact,
    again: dict[str, list[Artifact]],
) -> Iterator[Amplified]:
    tier = judged_tier(stage, replayed)

    def judged(other: Artifact) -> dict[str, Verdict]:
        verdicts = compare_artifact(base, other, examination.rules, prefix, examination.ensemble, tier)
        return {v.path: v for v in verdicts}

    floor = judged(moved_by_rounding(base))
    seen = {need: [(judged(a), relative_movements(base, a)) for a in moved] for need, moved in again.items()}
    for path in [*(p.removesuffix(f"/{FLOAT}") for p, _ in leaves(base.values)), *base.arrays]:
        rule = examination.rules.find((prefix + path).rstrip("/"))
        if not path or rule is None or rule.policy.ensemble:
            continue
        by, moved, amplification = _largest((need, m.get(path)) for need, runs in seen.items() for _, m in runs)
        verdicts = [v[path] for runs in seen.values() for v, _ in runs if path in v]
        broken = next((v.message for v in verdicts if v.status.failed), "")
        used = [v.used for v in verdicts]
        own = floor[path].used if path in floor else None
        looseness = None
        if own is not None and own > 0 and not broken and None not in used:
            needed = max(own, _MARGIN * max((u for u in used if u is not None), default=0.0))
            looseness = 1 / needed
        yield Amplified(prefix + path, rule.text, moved, amplification, by, looseness, broken)


def _largest(movements: Iterable[tuple[str, tuple[float, float] | None]]) -> tuple[str, float, float]:
    """The input that moved a value most, how far, and that in units of its rounding."""
    known = [(m[0], m[1], need) for need, m in movements if m is not None and m[0] > 0]
    moved, amplification, need = max(known, default=(0.0, 0.0, ""))
    return need, moved, amplification


def loose_rules(values: Iterable[Amplified]) -> dict[str, float]:
    """The rules that are ``LOOSE`` times looser than all of their values need, by how much, the loosest first."""
    least: dict[str, float] = {}
    unknown = set()
    for value in values:
        if value.looseness is None:
            if value.broken or value.moved:
                unknown.add(value.rule)
            continue
        least[value.rule] = min(least.get(value.rule, np.inf), value.looseness)
    loose = {rule: n for rule, n in least.items() if n >= LOOSE * (1 - 1e-9) and rule not in unknown}
    return dict(sorted(loose.items(), key=lambda pair: -pair[1]))
