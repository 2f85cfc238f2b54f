"""The project's bars: what every scenario reaches at its cpu profile. Time is measured, not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parent.parent.parent
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
    found = metrics(comparison)
    assert found["fourier_error"]["oracle"] <= 0.14
    assert found["fourier_error"]["network_held_out"] <= 0.14
    assert found["network_to_oracle"]["phase"]["pearson_r"] >= 0.95
    assert found["half_scan_network"]["phase"]["pearson_r"] >= 0.9


class Finished(NamedTuple):
    status: int
    out: Path
    text: str

    def read(self, name: str) -> dict[str, Any]:
        return json.loads((self.out / name).read_text(), parse_constant=pytest.fail)


def run(out: Path, scenario: str, *settings: str) -> Finished:
    """``ptycho run``, as a user would."""
    options = [word for setting in settings for word in ("--set", setting)]
    line = [sys.executable, "-m", "ptycho", "run", scenario, "--out", str(out), *options]
    finished = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    return Finished(finished.returncode, out, finished.stdout + finished.stderr)


@only("gs1_ideal", "gs1_custom", "gs2_ideal", "gs2_custom")
def test_bare_amplitude_and_sigmoid_run_and_their_artifacts_say_what_is_wrong(scenario, comparison, tmp_path):
    finished = run(tmp_path, scenario, "model.features=amplitude", "model.amplitude_head=sigmoid", "train.epochs=5")
    assert finished.status == 1, finished.text
    head = finished.read("intensity_stats.json")["amplitude_head"]
    assert head["ceiling"] == 1.0
    assert head["predicted_max"] <= 1.0 + 1e-5
    failed = {i["name"] for i in finished.read("run_metadata.json")["invariants"] if not i["passed"]}
    assert failed & {"amplitude_head_reaches", "full_chain_product"}
    healthy = metrics(comparison)["network"]["amplitude"]
    assert finished.read("comparison_metrics.json")["amplitude"]["mae"] > 2 * healthy["mae"]


@only("gs2_ideal", "siemens_star")
def test_a_whole_run_stays_within_memory_and_draws_whole_figures(scenario, tmp_path):
    from matplotlib.image import imread

    finished = run(tmp_path, scenario)
    assert finished.status == 0, finished.text
    metadata = finished.read("run_metadata.json")
    assert all(item["passed"] for item in metadata["invariants"])
    assert metadata["peak_memory_mb"] <= 1500
    for name in ("overview.png", "amplitude_diff.png", "phase_diff.png", "train_outputs/loss_curve.png"):
        picture = imread(tmp_path / name)
        assert picture.shape[0] > 200
        assert np.ptp(picture[..., :3]) > 0.5
