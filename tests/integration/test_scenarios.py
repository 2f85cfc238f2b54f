"""Every scenario at its cpu profile, through the command line, against the project's bars.

Time is measured (``run_metadata.json``, ``tox -e bench``) and not asserted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from ptycho.scenario import list_scenarios

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parent.parent.parent


class Finished(NamedTuple):
    status: int
    out: Path
    text: str

    def read(self, name: str) -> dict[str, Any]:
        return json.loads((self.out / name).read_text(), parse_constant=pytest.fail)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Run a scenario once a session, however many tests ask for it."""
    done: dict[tuple[str, ...], Finished] = {}

    def once(scenario: str, *settings: str) -> Finished:
        key = (scenario, *settings)
        if key not in done:
            out = tmp_path_factory.mktemp(scenario)
            options = [word for setting in settings for word in ("--set", setting)]
            line = [sys.executable, "-m", "ptycho", "run", scenario, "--out", str(out), *options]
            finished = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=1200)
            done[key] = Finished(finished.returncode, out, finished.stdout + finished.stderr)
        return done[key]

    return once


AMPLITUDE_BAR = {"gs2_ideal": 0.97, "gs1_ideal": 0.90, "gs1_custom": 0.90, "gs2_custom": 0.90, "gs2_complex": 0.95}


def needs_data(scenario: str, request: pytest.FixtureRequest) -> None:
    """The real probe and the real data come from the shared folder."""
    if scenario not in ("gs1_ideal", "gs2_ideal", "gs2_base", "gs2_ne60", "gs2_complex"):
        request.getfixturevalue("shared")


@pytest.mark.parametrize("scenario", sorted(list_scenarios()))
def test_scenario_runs_and_every_invariant_holds(run, scenario, request):
    needs_data(scenario, request)
    finished = run(scenario)
    assert finished.status == 0, finished.text
    metadata = finished.read("run_metadata.json")
    assert all(item["passed"] for item in metadata["invariants"])
    assert metadata["peak_memory_mb"] <= 1500
    assert abs(finished.read("intensity_stats.json")["full_chain_product"] - 1) <= 0.05


@pytest.mark.parametrize("scenario", sorted(AMPLITUDE_BAR))
def test_amplitude_is_right_without_least_squares(run, scenario, request):
    needs_data(scenario, request)
    amplitude = run(scenario).read("comparison_metrics.json")["amplitude"]
    assert amplitude["pearson_r"] >= AMPLITUDE_BAR[scenario]
    assert abs(amplitude["relative_bias"]) <= 0.02


def test_phase_of_a_real_object_is_flat(run):
    assert run("gs2_ideal").read("comparison_metrics.json")["phase"]["mae"] <= 0.03


def test_phase_of_a_complex_object_is_recovered(run):
    phase = run("gs2_complex").read("comparison_metrics.json")["phase"]
    assert phase["pearson_r"] >= 0.98
    assert phase["mae"] <= 0.16
    synchronization = run("gs2_complex").read("inference_outputs/stats.json")["synchronization"]
    assert synchronization["disagreement_after_rad"] < 0.2 * synchronization["disagreement_before_rad"]


def test_oracle_reaches_the_quality_that_the_data_allow(run, shared):
    assert run("gs2_ideal").read("comparison_metrics.json")["oracle"]["amplitude"]["pearson_r"] >= 0.998
    assert run("siemens_star").read("comparison_metrics.json")["fourier_error"]["oracle"] <= 0.14


def test_real_data_agree_with_the_oracle_and_with_themselves(run, shared):
    found = run("siemens_star").read("comparison_metrics.json")
    assert found["fourier_error"]["network_held_out"] <= 0.14
    assert found["network_to_oracle"]["phase"]["pearson_r"] >= 0.95
    assert found["half_scan"]["network"]["phase"]["pearson_r"] >= 0.9


@pytest.mark.parametrize("scenario", ["gs1_ideal", "gs1_custom", "gs2_ideal", "gs2_custom"])
def test_bare_amplitude_and_sigmoid_run_and_their_artifacts_say_what_is_wrong(run, scenario, request):
    needs_data(scenario, request)
    finished = run(scenario, "model.features=amplitude", "model.amplitude_head=sigmoid", "train.epochs=5")
    assert finished.status == 1, finished.text
    head = finished.read("intensity_stats.json")["amplitude_head"]
    assert head["ceiling"] == 1.0
    assert head["predicted_max"] <= 1.0 + 1e-5
    failed = {i["name"] for i in finished.read("run_metadata.json")["invariants"] if not i["passed"]}
    assert failed & {"amplitude_head_reaches", "full_chain_product"}
    healthy = run(scenario).read("comparison_metrics.json")["amplitude"]
    assert finished.read("comparison_metrics.json")["amplitude"]["mae"] > 2 * healthy["mae"]


def test_figures_are_whole_images(run):
    from matplotlib.image import imread

    out = run("gs2_ideal").out
    for name in ("overview.png", "amplitude_diff.png", "phase_diff.png", "train_outputs/loss_curve.png"):
        picture = imread(out / name)
        assert picture.shape[0] > 200
        assert np.ptp(picture[..., :3]) > 0.5
