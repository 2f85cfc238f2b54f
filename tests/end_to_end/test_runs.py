"""Whole runs of the `ptycho` command, as a user starts them: never cached, minutes in all. Time is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytestmark = pytest.mark.end_to_end
ROOT = Path(__file__).parent.parent.parent


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


@pytest.mark.parametrize("scenario", ["gs1_custom", "gs1_ideal", "gs2_custom", "gs2_ideal"], indirect=True)
def test_bare_amplitude_and_sigmoid_run_and_their_artifacts_say_what_is_wrong(scenario, comparison, tmp_path):
    finished = run(tmp_path, scenario, "model.features=amplitude", "model.amplitude_head=sigmoid", "train.epochs=5")
    assert finished.status == 1, finished.text
    head = finished.read("intensity_stats.json")["amplitude_head"]
    assert head["ceiling"] == 1.0
    assert head["predicted_max"] <= 1.0 + 1e-5
    failed = {i["name"] for i in finished.read("run_metadata.json")["invariants"] if not i["passed"]}
    assert failed & {"amplitude_head_reaches", "full_chain_product"}
    healthy = comparison.artifact.values["metrics"]["network"]["amplitude"]
    assert finished.read("comparison_metrics.json")["amplitude"]["mae"] > 2 * healthy["mae"]


@pytest.mark.parametrize("scenario", ["gs2_ideal", "siemens_star"], indirect=True)
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
