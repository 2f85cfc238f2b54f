"""Two variants of a scenario, trained over the same seeds, and their paired differences with intervals.

Both variants of a pair share their seed, hence their initial weights and batch order: what the seed
does to both leaves the difference (Box, Hunter & Hunter, "Statistics for Experimenters", section 3.2).
With mean ``m`` and standard deviation ``s`` of ``n`` differences, the interval is
``m +- t_{n-1, (1+confidence)/2} s / sqrt(n)``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core import globs
from harness.core.errors import ProjectError
from harness.core.project import Project
from harness.core.protocol import Artifact, Json, Pipeline
from harness.core.trees import leaves
from harness.host.cluster.engine import ALONE, Engine
from harness.run.cache import Cache
from harness.run.runner import Runner, Watcher, environment
from harness.verify.ensembles.members import compute_members, run_artifacts

FEWEST_PAIRS = 3  # pairs; a standard deviation of two says nothing
_SAME = 1e-12  # relative; closer than this, both variants say the same


@dataclass(frozen=True)
class Difference:
    """One figure in both variants, pair by pair, and the interval of the mean of ``b - a``."""

    path: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    mean: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Trial:
    """A whole A/B: what was compared, over which pairs, and every figure that is not the same in both."""

    scenario: str
    profile: str
    both: tuple[str, ...]
    a: tuple[str, ...]
    b: tuple[str, ...]
    pairs: int
    confidence: float
    differences: tuple[Difference, ...]
    unchanged: int
    environment: Mapping[str, str]


def run_trial(
    project: Project,
    cache: Cache,
    *,
    scenario: str,
    profile: str,
    both: Sequence[str] = (),
    a: Sequence[str] = (),
    b: Sequence[str] = (),
    pairs: int = 5,
    confidence: float = 0.95,
    engine: Engine = ALONE,
    watcher: Watcher | None = None,
) -> Trial:
    """Run ``scenario`` with the overrides ``both + a`` and ``both + b``, ``pairs`` times each.

    Every run is cached, so that an interrupted trial goes on where it stopped. Raises ProjectError for
    a pipeline without seeds, equal variants and too few pairs, HarnessError where a run fails.
    """
    pipeline = project.pipeline
    if pipeline.reseed is None:
        raise ProjectError(f"pipeline {pipeline.name!r} has no reseed: without seeds there are no pairs")
    if pairs < FEWEST_PAIRS:
        raise ProjectError(f"{pairs} pairs are too few for an interval: at least {FEWEST_PAIRS} are needed")
    if not 0.5 <= confidence < 1:
        raise ProjectError(f"a confidence of {confidence} is not possible: from 0.5 up to, not including, 1")
    variants = [project.scenario(scenario, profile, [*both, *own]) for own in (a, b)]
    if variants[0].config == variants[1].config:
        raise ProjectError("both variants are the same: give what differs with --a and --b")
    if variants[0].missing:
        raise ProjectError(f"{scenario} cannot run here: {variants[0].missing}")
    runner = Runner(pipeline, cache, watcher)
    if engine.ahead:
        compute_members(project, runner, variants[0], [[*both, *a], [*both, *b]], range(pairs), engine)
    drawn: list[list[dict[str, float]]] = [[], []]
    for pair in range(pairs):
        for variant, draws in zip(variants, drawn, strict=True):
            member = dataclasses.replace(variant, config=pipeline.reseed(variant.config, pair))
            draws.append(quality_figures(pipeline, run_artifacts(runner, member)))
    differences = paired_differences(drawn[0], drawn[1], confidence)
    changed = tuple(d for d in differences if not _same(d))
    return Trial(
        scenario=scenario,
        profile=profile,
        both=tuple(both),
        a=tuple(a),
        b=tuple(b),
        pairs=pairs,
        confidence=confidence,
        differences=changed,
        unchanged=len(differences) - len(changed),
        environment=environment(pipeline),
    )


def quality_figures(pipeline: Pipeline, artifacts: Mapping[str, Artifact]) -> dict[str, float]:
    """The numbers that the pipeline calls quality, by address; those of its reference are left out."""
    wanted, left = ([globs.compiled(g) for g in names] for names in (pipeline.quality, pipeline.reference))
    figures = {}
    for name, artifact in artifacts.items():
        for path, value in leaves(artifact.values, name):
            if not isinstance(value, int | float) or isinstance(value, bool):
                continue
            if any(g.fullmatch(path + "/") for g in wanted) and not any(g.fullmatch(path + "/") for g in left):
                figures[path] = float(value)
    return figures


def paired_differences(
    a: Sequence[Mapping[str, float]], b: Sequence[Mapping[str, float]], confidence: float
) -> list[Difference]:
    """Paired differences of every figure that all runs have."""
    from scipy.special import stdtrit

    common = [path for path in a[0] if all(path in run for run in (*a, *b))]
    n = len(a)
    reach = float(stdtrit(n - 1, (1 + confidence) / 2)) / math.sqrt(n)
    differences = []
    for path in common:
        before, after = (tuple(run[path] for run in runs) for runs in (a, b))
        steps = [y - x for x, y in zip(before, after, strict=True)]
        mean = math.fsum(steps) / n
        half = reach * math.sqrt(math.fsum((s - mean) ** 2 for s in steps) / (n - 1))
        differences.append(Difference(path, before, after, mean, mean - half, mean + half))
    return differences


def _same(figure: Difference) -> bool:
    return all(math.isclose(x, y, rel_tol=_SAME, abs_tol=1e-300) for x, y in zip(figure.a, figure.b, strict=True))


def trial_to_json(trial: Trial) -> dict[str, Json]:
    """The trial by ``schemas/harness/ab.schema.json``."""
    return {
        "version": 1,
        "scenario": trial.scenario,
        "profile": trial.profile,
        "both": list(trial.both),
        "a": list(trial.a),
        "b": list(trial.b),
        "pairs": trial.pairs,
        "confidence": trial.confidence,
        "unchanged": trial.unchanged,
        "environment": dict(trial.environment),
        "figures": [
            {
                "path": d.path,
                "a": list(d.a),
                "b": list(d.b),
                "difference": {"mean": d.mean, "low": d.low, "high": d.high},
                "clear": d.clear,
            }
            for d in trial.differences
        ],
    }
