"""Scenarios as the harness takes them: configurations, the files that decide them, ensemble members, invariants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import Artifact, Invariant, ProjectError, Scenario


def scenarios() -> dict[str, str]:
    """Every scenario's name and title."""
    from ptycho.config.scenario import list_scenarios

    return list_scenarios()


def load(name: str, profile: str, overrides: Sequence[str] = ()) -> Scenario:
    """A resolved scenario; it says so where its measured data are not found, or the library of its oracle."""
    from ptycho.config.optional import require_installed
    from ptycho.config.reading import to_mapping
    from ptycho.config.scenario import load_scenario
    from ptycho.errors import PtychoError

    try:
        scenario = load_scenario(name, profile, overrides)
    except PtychoError as error:
        raise ProjectError(str(error)) from error
    config = to_mapping(scenario.config)
    missing = ""
    try:
        files(config)
        require_installed(scenario.config.reference)
    except PtychoError as error:
        missing = str(error)
    return Scenario(name, profile, scenario.title, config, missing)


def files(config: Mapping[str, Any]) -> list[Path]:
    """Files whose content decides the data."""
    from ptycho.data.files import input_files

    return input_files(config)


def reseed(config: Mapping[str, Any], member: int) -> dict[str, Any]:
    """The configuration of one ensemble member: other initial weights, another batch order."""
    return {
        **config,
        "model": {**config["model"], "init_seed": config["model"]["init_seed"] + 1 + member},
        "train": {**config["train"], "seed": config["train"]["seed"] + 1 + member},
    }


def invariants(artifacts: Mapping[str, Artifact]) -> list[Invariant]:
    """The pipeline's own invariants, from what was observed of its stages."""
    from ptycho.data.normalization import closed_form_scale
    from ptycho.quality.invariants import check_invariants

    telemetry, simulation = artifacts["telemetry"].values, artifacts["simulation"].values
    metrics = artifacts["comparison"].values["metrics"]
    held = check_invariants(
        telemetry["intensity"],
        telemetry["inference"],
        metrics,
        closed_form_scale(simulation["nphotons"], simulation["frames"]["side_px"]),
        ["the harness compares configurations itself"],
        artifacts["split"].values["shared_frames"],
        artifacts["reconstruction"].values["non_finite_pixels"],
        telemetry["unmoved"],
    )
    held += gates_of(metrics)
    own = ("one_configuration",)  # the harness's own invariant sees the stages apart
    return [Invariant(i.name, i.value, i.low, i.high, i.evidence) for i in held if i.name not in own]


def gates_of(metrics: Mapping[str, Any]) -> list[Any]:
    """The pipeline's gates on the quality of measured data, from the comparison's artifact; none for simulated data."""
    from ptycho.quality.gates import measured_gates

    if "half_scan_oracle" not in metrics:
        return []
    return list(measured_gates({**metrics, "half_scan": {"oracle": metrics["half_scan_oracle"]}}))
