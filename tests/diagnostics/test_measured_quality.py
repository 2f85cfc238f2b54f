"""A run on measured data tells in its diagnosis what the preflight found, and which gate does not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.judge.schema import Schema
from ptycho.diagnostics import RunRecord, diagnose
from ptycho.quality.gates import measured_gates

SCHEMA = Path(__file__).parents[2] / "schemas/diagnostics/measured_quality.schema.json"
SWAPPED = {
    "name": "positions",
    "level": "error",
    "sentence": "the positions' axes or signs are other ones than declared",
    "flag": "--order yx",
}


def scores(r):
    return {"amplitude": {"pearson_r": r}, "phase": {"pearson_r": r}}


def quality(network=0.072, oracle=0.046, held_out=0.075, agreement=0.9, floor=0.028):
    errors = {"network": network, "oracle": oracle, "network_held_out": held_out, "photon_floor": floor}
    return {
        "fourier_error": errors,
        "half_scan": {"network": scores(0.99), "oracle": scores(agreement)},  # the network's share what was learnt
    }


def run(figures, findings=(), forced=()):
    gates = [vars(gate) for gate in measured_gates(figures)]
    parts = {"metadata": {"invariants": gates, "preflight": {"findings": list(findings), "forced": list(forced)}}}
    return diagnose([RunRecord("mine", "ptycho", parts)])["runs"][0]


def measured(diagnosis):
    return next(a for a in diagnosis["analyses"] if a["name"] == "measured_quality")


def hypothesis(diagnosis):
    return next(h for h in diagnosis["hypotheses"] if h["id"] == "H-MEASURED-DATA")


def test_a_right_run_has_no_fault_and_rules_the_hypothesis_out():
    diagnosis = run(quality())
    assert [f for f in diagnosis["findings"] if f["level"] != "info"] == []
    assert hypothesis(diagnosis)["status"] == "ruled out"
    assert Schema(json.loads(SCHEMA.read_text()), SCHEMA).problems(measured(diagnosis)["figures"]) == []


def test_what_was_forced_comes_first_before_the_gate_that_fails_for_it():
    diagnosis = run(quality(0.198, 0.199, 0.2, 0.1), [SWAPPED], ["positions"])
    causes = [f["cause"] for f in diagnosis["findings"]]
    assert causes[0] == "preflight_positions"
    assert "gate_fourier_error_oracle" in causes
    assert "--order yx" in diagnosis["findings"][0]["remedy"]
    assert "axes or signs" in diagnosis["verdict"]
    assert hypothesis(diagnosis)["status"] == "confirmed"


@pytest.mark.parametrize(
    ("figures", "gate"),
    [
        (quality(network=0.176, oracle=0.172, held_out=0.18), "fourier_error_oracle"),
        (quality(network=0.12, oracle=0.046, held_out=0.12), "network_against_oracle"),
        (quality(held_out=0.15), "held_out_frames"),
        (quality(agreement=0.13), "half_scan_agreement"),
        (quality(network=float("nan")), "fourier_error_network"),
    ],
)
def test_each_gate_fails_by_its_own_figure(figures, gate):
    assert gate in {g.name for g in measured_gates(figures) if not g.passed}


@pytest.mark.parametrize("figures", [quality(), quality(0.1007, 0.1008, 0.1035, 0.96, 0.048)])
def test_right_runs_keep_every_gate(figures):
    """The simulated scan, and the real star with its own floor."""
    assert [g.name for g in measured_gates(figures) if not g.passed] == []


@pytest.mark.parametrize(("common", "told"), [(980, True), (130, False)])
def test_a_scan_whose_halves_see_other_parts_cannot_tell_of_held_out_frames(common, told):
    figures = quality(held_out=0.4)
    figures["half_scan"]["oracle"]["amplitude"]["count"] = common
    gates = measured_gates(figures | {"support": {"count": 1000}})
    assert [g.name for g in gates if not g.passed] == (["held_out_frames"] if told else [])
    assert ("held_out_frames" in {g.name for g in gates}) == told


def test_halves_that_see_nothing_of_one_another_have_no_agreement():
    failed = [g for g in measured_gates(quality() | {"half_scan": {}}) if not g.passed]
    assert [g.name for g in failed] == ["half_scan_agreement"]
    assert "no common part" in failed[0].evidence


def test_a_simulated_run_says_nothing_of_measured_data():
    diagnosis = diagnose([RunRecord("simulated", "ptycho", {"metadata": {"invariants": []}})])["runs"][0]
    assert "measured_quality" not in {a["name"] for a in diagnosis["analyses"]}
    assert hypothesis(diagnosis)["status"] == "untestable here"


def correlated(network, oracle):
    parts = {"metrics": {"phase": {"pearson_r": network}, "oracle": {"phase": {"pearson_r": oracle}}}}
    return diagnose([RunRecord("simulated", "ptycho", parts)])["runs"][0]["findings"]


def test_a_network_far_from_its_oracle_is_said_and_is_no_fault():
    (finding,) = correlated(0.66, 0.98)
    assert (finding["cause"], finding["level"]) == ("far_from_oracle", "info")
    assert "phase pearson_r 0.66 against 0.98" in finding["statement"]


@pytest.mark.parametrize(("network", "oracle"), [(0.95, 0.99), (0.9, 0.5), (None, 0.99), (0.5, float("nan"))])
def test_a_network_near_its_oracle_or_of_which_nothing_is_known_is_not(network, oracle):
    assert correlated(network, oracle) == []
