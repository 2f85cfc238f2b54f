"""All analyses of one run or several, their findings in the order of what they explain, as one JSON document."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ptycho.diagnostics.analyses.attribution import analyze_attribution
from ptycho.diagnostics.analyses.bias import analyze_bias
from ptycho.diagnostics.analyses.canvas import analyze_canvas
from ptycho.diagnostics.analyses.configuration import analyze_configuration
from ptycho.diagnostics.analyses.grouping import analyze_grouping
from ptycho.diagnostics.analyses.intensity import analyze_intensity
from ptycho.diagnostics.analyses.measured_quality import analyze_measured_quality
from ptycho.diagnostics.analyses.probes import analyze_probes
from ptycho.diagnostics.analyses.training_health import analyze_training_health
from ptycho.diagnostics.findings import Analysis, Finding, ranked
from ptycho.diagnostics.hypotheses import check_hypotheses
from ptycho.diagnostics.records import RunRecord, read_runs
from ptycho.diagnostics.wording import printable_json

DIAGNOSIS_VERSION = 1

# The registry: each gives its analysis of a run, or None where the run holds nothing for it.
ANALYSES: tuple[Callable[[RunRecord], Analysis | None], ...] = (
    analyze_attribution,
    analyze_intensity,
    analyze_configuration,
    analyze_training_health,
    analyze_grouping,
    analyze_canvas,
    analyze_probes,
    analyze_bias,
    analyze_measured_quality,
)


def analyze(paths: Sequence[Path]) -> dict[str, Any]:
    """The diagnosis of every run at ``paths``, each once; raises DataError for what is none."""
    return diagnose([run for path in dict.fromkeys(paths) for run in read_runs(path)])


def diagnose(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """The diagnosis of ``runs`` by ``schemas/harness/diagnosis.schema.json``.

    Each run has its analyses, findings and hypotheses; with several there is one bias summary of all.
    """
    summary = analyze_bias(*runs) if len(runs) > 1 else None
    together = [_without_findings(summary)] if summary else []
    return dict(
        printable_json(
            {"version": DIAGNOSIS_VERSION, "runs": [diagnose_run(run) for run in runs], "together": together}
        )
    )


def diagnose_run(run: RunRecord) -> dict[str, Any]:
    """One run's part of a diagnosis."""
    analyses = [analysis for analyze_part in ANALYSES if (analysis := analyze_part(run)) is not None]
    findings = ranked([finding for analysis in analyses for finding in analysis.findings])
    return {
        "name": run.name,
        "layout": run.layout,
        "missing": list(run.missing),
        "verdict": _verdict(findings, analyses),
        "findings": [dataclasses.asdict(finding) for finding in findings],
        "hypotheses": check_hypotheses(run, findings),
        "analyses": [_without_findings(analysis) for analysis in analyses],
    }


def _verdict(findings: Sequence[Finding], analyses: Sequence[Analysis]) -> str:
    """One sentence that an expert would begin with."""
    bad = [f for f in findings if f.level != "info"]
    if not analyses:
        return "Nothing here can be analysed."
    if [a.name for a in analyses] == ["configuration_audit"] and not findings:
        return "Only parameters are told of here, and none of them is judged by itself."
    if not bad:
        return "Nothing is wrong that these artifacts could show."
    rest = len(bad) - 1
    more = f" ({rest} more {'finding' if rest == 1 else 'findings'} below)" if rest else ""
    return f"Most probable cause: {bad[0].statement}{more}"


def _without_findings(analysis: Analysis) -> dict[str, Any]:
    fields = dataclasses.asdict(analysis)
    del fields["findings"]
    return fields
