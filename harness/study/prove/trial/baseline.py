"""The right results that mutants are held against, taken out of the cache that all commands share into their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.core.errors import ProjectError
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.protocol import Artifact, Json
from harness.core.trees import split_tree
from harness.run.cache import Cache, Item
from harness.verify.examination import Examination


@dataclass(frozen=True)
class Baseline:
    """``keys``: of every scenario, those of its right results (see ``steps.RightKeys``); ``slowest``: of a stage, in s.

    ``used``: of every scenario, by address, the share of its tolerance that a right value uses, where it uses any.
    ``files``: of every scenario, the file of its rules.
    """

    keys: dict[str, dict[str, list[str]]]
    used: dict[str, dict[str, float]]
    files: dict[str, str]
    slowest: float


def take_baseline(examinations: Iterable[Examination], cache: Cache) -> Baseline:
    """Verify scenarios as they are, and copy their results; raises ProjectError where anything is not as accepted."""
    keys: dict[str, dict[str, list[str]]] = {}
    used: dict[str, dict[str, float]] = {}
    files: dict[str, str] = {}
    slowest = 0.0
    for examination in examinations:
        name = examination.scenario.name
        of_scenario, of_values = keys.setdefault(name, {}), used.setdefault(name, {})
        files[name] = examination.rules.place()
        for track, artifact in examination.artifacts:
            report = examination.report(track, artifact)
            if report.failed:
                raise ProjectError(
                    f"{name}/{track}/{artifact} is not as accepted, and what a guard would catch is measured from what "
                    f"passes: see `harness verify {name}`"
                )
            prefix = examination.prefix(track, artifact)
            of_values.update({prefix + v.path: v.used for v in report.verdicts if v.used})
            if artifact in (CONFIGURATION, INVARIANTS):
                continue
            run = examination.runs.of(artifact, track == examination.replay)
            assert run.item is not None
            kept = [run.item, *([run.observed] if run.observed else [])]
            for item in kept:
                _copy(item, cache, observed=item is run.observed)
            of_scenario[f"{track}/{artifact}"] = [run.item.key, run.observed.key if run.observed else ""]
            slowest = max(slowest, run.seconds)
    return Baseline(keys, used, files, slowest)


def _copy(item: Item, cache: Cache, observed: bool) -> None:
    about: dict[str, Json] = dict(item.about)
    nothing: tuple[dict[str, Json], dict[str, Json]] = ({}, {})
    if cache.get(item.key) is None:
        cache.put(item.key, nothing if observed else split_tree(item.output()), _seen(item, observed), about)


def _seen(item: Item, observed: bool) -> Artifact:
    return item.artifact() if observed else Artifact({})
