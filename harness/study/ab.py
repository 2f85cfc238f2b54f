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

from harness.core import globs, text
from harness.core.errors import ProjectError
from harness.core.project import Project
from harness.core.protocol import Artifact, Json, Pipeline
from harness.core.trees import leaves
from harness.run.cache import Cache
from harness.run.runner import Runner, Watcher, environment
from harness.verify.calibration import run_artifacts

FEWEST = 3  # pairs; a standard deviation of two says nothing
SETTLED = 1e-12  # relative; closer than this, both variants say the same


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
    scenario: str,
    profile: str,
    both: Sequence[str] = (),
    a: Sequence[str] = (),
    b: Sequence[str] = (),
    pairs: int = 5,
    confidence: float = 0.95,
    progress: Watcher | None = None,
) -> Trial:
    """Run ``scenario`` with the overrides ``both + a`` and ``both + b``, ``pairs`` times each.

    Every run is cached, so that an interrupted trial goes on where it stopped. Raises ProjectError for
    a pipeline without seeds, equal variants and too few pairs, HarnessError where a run fails.
    """
    pipeline = project.pipeline
    if pipeline.reseed is None:
        raise ProjectError(f"pipeline {pipeline.name!r} has no reseed: without seeds there are no pairs")
    if pairs < FEWEST:
        raise ProjectError(f"{pairs} pairs are too few for an interval: at least {FEWEST} are needed")
    if not 0.5 <= confidence < 1:
        raise ProjectError(f"a confidence of {confidence} is not possible: from 0.5 up to, not including, 1")
    variants = [project.scenario(scenario, profile, [*both, *own]) for own in (a, b)]
    if variants[0].config == variants[1].config:
        raise ProjectError("both variants are the same: give what differs with --a and --b")
    if variants[0].missing:
        raise ProjectError(f"{scenario} cannot run here: {variants[0].missing}")
    runner = Runner(pipeline, cache, progress)
    drawn: list[list[dict[str, float]]] = [[], []]
    for pair in range(pairs):
        for variant, draws in zip(variants, drawn, strict=True):
            member = dataclasses.replace(variant, config=pipeline.reseed(variant.config, pair))
            draws.append(quality_figures(pipeline, run_artifacts(runner, member)))
    found = paired_differences(drawn[0], drawn[1], confidence)
    changed = tuple(d for d in found if not _same(d))
    return Trial(
        scenario, profile, tuple(both), tuple(a), tuple(b), pairs, confidence, changed, len(found) - len(changed),
        environment(pipeline),
    )  # fmt: skip


def quality_figures(pipeline: Pipeline, artifacts: Mapping[str, Artifact]) -> dict[str, float]:
    """The numbers that the pipeline calls quality, by address; those of its reference are left out."""
    wanted, left = ([globs.compiled(g) for g in names] for names in (pipeline.quality, pipeline.reference))
    found = {}
    for name, artifact in artifacts.items():
        for path, value in leaves(artifact.values, name):
            if not isinstance(value, int | float) or isinstance(value, bool):
                continue
            if any(g.fullmatch(path + "/") for g in wanted) and not any(g.fullmatch(path + "/") for g in left):
                found[path] = float(value)
    return found


def paired_differences(
    a: Sequence[Mapping[str, float]], b: Sequence[Mapping[str, float]], confidence: float
) -> list[Difference]:
    """Paired differences of every figure that all runs have."""
    from scipy.special import stdtrit

    common = [path for path in a[0] if all(path in run for run in (*a, *b))]
    n = len(a)
    reach = float(stdtrit(n - 1, (1 + confidence) / 2)) / math.sqrt(n)
    found = []
    for path in common:
        before, after = (tuple(run[path] for run in runs) for runs in (a, b))
        steps = [y - x for x, y in zip(before, after, strict=True)]
        mean = math.fsum(steps) / n
        half = reach * math.sqrt(math.fsum((s - mean) ** 2 for s in steps) / (n - 1))
        found.append(Difference(path, before, after, mean, mean - half, mean + half))
    return found


def difference_cells(found: Difference) -> tuple[str, str, str, str]:
    """A figure as people read it: its means in A and B, the mean of their differences, and its interval."""
    a, b = (math.fsum(draws) / len(draws) for draws in (found.a, found.b))
    told = [text.number(x, 4) for x in (a, b, found.mean, found.low, found.high)]
    return told[0], told[1], told[2], f"{told[3]} to {told[4]}"


def _same(found: Difference) -> bool:
    return all(math.isclose(x, y, rel_tol=SETTLED, abs_tol=1e-300) for x, y in zip(found.a, found.b, strict=True))


def trial_markdown(trial: Trial) -> str:
    """The trial for people: what was compared, then every figure that differs."""
    both = f", both with {_settings(trial.both)}" if trial.both else ""
    lines = [
        f"# {trial.scenario} ({trial.profile}): A/B over {trial.pairs} seeds",
        f"A is {_settings(trial.a)}; B is {_settings(trial.b)}{both}.",
        f"Mean over the seeds, and the {100 * trial.confidence:g} % interval of the mean of B \u2212 A; "
        "**bold** where it leaves out zero.",
        "| figure | A | B | B \u2212 A | interval |\n| --- | ---: | ---: | ---: | ---: |",
    ]
    rows = []
    for d in trial.differences:
        a, b, mean, interval = difference_cells(d)
        step = f"**{mean}**" if d.clear else mean
        rows.append(f"| `{d.path}` | {a} | {b} | {step} | {interval} |")
    same = f"{text.count(trial.unchanged, 'figure')} the same in every pair."
    return "\n\n".join([*lines[:-1], "\n".join([lines[-1], *rows]), same]) + "\n"


def _settings(overrides: Sequence[str]) -> str:
    return ", ".join(f"`{o}`" for o in overrides) or "the scenario as it is"


def trial_to_json(trial: Trial) -> dict[str, Json]:
    """The trial by ``schemas/harness/ab.schema.json``."""
    return {
        "version": 1, "scenario": trial.scenario, "profile": trial.profile,
        "both": list(trial.both), "a": list(trial.a), "b": list(trial.b),
        "pairs": trial.pairs, "confidence": trial.confidence, "unchanged": trial.unchanged,
        "environment": dict(trial.environment),
        "figures": [
            {
                "path": d.path, "a": list(d.a), "b": list(d.b),
                "difference": {"mean": d.mean, "low": d.low, "high": d.high}, "clear": d.clear,
            }
            for d in trial.differences
        ],
    }  # fmt: skip
