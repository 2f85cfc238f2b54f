"""All analyses of one run or several, their findings in the order of what they explain, as one JSON document."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ptycho.diagnostics import attribution, audit, bias, geometry, health, hypotheses, intensity, probe
from ptycho.diagnostics.findings import Analysis, Finding, document, ranked
from ptycho.diagnostics.run import Run, read

VERSION = 1
EACH: tuple[Callable[[Run], Analysis | None], ...] = (
    attribution.analyze,
    intensity.analyze,
    audit.analyze,
    health.analyze,
    geometry.analyze_grouping,
    geometry.analyze_reassembly,
    probe.analyze,
)


def analyses(run: Run) -> list[Analysis]:
    """Every analysis that the run holds something for."""
    summary = bias.analyze([run])
    found = [a for analyze in EACH if (a := analyze(run)) is not None]
    return [*found, summary] if summary else found


def diagnose(runs: Sequence[Run]) -> dict[str, Any]:
    """The diagnosis of ``runs`` by ``schemas/harness/diagnosis.schema.json``.

    Each run has its analyses, findings and hypotheses; with several there is one bias summary of all.
    """
    return dict(document({"version": VERSION, "runs": [about(run) for run in runs], "together": _together(runs)}))


def analyze(paths: Sequence[Path]) -> dict[str, Any]:
    """The diagnosis of every run at ``paths``, each once; raises DataError for what is none."""
    return diagnose([run for path in dict.fromkeys(paths) for run in read(path)])


def about(run: Run) -> dict[str, Any]:
    """One run's part of a diagnosis."""
    made = analyses(run)
    found = ranked([f for a in made for f in a.findings])
    return {
        "name": run.name,
        "layout": run.layout,
        "missing": list(run.missing),
        "verdict": verdict(found, made),
        "findings": [dataclasses.asdict(f) for f in found],
        "hypotheses": hypotheses.check(run, found),
        "analyses": [_told(a) for a in made],
    }


def verdict(found: Sequence[Finding], made: Sequence[Analysis]) -> str:
    """One sentence that an expert would begin with."""
    bad = [f for f in found if f.level != "info"]
    if not made:
        return "Nothing here can be analysed."
    if [a.name for a in made] == ["configuration_audit"] and not found:
        return "Only parameters are told of here, and none of them is judged by itself."
    if not bad:
        return "Nothing is wrong that these artifacts could show."
    rest = len(bad) - 1
    more = f" ({rest} more {'finding' if rest == 1 else 'findings'} below)" if rest else ""
    return f"Most probable cause: {bad[0].statement}{more}"


def _together(runs: Sequence[Run]) -> list[dict[str, Any]]:
    summary = bias.analyze(list(runs)) if len(runs) > 1 else None
    return [_told(summary)] if summary else []


def _told(analysis: Analysis) -> dict[str, Any]:
    told = dataclasses.asdict(analysis)
    del told["findings"]
    return told
