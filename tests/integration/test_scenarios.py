"""The project's bars: what every scenario reaches at its cpu profile."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration
AMPLITUDE_BAR = {"gs2_ideal": 0.97, "gs1_ideal": 0.90, "gs1_custom": 0.90, "gs2_custom": 0.90, "gs2_complex": 0.95}


def only(*names: str):
    return pytest.mark.parametrize("scenario", sorted(names), indirect=True)


def metrics(comparison) -> dict[str, Any]:
    return comparison.artifact.values["metrics"]


def test_full_chain_product_is_one(scenario, telemetry):
    assert abs(telemetry.artifact.values["intensity"]["full_chain_product"] - 1) <= 0.05


@only(*AMPLITUDE_BAR)
def test_amplitude_is_right_without_least_squares(scenario, comparison):
    amplitude = metrics(comparison)["network"]["amplitude"]
    assert amplitude["pearson_r"] >= AMPLITUDE_BAR[scenario]
    assert abs(amplitude["relative_bias"]) <= 0.02


@only("gs2_ideal")
def test_phase_of_a_real_object_is_flat(scenario, comparison):
    assert metrics(comparison)["network"]["phase"]["mae"] <= 0.03


@only("gs2_complex")
def test_phase_of_a_complex_object_is_recovered(scenario, comparison, reconstruction):
    phase = metrics(comparison)["network"]["phase"]
    assert phase["pearson_r"] >= 0.98
    assert phase["mae"] <= 0.16
    synchronization = reconstruction.output["synchronization"]
    assert synchronization["disagreement_after"] < 0.2 * synchronization["disagreement_before"]


@only("gs2_ideal")
def test_oracle_reaches_the_quality_that_simulated_data_allow(scenario, comparison):
    assert metrics(comparison)["oracle"]["amplitude"]["pearson_r"] >= 0.998


@only("siemens_star")
def test_real_data_agree_with_the_oracle_and_with_themselves(scenario, comparison):
    result = metrics(comparison)
    assert result["fourier_error"]["oracle"] <= 0.14
    assert result["fourier_error"]["network_held_out"] <= 0.14
    assert result["network_to_oracle"]["phase"]["pearson_r"] >= 0.95
    assert result["half_scan_network"]["phase"]["pearson_r"] >= 0.9
