"""Measured data: what the preflight found, what was forced, and which gate on quality does not hold."""

from __future__ import annotations

from typing import Any

from ptycho.diagnostics.findings import Analysis, Finding, Table, filled
from ptycho.diagnostics.records import RunRecord, finite_or_none

GATES = (
    "fourier_error_network",
    "fourier_error_oracle",
    "network_against_oracle",
    "held_out_frames",
    "half_scan_agreement",
)
FORCED_WEIGHT, GATE_WEIGHT = 20.0, 5.0  # a known cause explains a gate's failure, not the other way round
OF_DATA = ("fourier_error_oracle", "half_scan_agreement")


def analyze_measured_quality(run: RunRecord) -> Analysis | None:
    """The preflight and the gates of one run on measured data; None for a run that has neither."""
    found, gates = preflight_findings(run), quality_gates(run)
    if not run.table("metadata", "preflight") and not gates:
        return None
    figures: dict[str, Any] = {"preflight": found, "forced": forced_errors(run), "gates": gates}
    tables = [
        Table("Preflight", ("Finding", "Level", "What"), tuple((f["name"], f["level"], f["sentence"]) for f in found)),
        Table("Gates", ("Gate", "Holds", "Evidence"), tuple((g["name"], g["passed"], g["evidence"]) for g in gates)),
    ]
    findings = [*_from_preflight(found), *_from_gates(gates)]
    return Analysis("measured_quality", "Measured data", figures, filled(tables), (), tuple(findings))


def preflight_findings(run: RunRecord) -> list[dict[str, str]]:
    """What the preflight found above info, as the run recorded it."""
    listed = run.get("metadata", "preflight", "findings")
    rows = [row for row in listed[:50] if isinstance(row, dict)] if isinstance(listed, list) else []
    return [{key: str(row.get(key, ""))[:400] for key in ("name", "level", "sentence", "flag")} for row in rows]


def forced_errors(run: RunRecord) -> list[str]:
    """Names of the errors that the run went on in spite of."""
    listed = run.get("metadata", "preflight", "forced")
    return [str(name)[:40] for name in listed[:50]] if isinstance(listed, list) else []


def quality_gates(run: RunRecord) -> list[dict[str, Any]]:
    """The gates on measured data among the run's invariants."""
    listed = run.get("metadata", "invariants")
    rows = [row for row in listed[:100] if isinstance(row, dict)] if isinstance(listed, list) else []
    return [
        {
            "name": row["name"],
            "passed": row.get("passed") is True,
            "value": finite_or_none(row.get("value")),
            "evidence": str(row.get("evidence", ""))[:400],
        }
        for row in rows
        if row.get("name") in GATES
    ]


def _from_preflight(found: list[dict[str, str]]) -> list[Finding]:
    findings = []
    for place, row in enumerate(found):
        error = row["level"] == "error"
        mend = f"Use {row['flag']}." if row["flag"] else "Mend the data; the preflight's report says more."
        findings.append(
            Finding(
                f"preflight_{row['name']}",
                "fault" if error else "info",
                f"The data are not what they were said to be: {row['sentence']}." if error else f"{row['sentence']}.",
                ("found before training, and forced",) if error else ("mended before training",),
                mend if error else "",
                FORCED_WEIGHT - 0.01 * place if error else 0.0,
            )
        )
    return findings


def _from_gates(gates: list[dict[str, Any]]) -> list[Finding]:
    failed = [gate for gate in gates if not gate["passed"]]
    of_data = [gate for gate in failed if gate["name"] in OF_DATA]
    findings = []
    for gate in failed:
        blame = "the data do not agree with themselves" if of_data else "training or inference falls short of the data"
        remedy = "Run ptycho check on the data: layout, mask, beam." if of_data else "Train longer, or on more groups."
        sentence = f"Gate {gate['name']} does not hold: {blame}."
        weight = GATE_WEIGHT + (1.0 if gate["name"] in OF_DATA else 0.0)
        findings.append(Finding(f"gate_{gate['name']}", "fault", sentence, (gate["evidence"],), remedy, weight))
    return findings
