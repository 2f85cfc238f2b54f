"""What the pipeline says of a run, from a verification's artifacts as the parts that ``ptycho.diagnostics`` reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from guard.scenarios import gates_of
from harness import Artifact, Scenario


def explain(scenario: Scenario, artifacts: Mapping[str, Artifact]) -> Any:
    """The diagnosis of one run, from whichever of its artifacts there are."""
    from ptycho.diagnostics import RunRecord, diagnose_run
    from ptycho.output.artifacts import to_plain

    return to_plain(diagnose_run(RunRecord(scenario.name, "verification", record_parts(scenario, artifacts))))


def record_parts(scenario: Scenario, artifacts: Mapping[str, Artifact]) -> dict[str, dict[str, Any]]:
    """The parts that ``artifacts``, of which some may be missing, hold something for."""
    values = {name: artifact.values for name, artifact in artifacts.items()}
    telemetry, simulation = values.get("telemetry", {}), values.get("simulation", {})
    curves = artifacts["trained"].arrays if "trained" in artifacts else {}
    history = {name.removeprefix("history/"): curve.tolist() for name, curve in curves.items()}
    metadata = {"config": dict(scenario.config), "scales": {"nphotons": simulation.get("nphotons")}}
    parts = {
        "metadata": metadata | _measured(scenario, values.get("comparison", {}).get("metrics")),
        "intensity": _intensity(telemetry.get("intensity")),
        "inference": dict(telemetry.get("inference", {})),
        "weights": {"unmoved": telemetry["unmoved"]} if telemetry else {},
        "history": {"metrics": history} if history else {},
        "metrics": _metrics(values.get("comparison", {}).get("metrics"), simulation),
        "grouping": _grouping(scenario, values.get("groups"), values.get("split", {})),
        "probe": _probe(values.get("probe")),
    }
    return {name: part for name, part in parts.items() if part}


def _measured(scenario: Scenario, metrics: Any) -> dict[str, Any]:
    """Of measured data: whether the gates on their quality hold; where one does not, what a preflight says of them."""
    if not scenario.config.get("measured") or scenario.missing:
        return {}
    gates = {"invariants": [vars(gate) for gate in gates_of(metrics)]} if metrics else {}
    if gates and all(gate["passed"] for gate in gates["invariants"]):
        return gates  # there is nothing to explain, and to read and fit the data takes seconds
    return gates | _preflight(scenario)


def _preflight(scenario: Scenario) -> dict[str, Any]:
    """What a preflight says of measured data; nothing where they cannot be read."""
    from ptycho.config.experiment import MeasuredConfig
    from ptycho.config.reading import from_mapping
    from ptycho.errors import PtychoError
    from ptycho.preflight.examination import examine
    from ptycho.preflight.outcome import summary

    try:
        measured = from_mapping(MeasuredConfig, scenario.config["measured"], "measured")
        report, _ = examine(measured, scenario.config["N"])
    except PtychoError:
        return {}
    return {"preflight": summary(report, forced=True)}


def _intensity(recorded: Any) -> dict[str, Any]:
    if not recorded:
        return {}
    stages = [
        {
            "name": s["name"],
            "metadata": {"split": s["split"], "count": s["count"]},
            "stats": {key: s[key] for key in ("mean", "std", "nan_count")},
        }
        for s in recorded["stages"]
    ]
    return {**recorded, "stages": stages}


def _metrics(metrics: Any, simulation: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of network and oracle; of a mean only the relative bias is kept, which is all that is needed."""
    network = (metrics or {}).get("network")
    truth = (simulation.get("truth") or {}).get("amplitude", {}).get("mean")
    if not network or truth is None:
        return {}
    bias = network["amplitude"]["relative_bias"]
    amplitude = {
        "count": metrics["support"]["count"],
        "truth_stats": {"mean": truth},
        "pred_stats": {"mean": truth * (1 + bias)},
    }
    return {
        "support": metrics["support"],
        "amplitude": network["amplitude"] | amplitude,
        "phase": network["phase"],
        "oracle": metrics["oracle"],
    }


def _grouping(scenario: Scenario, groups: Any, split: Mapping[str, Any]) -> dict[str, Any]:
    if not groups:
        return {}
    asked = {"train": scenario.config["group"]["train_groups"], "infer": groups["infer"]["groups"]}
    points = {"train": split.get("train"), "infer": groups["infer"]["groups"]}
    return {
        "subsets": {
            name: {
                "status": "ok",
                "requested_groups": asked[name],
                "actual_groups": groups[name]["groups"],
                "members_each": groups[name]["members_each"],
                "point_count": points[name],
            }
            for name in ("train", "infer")
        }
    }


def _probe(probe: Any) -> dict[str, Any]:
    if not probe:
        return {}
    amplitude = {"max": probe["peak_amplitude"], "l2": math.sqrt(probe["energy"])}
    return {
        "probe": {"amplitude": amplitude, "rms_width_px": probe["rms_width_px"]},
        "comparison": {"overlap": probe["overlap_with_given"]},
    }
