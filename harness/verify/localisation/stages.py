"""Where to look first: which stage is wrong, and which only received what was wrong already."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from harness.core import globs, text
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.protocol import Pipeline
from harness.core.text import joined
from harness.core.verdicts import ArtifactReport, Diagnosis, StageFinding, Status, Verdict
from harness.judge.explanations import factor_sentence, offset_sentence
from harness.report.differences.folding import Alike, alike, alike_in, folded
from harness.verify.localisation.repeatability import not_reproducible

_ROUNDING = 1.01e-9  # a relative tolerance that nothing but rounding is within, whose multiples say nothing

_FINE = (1e-15, 1e-12, 1e-8)  # relative, to which a number may be known: after some operations, or in float32

Sharing = Callable[[Sequence[str]], list[str]]
"""Sentences about what stages that are wrong by themselves have in common."""


def localise(
    pipeline: Pipeline,
    artifacts: Sequence[ArtifactReport],
    invariants: Sequence[Verdict],
    replay: str,
    sharing: Sharing = lambda stages: [],
) -> Diagnosis:
    """The diagnosis of one scenario from the reports of its artifacts, in both tracks."""
    main = {a.stage: a for a in artifacts if a.track != replay}
    alone = {a.stage: a for a in artifacts if a.track == replay}
    findings: list[StageFinding] = []
    order = [CONFIGURATION, *(stage.name for stage in pipeline.stages)]
    for stage in (s for s in order if s in main or s in alone):
        wrong = [f.stage for f in findings if f.verdict != "sound"]
        findings.append(_finding(stage, main.get(stage), alone.get(stage), wrong))
    broken = [f for f in findings if f.verdict != "sound"]
    held = [v for v in invariants if v.status.failed]
    notes = [f"Invariant {v.path} does not hold: {v.message}" for v in held]
    notes += _blame(pipeline, [*main.values()], [f.stage for f in broken])
    if not broken:
        if held:
            return Diagnosis(f"Invariant {held[0].path} does not hold", None, tuple(findings), tuple(notes))
        if (bounds := main.get(INVARIANTS)) and bounds.failed:
            headline = f"The invariants themselves are not as accepted: {furthest(bounds)}"
            return Diagnosis(headline, None, tuple(findings), tuple(notes))
        return Diagnosis("Everything is as accepted", None, tuple(findings), tuple(notes))
    if all(map(has_no_golden, failing := [a for a in artifacts if a.failed])):
        headline = f"No golden yet for {len(failing)} of {len(artifacts)} artifacts; the others are as accepted"
        if len(failing) == len(artifacts):
            headline = "Nothing is accepted yet: look at the candidates with `harness review`, then accept them"
        return Diagnosis(headline, None, tuple(findings), tuple(notes))
    # Data flow one way: no later stage, however certainly it is wrong by itself, made this one differ.
    first = broken[0]
    unsettled = not_reproducible(first.stage, main.get(first.stage), alone.get(first.stage))
    alone_wrong = [stage for stage in order if stage in alone and _differs_alone(alone[stage])]
    notes[:0] = [
        *filter(None, [unsettled]),
        *_also(first.stage, alone_wrong),
        *(sharing(alone_wrong) if alone_wrong else []),
        *_shared(pipeline, first.stage, main, findings),
    ]
    return Diagnosis(f"Look at {first.stage} first: {first.reason}", first.stage, tuple(findings), tuple(notes))


def _finding(
    stage: str, main: ArtifactReport | None, alone: ArtifactReport | None, earlier: Sequence[str]
) -> StageFinding:
    failed, fails_alone = main is not None and main.failed, alone is not None and alone.failed
    if main is not None and main.error:
        return StageFinding(stage, "wrong", f"it raised {main.error}")
    if main is not None and main.blocked:
        return StageFinding(stage, "input already wrong", f"it has no input, because {main.blocked} failed")
    if fails_alone:
        problem = alone.error if alone and alone.error else furthest(alone)
        return StageFinding(stage, "wrong", f"replayed alone from stored inputs, {problem}")
    if not failed:
        return StageFinding(stage, "sound", "as accepted")
    if earlier:
        because = "it is right on stored inputs, and" if alone is not None else "it was not replayed, and"
        return StageFinding(stage, "input already wrong", f"{because} {earlier[0]} before it differs already")
    if alone is not None:
        return StageFinding(stage, "differs here", f"{furthest(main)}, though it is right on its small stored inputs")
    return StageFinding(stage, "wrong", furthest(main))


def _differs_alone(report: ArtifactReport) -> bool:
    """Whether a stage gives something else on stored inputs; where nothing could be compared, nobody knows."""
    return bool(report.error) or any(
        v.status.failed and v.status is not Status.STALE and bool(v.path or v.rule) for v in report.verdicts
    )


def _also(first: str, alone_wrong: Sequence[str]) -> list[str]:
    """Which other stages are wrong whatever the first one gave them."""
    others = [stage for stage in alone_wrong if stage != first]
    how = "Under this configuration" if first == CONFIGURATION else "Also"
    return [f"{how} wrong on stored inputs: {joined(others)}"] if others else []


def furthest(report: ArtifactReport | None) -> str:
    """What is wrong with an artifact, by the value that is furthest out, in words that follow its stage's name."""
    worst = report.worst() if report else None
    if worst is None:
        return "nothing was compared"
    if worst.status is not Status.FAIL:
        return f"{worst.path or 'it'} is {worst.status.value}"
    alike_ones = alike_in(report, worst) if report else [worst]
    told = folded(report.verdicts, alike_ones)[0] if report else worst
    how = f": {told.explanation.text}" if told.explanation else ""
    verb = "is" if len(alike_ones) == 1 else "are"
    what, of = _named(told.path, len(alike_ones), report), report.stage if report else ""
    return f"{what} {verb} not as accepted{_beyond(worst, of)}{how}"


def _named(path: str, count: int, report: ArtifactReport | None) -> str:
    """What fails, in words where its pattern would only say that it is anything."""
    if path.strip("*/") or not path or report is None:
        return path or "it"
    return f"all {count} values" if count == len(report.verdicts) else f"{count} of {len(report.verdicts)} values"


def _beyond(verdict: Verdict, stage: str) -> str:
    """By how many times its tolerance a value is out, where that says something: of a setting nothing does."""
    share = verdict.told_share
    if share is None or not 1 < share < math.inf:
        return ""
    expected, obtained = verdict.expected, verdict.obtained
    floats = type(expected) is type(obtained) is float
    only_rounding = floats and abs(obtained - expected) <= _ROUNDING * share * abs(expected)
    if only_rounding or (stage == CONFIGURATION and not verdict.worst):
        return f" (was {', is '.join(text.pair(expected, obtained))})"
    return f" ({float(f'{share:.3g}'):,.10g} times its tolerance)"


def has_no_golden(report: ArtifactReport) -> bool:
    """Whether nothing was accepted of an artifact yet."""
    return any(v.status is Status.MISSING and not v.path for v in report.verdicts)


def _shared(
    pipeline: Pipeline, first: str, main: Mapping[str, ArtifactReport], findings: Sequence[StageFinding]
) -> list[str]:
    """What later stages have in common with the first that is wrong: one explanation, and where it begins.

    It begins there when every other stage that has it is fed by the first and right by itself; else it is only said
    that they have it in common.
    """
    failing = {f.stage: [v for v in main[f.stage].verdicts if v.status.failed] for f in findings if f.stage in main}
    explained = [v.explanation for v in failing.get(first, ()) if v.explanation]
    if not explained:
        return []
    (what, _), *_ = Counter(map(alike, explained)).most_common()
    shares = {stage: sum(_is_alike(v, what) for v in verdicts) for stage, verdicts in failing.items()}
    stages = [stage for stage, n in shares.items() if n]
    if len(stages) < 2:
        return []
    total, said = sum(map(len, failing.values())), what[1]
    right = {f.stage for f in findings if f.verdict == "input already wrong"}
    fed = {s.name for s in pipeline.stages if first == CONFIGURATION or first in pipeline.leading_to(s.name)}
    begins = all(stage in right & fed for stage in stages if stage != first)
    if begins and sum(shares.values()) == total and not any(a.error or a.blocked for a in main.values()):
        return [f"Of everything that differs from {first} on, {said}: {first} is where it begins"]
    where = f"{sum(shares.values()):,} of {total:,} failing values, in {joined(stages)}"
    return [f"Of {where}, {said}{f': {first} is where it begins' if begins else ''}"]


def _is_alike(verdict: Verdict, what: Alike) -> bool:
    """Whether a failing value changed as said: by its explanation, or a single number by its factor or offset."""
    if verdict.explanation is not None:
        return alike(verdict.explanation) == what
    numbers = verdict.expected, verdict.obtained
    if not all(isinstance(n, float) and math.isfinite(n) for n in numbers) or not verdict.expected:
        return False
    ratio, more = verdict.obtained / verdict.expected, verdict.obtained - verdict.expected
    fine = (0.0, *_FINE)
    alone = [factor_sentence(ratio, fine=f) for f in fine] + [offset_sentence(more, unsure=f * abs(more)) for f in fine]
    return what in map(alike, alone)


def _among(patterns: Sequence[str], verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """The verdicts whose address matches any of ``patterns``."""
    regexes = [globs.compiled(pattern) for pattern in patterns]
    return {a: v for a, v in verdicts.items() if any(regex.fullmatch(a + "/") for regex in regexes)}


def _blame(pipeline: Pipeline, reports: Sequence[ArtifactReport], broken: Sequence[str]) -> list[str]:
    """Where to look when the result's quality is not as accepted: before the learned stage, or at it."""
    by_address = {f"{r.artifact}/{v.path}": v for r in reports for v in r.verdicts}
    reference = _among(pipeline.reference, by_address)
    quality = [v for a, v in _among(pipeline.quality, by_address).items() if a not in reference]
    if not reference or not any(v.status.failed for v in quality):
        return []
    if any(v.status.failed for v in reference.values()):
        return ["The reference differs too: the fault is in the data, in what made them, or in the reference itself."]
    order = [CONFIGURATION, *(stage.name for stage in pipeline.stages)]
    feeding = order[: order.index(pipeline.learned)] if pipeline.learned else []
    if any(stage in feeding for stage in broken):
        return []  # what feeds the learned stage is wrong, which says enough
    return [
        f"The reference is as good as ever on the same data: the data are not to blame, {pipeline.learned} "
        "or what follows it is."
    ]
